/** Options of the reasoning modules (papers/iterative-reasoning.md#memory-options). */

/** The spatial memory. */
export interface MemoryOptions {
  /** Channels of the memory, D. */
  readonly depth: number;
  /** Stored size of the initial memory, [height, width]; resized to each image's map. */
  readonly initSize: readonly [number, number];
  /** Cells of a region's crop on each side. */
  readonly cropSize: number;
  /** Window of the convolutional GRU, odd. */
  readonly kernel: number;
  /** Context layers before a prediction, odd: one, then pairs with a residual. */
  readonly contextLayers: number;
  /** Window of the context layers after the first. */
  readonly contextKernel: number;
  /** Window of the first context layer. */
  readonly contextFirstKernel: number;
  /** Layers that make the GRU's input: the 1×1 compression, then convolutions. */
  readonly inputLayers: number;
  /** Window of those convolutions. */
  readonly inputKernel: number;
  /** Standard deviation of the weights that compress features and fed-back predictions into the GRU's input. */
  readonly std: number;
  /** Standard deviation of the GRU's weights, of its gates and its candidate alike. */
  readonly updateStd: number;
}

/** Spatial relations between regions: `left` links a region to those on its left, and so on. */
export const REGION_RELATIONS = ["left", "right", "top", "bottom", "iou"] as const;

/** A spatial relation. */
export type RegionRelation = typeof REGION_RELATIONS[number];

/** The global graph. */
export interface GraphOptions {
  /** Width of a node, D. */
  readonly width: number;
  /** Stacked propagation layers, with residuals. */
  readonly layers: number;
  /** Relations among regions, in the order of their weights. */
  readonly regionEdges: readonly RegionRelation[];
  /** Δ of the edge weight exp(−distance / Δ), in pixels of the network's input. */
  readonly bandwidth: number;
  /** Distance between boxes: the gap between them, or between their centres. */
  readonly distance: "gap" | "centre";
  /** Regions further apart than this, in pixels of the network's input, are not linked; null links all. */
  readonly reach: number | null;
  /** Class–class edge types to use; null uses all the knowledge graph has. */
  readonly classEdges: readonly string[] | null;
  /** A class's evidence: the weighted mean over regions (`row`), or the sum (`none`). */
  readonly assignNorm: "row" | "none";
  /** One gate value a region, or one a channel. */
  readonly gates: "region" | "channel";
  /** Carry the class nodes from iteration to iteration instead of starting them from the vectors. */
  readonly carryClasses: boolean;
  /**
   * Carry the region nodes on as the last propagation left them; without it the next iteration goes on from the nodes as
   * they were before any messages. No source says either; a later system on the authors' code base carries.
   */
  readonly carryRegions: boolean;
  /** Activation of the GRU's candidate: ReLU as in the memory, or the usual tanh. */
  readonly candidate: "relu" | "tanh";
  /** As the memory's `std`. */
  readonly std: number;
  /** As the memory's `updateStd`; the graph has no released code to take it from. */
  readonly updateStd: number;
}

/** The layers from a module's features to class scores and confidence. */
export interface HeadOptions {
  /** Units of a fully connected layer. */
  readonly width: number;
  /** Fully connected layers: 0, 1 or 2. */
  readonly layers: number;
  /** Standard deviation of the scores' weights. */
  readonly std: number;
}

/** The losses of the roll-out (papers/iterative-reasoning.md#losses). */
export interface LossOptions {
  /** Factor of the local predictions' mean loss. */
  readonly local: number;
  /** Factor of the global predictions' mean loss. */
  readonly global: number;
  /** Factor of the attended prediction's loss. */
  readonly final: number;
  /** Give regions that the previous prediction had wrong more weight. */
  readonly reweight: boolean;
  /** Least weight of a region before normalisation, β. */
  readonly beta: number;
}

/** A switch for each module. */
export interface EachModule {
  /** The spatial memory. */
  readonly memory: boolean;
  /** The global graph. */
  readonly graph: boolean;
}

/** Places where gradients stop. */
export interface StopOptions {
  /** The ConvNet's features on their way into each module. */
  readonly features: EachModule;
  /** Predictions fed back into each module. */
  readonly feedback: EachModule;
  /** Class scores under the final loss: only the attention learns from it. */
  readonly attended: boolean;
}

/** The roll-out of memory and graph. */
export interface ReasoningOptions {
  /** Predictions counting the plain ConvNet's, T; T − 1 updates. */
  readonly iterations: number;
  /** Settings of the spatial memory. */
  readonly memory: MemoryOptions;
  /** Settings of the graph module. */
  readonly graph: GraphOptions;
  /** Settings of the classifying heads. */
  readonly head: HeadOptions;
  /** Settings of the losses. */
  readonly loss: LossOptions;
  /** Places where gradients stop. */
  readonly stop: StopOptions;
  /** Feed both modules' predictions to each (`final` only). */
  readonly crossFeed: boolean;
  /** Weigh predictions by learnt confidence; without it the answer is the mean of the last iteration's. */
  readonly attention: boolean;
}

/** The published sizes; where no source gives one, our choice. */
export const PUBLISHED_REASONING: ReasoningOptions = {
  iterations: 3,
  memory: {
    depth: 512,
    initSize: [20, 20],
    cropSize: 7,
    kernel: 3,
    contextLayers: 3,
    contextKernel: 3,
    contextFirstKernel: 3,
    inputLayers: 2,
    inputKernel: 3,
    std: 0.01,
    updateStd: 0.01,
  },
  graph: {
    width: 512,
    layers: 3,
    regionEdges: REGION_RELATIONS,
    bandwidth: 50,
    distance: "gap",
    reach: null,
    classEdges: null,
    assignNorm: "row",
    gates: "region",
    carryClasses: false,
    carryRegions: false,
    candidate: "relu",
    std: 0.01,
    updateStd: 0.01,
  },
  head: { width: 4096, layers: 2, std: 0.01 },
  loss: { local: 1, global: 1, final: 1, reweight: true, beta: 0.5 },
  stop: { features: { memory: true, graph: true }, feedback: { memory: true, graph: true }, attended: true },
  crossFeed: true,
  attention: true,
};

/** Narrow modules for two CPU cores, with weights that start as much larger as the layers are narrower. */
export const SMALL_REASONING: ReasoningOptions = {
  ...PUBLISHED_REASONING,
  memory: { ...PUBLISHED_REASONING.memory, depth: 32, std: 0.07, updateStd: 0.07 },
  graph: { ...PUBLISHED_REASONING.graph, width: 96, std: 0.1, updateStd: 0.1 },
  head: { width: 192, layers: 2, std: 0.01 },
};
