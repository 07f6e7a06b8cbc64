/** Local memory, global graph, or both, rolled out over the plain ConvNet (papers/iterative-reasoning.md#roll-out). */
import { concat, type Device, Graph, matmul, reshape, softmax, type Tensor, weightedSum } from "../../../engine/mod.ts";
import { BaselineClassifier, type BaselineOptions, type RegionFeatures } from "../baseline.ts";
import type { Losses, NamedAxis, Prediction } from "../contract.ts";
import { regionLoss } from "../region_loss.ts";
import type { EdgeRule, RealRegions, RegionInput, RegionTensors } from "../regions.ts";
import { regionEdges } from "./edges.ts";
import { GlobalGraph, type LayerTrace } from "./graph.ts";
import type { HeadOutput } from "./head.ts";
import type { ClassKnowledge } from "./knowledge.ts";
import { hardExampleLoss } from "./losses.ts";
import { SpatialMemory } from "./memory.ts";
import type { ReasoningOptions, StopOptions } from "./options.ts";

/** The modules that reason: memory (`local`), graph (`global`), or both. */
export type ReasoningMode = "local" | "global" | "final";

/** Options of a reasoning classifier. */
export interface ReasonerOptions extends BaselineOptions {
  /** Parts that the model has: memory, graph or both. */
  readonly mode: ReasoningMode;
  /** Settings of these parts. */
  readonly reasoning: ReasoningOptions;
  /** Graph and vectors of the classes; modes with a graph need them. */
  readonly knowledge: ClassKnowledge;
}

/** Tensors of a roll-out, kept for pictures. */
export interface Trace {
  /** The memory at each prediction, [1, H, W, D]. */
  readonly memories: Tensor[];
  /** Per iteration, the propagation layers. */
  readonly layers: LayerTrace[][];
  /** The region graph; null without one, and where it is on the device alone. */
  edges: Graph | null;
}

/** All predictions of an image. */
export interface Rollout {
  /** The ConvNet's, then each iteration's. */
  readonly predictions: readonly Prediction[];
  /** Attention over `predictions`, [R, N]; null when it is off. */
  readonly attention: Tensor | null;
  /** The answer's logits, [R, C]. */
  readonly attended: Tensor;
}

/** The latest logits of each stream, [R, C]. */
interface LatestLogits {
  local: Tensor | null;
  global: Tensor | null;
}

/** Parameters of memory and graph with an entry for each class or edge type; those of fed-back predictions may have two. */
const NAMED_AXES: readonly (readonly [RegExp, NamedAxis])[] = [
  [/\.head\.score\.weight$/, { of: "classes", axis: 1 }],
  [/\.head\.score\.bias$/, { of: "classes", axis: 0 }],
  [/\.map_prob\.weight$/, { of: "classes", axis: 0 }],
  [/^graph\.vectors$/, { of: "classes", axis: 0, given: true }],
  [/^graph\.layer\d+\.class\.weight$/, { of: "classEdges", axis: 0 }],
  [/^graph\.layer\d+\.region\.weight$/, { of: "regionEdges", axis: 0 }],
];

/**
 * Iterative reasoning over regions (Chen et al., CVPR 2018).
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device } from "@itera/itera/engine";
 * import { classKnowledge, ReasoningClassifier, resnetPresets, SMALL_REASONING } from "@itera/itera/models";
 *
 * await using device = await Device.open();
 * const knowledge = classKnowledge(null, 3, null, 1);
 * using model = new ReasoningClassifier(device, {
 *   classes: 3,
 *   resnet: resnetPresets.small,
 *   mode: "final", // memory and graph
 *   reasoning: { ...SMALL_REASONING, iterations: 2 },
 *   knowledge,
 *   seed: 1,
 * });
 * using scope = device.scope();
 * const image = Float32Array.from({ length: 32 * 48 * 3 }, (_, i) => Math.sin(i));
 * const boxes = Float32Array.of(0, 0, 15, 15, 8, 4, 40, 28);
 * const predictions = model.predict({ image, height: 32, width: 48, boxes });
 * deepStrictEqual(predictions.map(({ name }) => name), ["image", "local 1", "global 1", "attended"]);
 * deepStrictEqual(predictions[3].logits.shape, [2, 3]);
 * ```
 */
export class ReasoningClassifier extends BaselineClassifier {
  readonly #options: ReasoningOptions;
  readonly #memory: SpatialMemory | null;
  readonly #graph: GlobalGraph | null;
  readonly #crossFeed: boolean;

  /** Builds it with random weights; those it shares with the baseline are the baseline's of the same seed. */
  constructor(device: Device, options: ReasonerOptions) {
    // The reference crops for its memory without max-pooling, whatever RESNET.MAX_POOL says of its baseline.
    super(device, { ...options, maxPool: false });
    const { mode, reasoning, classes, knowledge } = options;
    this.#options = reasoning;
    this.#crossFeed = mode === "final" && reasoning.crossFeed;
    const feedback = this.#crossFeed ? 2 * classes : classes;
    const { bodyChannels, tailChannels } = this.resnet;
    this.#memory = mode === "global" ? null : this.child(
      "memory",
      new SpatialMemory(
        device,
        { classes, features: bodyChannels, feedback },
        reasoning.memory,
        reasoning.head,
        this.seeds,
      ),
    );
    this.#graph = mode === "local" ? null : this.child(
      "graph",
      new GlobalGraph(
        device,
        { classes, features: tailChannels, feedback },
        knowledge,
        reasoning.graph,
        reasoning.head,
        this.seeds,
      ),
    );
  }

  /** Parameters with an entry for each class or edge type. */
  override namedAxes(): ReadonlyMap<string, NamedAxis> {
    const axes = new Map(super.namedAxes());
    for (const { name } of this.parameters()) {
      const axis = NAMED_AXES.find(([pattern]) => pattern.test(name))?.[1];
      if (axis) axes.set(name, axis);
    }
    return axes;
  }

  /** Rule by which edges link regions. */
  protected override get edgeRule(): EdgeRule | null {
    const { graph } = this.#options;
    return this.#graph && {
      types: graph.regionEdges.length,
      between: (boxes) => regionEdges(boxes, graph),
    };
  }

  /** The answer's logits [R, C]. */
  override forward(input: RegionInput | RegionTensors): Tensor {
    using scope = this.device.scope();
    return scope.keep(this.rollout(input).attended);
  }

  /** Every prediction, the attended one last. */
  override predict(input: RegionInput | RegionTensors): Prediction[] {
    using scope = this.device.scope();
    const { predictions, attended } = this.rollout(input);
    const all = [...predictions, { name: "attended", source: "attended", iteration: 0, logits: attended }];
    for (const { logits } of all) scope.keep(logits);
    return all;
  }

  /** Losses of image, memory, graph and attended answer (`final`), which is absent where nothing could learn from it. */
  override loss(input: RegionInput | RegionTensors, labels: Tensor): Losses {
    const { loss: weights, attention, stop } = this.#options;
    const regions = this.onDevice(input);
    const { real } = regions;
    const { predictions, attended } = this.rollout(regions);
    const parts: Record<string, Tensor> = { image: regionLoss(predictions[0].logits, labels, real) };
    const factors = [1];
    // The authors call the local stream's loss the memory's; the graph's is named likewise.
    for (const [stream, name] of [["local", "memory"], ["global", "graph"]] as const) {
      const own = predictions.filter((p) => p.source === stream);
      if (own.length === 0) continue;
      const each = own.map(({ logits }, i) => {
        const previous = (i === 0 ? predictions[0] : own[i - 1]).logits;
        return weights.reweight
          ? hardExampleLoss(logits, labels, previous.detach(), weights.beta, real)
          : regionLoss(logits, labels, real);
      });
      parts[name] = weightedSum(each, { scale: 1 / each.length });
      factors.push(weights[stream]);
    }
    if (attention || !stop.attended) {
      parts.final = regionLoss(attended, labels, real);
      factors.push(weights.final);
    }
    return { total: weightedSum(Object.values(parts), { factors }), parts };
  }

  /** Sets the frozen normalisation's statistics from one image; the modules have none. */
  override calibrate(input: RegionInput): void {
    this.resnet.calibrate(() => super.forward(input));
  }

  /** Runs all iterations. The caller's scope owns every tensor of the result. */
  rollout(input: RegionInput | RegionTensors, trace?: Trace): Rollout {
    const { iterations, stop, graph: graphOptions } = this.#options;
    const graph = this.#graph;
    const spatial = this.#memory;
    const regions = this.onDevice(input);
    const { edges, real } = regions;
    const { boxes, logits: image, pool5, fc7 } = this.#inputs(this.features(regions), stop.features);
    const predictions: Prediction[] = [{ name: "image", source: "image", iteration: 0, logits: image }];
    const confidences: Tensor[] = [];
    const record = (stream: "local" | "global", iteration: number, { logits, confidence }: HeadOutput): Tensor => {
      predictions.push({ name: `${stream} ${iteration}`, source: stream, iteration, logits });
      confidences.push(confidence);
      return logits;
    };

    let memory = spatial?.initial(boxes) ?? null;
    if (trace && edges instanceof Graph) trace.edges = edges;
    const start = graph?.initial(fc7, boxes.images) ?? null;
    let nodes = start;
    // The confidence in the ConvNet is a module's on what it starts from; its class scores there are thrown away.
    confidences.push((memory ? spatial!.predict(memory, boxes) : graph!.predict(start!.regions)).confidence);
    if (memory) trace?.memories.push(memory);

    const shared = { memory: spatial?.shared(pool5) ?? null, graph: graph?.shared(fc7) ?? null };
    const latestLogits: LatestLogits = { local: spatial && image, global: graph && image };
    for (let i = 1; i < iterations; i++) {
      // What both modules are fed alike is joined once.
      const joined: { both?: Tensor } = {};
      const [toLocal, toGlobal] = [
        this.#feedback(latestLogits, "local", real, joined),
        this.#feedback(latestLogits, "global", real, joined),
      ];
      if (spatial && memory) {
        memory = spatial.update(memory, toLocal.logits!, pool5, boxes, shared.memory);
        trace?.memories.push(memory);
        latestLogits.local = record("local", i, spatial.predict(memory, boxes));
      }
      if (graph && nodes && edges && start) {
        const informed = graph.update(nodes.regions, toGlobal.logits!, fc7, shared.graph);
        const layers: LayerTrace[] | undefined = trace && [];
        const reasoned = graph.reason(
          { regions: informed, classes: nodes.classes },
          toGlobal.assignment!,
          edges,
          layers,
        );
        if (layers) trace!.layers.push(layers);
        latestLogits.global = record("global", i, graph.predict(reasoned.regions));
        nodes = {
          regions: graphOptions.carryRegions ? reasoned.regions : informed,
          classes: graphOptions.carryClasses ? reasoned.classes : start.classes,
        };
      }
    }
    return { predictions, ...this.#attend(predictions, confidences) };
  }

  /** The ConvNet's features as the modules see them. */
  #inputs(features: RegionFeatures, stop: StopOptions["features"]): RegionFeatures {
    const { pool5, fc7 } = features;
    return { ...features, pool5: stop.memory ? pool5.detach() : pool5, fc7: stop.graph ? fc7.detach() : fc7 };
  }

  /**
   * Inputs of a module from the last iteration: the logits [R, F] of its own stream, or of both; and their assignment of
   * regions to classes, [R, C], 0 for padding.
   */
  #feedback(
    latest: LatestLogits,
    stream: "local" | "global",
    real: RealRegions | null,
    joined: { both?: Tensor },
  ): { logits: Tensor | null; assignment: Tensor | null } {
    if (!latest[stream]) return { logits: null, assignment: null };
    const { feedback } = this.#options.stop;
    const stops = stream === "local" ? feedback.memory : feedback.graph;
    const inputs = (this.#crossFeed ? [latest.local!, latest.global!] : [latest[stream]!])
      .map((t) => stops ? t.detach() : t);
    const both = inputs.length > 1;
    const scores = stream === "global" ? inputs.map((t) => softmax(t.detach())) : [];
    const mean = scores.length > 1 ? weightedSum(scores, { scale: 0.5 }) : scores[0] ?? null;
    const logits = !both ? inputs[0] : stops ? joined.both ??= concat(inputs, 1) : concat(inputs, 1);
    return { logits, assignment: mean && real ? mean.mul(real.mask) : mean };
  }

  /** Predictions weighed by softmax over their confidences, or the mean of the last iteration's. */
  #attend(predictions: readonly Prediction[], confidences: readonly Tensor[]): Omit<Rollout, "predictions"> {
    const { attention, stop, iterations } = this.#options;
    const scores = predictions.map(({ logits }) => stop.attended ? logits.detach() : logits);
    if (!attention) {
      const last = scores.filter((_, i) => predictions[i].iteration === iterations - 1);
      return { attention: null, attended: last.reduce((sum, f) => sum.add(f)).div(last.length) };
    }
    const [regions, classes] = scores[0].shape;
    const weights = softmax(concat(confidences, 1));
    const stacked = concat(scores.map((f) => reshape(f, [regions, 1, classes])), 1);
    const mixed = matmul(reshape(weights, [regions, 1, scores.length]), stacked);
    return { attention: weights, attended: reshape(mixed, [regions, classes]) };
  }
}
