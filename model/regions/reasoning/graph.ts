/**
 * The global module: reasoning over a region graph, a knowledge graph and the assignment between them
 * (papers/iterative-reasoning.md#graph-layer).
 */
import {
  addRelu,
  ConvGRU,
  type Device,
  Graph,
  init,
  Linear,
  matmul,
  Module,
  type ops,
  propagate,
  reshape,
  type Seeds,
  type StaticGraph,
  type Tensor,
  tile,
} from "../../../engine/mod.ts";
import type { ClassKnowledge } from "./knowledge.ts";
import { type HeadOutput, PredictionHead } from "./head.ts";
import type { GraphOptions, HeadOptions } from "./options.ts";

/** Sizes the graph's surroundings give it. */
export interface GraphInputs {
  readonly classes: number;
  /** Width of the pooled features, fc7. */
  readonly features: number;
  /** Numbers fed back for a region: the classes, twice with cross-feed. */
  readonly feedback: number;
}

/** Nodes of both graphs. */
export interface Nodes {
  /** [R, D]. */
  readonly regions: Tensor;
  /** [N · C, D]: those of each image, one image's after another's. */
  readonly classes: Tensor;
}

/** Messages of one propagation layer, for pictures of which nodes influenced which. */
export interface LayerTrace {
  /** Message of each region over each spatial relation, [relations, R, D]. */
  readonly regionMessages: Tensor;
  /** Message of each class to the regions assigned to it, [C, D]; null without class edges. */
  readonly classMessages: Tensor | null;
  /** Soft assignment of regions to classes, [R, C]. */
  readonly assignment: Tensor;
}

/** Least evidence a class's row is divided by: a class no region supports must not be blown up. */
const ASSIGN_GUARD = 1e-3;

/** A soft assignment of regions to their image's classes, [R, C], with what all layers of an iteration divide by. */
class Assigned {
  readonly assignment: Tensor;
  /** The same as matrices of each image, [N, R / N, C], or the one of one image. */
  readonly #each: Tensor;
  readonly #images: number;
  readonly #evidence: Tensor | null;
  readonly #shares: Tensor | null;

  /** Without gradients; divides the evidence of a class by its regions' sum if `byRow`. */
  constructor(assignment: Tensor, images: number, byRow: boolean) {
    this.assignment = assignment;
    this.#images = images;
    this.#each = this.#apart(assignment);
    // Divided once on GPUs; elsewhere each layer divides, by which runs keep the bits that they began with.
    const once = assignment.device.kernels === "gpu", regions = images === 1 ? 0 : 1;
    const total = (): Tensor => this.#each.sum(regions, { keepDims: images > 1 }).clamp(ASSIGN_GUARD, 3e38);
    this.#shares = byRow && once ? this.#each.div(total()) : null;
    this.#evidence = byRow && !once ? reshape(total(), [images * assignment.shape[1], 1]) : null;
  }

  /** Evidence of each class, [N · C, D], from nodes of regions [R, D]. */
  gather(regions: Tensor): Tensor {
    const evidence = together(matmul(this.#shares ?? this.#each, this.#apart(regions), { transposeA: true }));
    return this.#evidence ? evidence.div(this.#evidence) : evidence;
  }

  /** Messages of classes [N · C, D] to the regions assigned to them, [R, D]. */
  spread(classes: Tensor): Tensor {
    return together(matmul(this.#each, this.#apart(classes)));
  }

  /** Rows of all images as a matrix for each, [N, rows / N, width]. */
  #apart(all: Tensor): Tensor {
    const [rows, width] = all.shape;
    return this.#images === 1 ? all : reshape(all, [this.#images, rows / this.#images, width]);
  }
}

/** Matrices [N, rows, width] as one. */
function together(each: Tensor): Tensor {
  return each.shape.length === 2 ? each : reshape(each, [each.shape[0] * each.shape[1], each.shape[2]]);
}

/** One propagation: regions to regions, regions to classes, classes to classes, classes to regions; residual. */
class PropagationLayer extends Module {
  readonly #options: GraphOptions;
  readonly #regionWeight: Tensor;
  readonly #regionBias: Tensor;
  readonly #gather: Linear | null = null;
  readonly #own: Linear | null = null;
  readonly #classWeight: Tensor | null = null;
  readonly #classBias: Tensor | null = null;
  readonly #back: Linear | null = null;

  constructor(device: Device, options: GraphOptions, classTypes: number, seeds: Seeds) {
    super(device);
    this.#options = options;
    const { width } = options;
    const he = { init: init.heTruncated };
    const types = options.regionEdges.length;
    this.#regionWeight = this.parameter("region.weight", [types, width, width], init.heTruncated, seeds.next());
    this.#regionBias = this.parameter("region.bias", [width], init.zeros, 0);
    if (classTypes === 0) return;
    this.#gather = this.child(
      "to_class",
      new Linear(device, { inputs: width, outputs: width, seeds, ...he, bias: false }),
    );
    this.#own = this.child("class_own", new Linear(device, { inputs: width, outputs: width, seeds, ...he }));
    this.#classWeight = this.parameter("class.weight", [classTypes, width, width], init.heTruncated, seeds.next());
    this.#classBias = this.parameter("class.bias", [width], init.zeros, 0);
    this.#back = this.child(
      "to_region",
      new Linear(device, { inputs: width, outputs: width, seeds, ...he, activation: "relu" }),
    );
  }

  /** `last` leaves the class nodes as they are. */
  forward(
    nodes: Nodes,
    assigned: Assigned,
    edges: Graph | StaticGraph,
    knowledge: Graph,
    last: boolean,
    trace?: LayerTrace[],
  ): Nodes {
    const { assignment } = assigned;
    const { regions, classes } = nodes;
    const spatial = propagate(regions, edges, this.#regionWeight, this.#regionBias);
    if (!this.#gather || !this.#own || !this.#classWeight || !this.#classBias || !this.#back) {
      trace?.push({ regionMessages: this.#messages(regions), classMessages: null, assignment });
      return { regions: addRelu(regions, spatial), classes };
    }
    const evidence = assigned.gather(this.#gather.forward(regions));
    const informed = this.#own.forward(classes, { residual: evidence, activation: "relu" });
    const semantic = propagate(informed, knowledge, this.#classWeight, this.#classBias);
    trace?.push({
      regionMessages: this.#messages(regions),
      classMessages: matmul(semantic, this.#back.weight),
      assignment,
    });
    const fromClasses = this.#back.forward(assigned.spread(semantic));
    return {
      regions: addRelu(regions, spatial, fromClasses),
      classes: last ? classes : addRelu(classes, semantic),
    };
  }

  #messages(regions: Tensor): Tensor {
    return matmul(reshape(regions, [1, ...regions.shape]), this.#regionWeight);
  }
}

/** The part of a graph's updates that all iterations share. */
export interface SharedGraph {
  readonly gru: ops.JoinedWeights;
  /** Projected features of the regions, [R, D]. */
  readonly features: Tensor;
}

/** Graph reasoning over regions and classes. */
export class GlobalGraph extends Module {
  readonly #options: GraphOptions;
  readonly #knowledge: Graph;
  /** The same graph for each of several images. */
  readonly #copies = new Map<number, Graph>();
  readonly #vectors: Tensor;
  readonly #start: Linear;
  readonly #class: Linear;
  readonly #feedback: Linear;
  readonly #feature: Linear;
  readonly #mix: Linear;
  readonly #gru: ConvGRU;
  readonly #layers: PropagationLayer[] = [];
  readonly #head: PredictionHead;

  /** Builds it with random weights over `knowledge`'s class graph and vectors. */
  constructor(
    device: Device,
    { classes, features, feedback }: GraphInputs,
    knowledge: ClassKnowledge,
    options: GraphOptions,
    head: HeadOptions,
    seeds: Seeds,
  ) {
    super(device);
    this.#options = options;
    const { width, std, updateStd } = options;
    const fc = { init: init.heTruncated, activation: "relu" } as const;
    const normal = { init: init.normal(std) };
    this.#knowledge = knowledge.graph;
    const given = (): Tensor => device.tensor(knowledge.vectors, [classes, knowledge.dim]);
    this.#vectors = this.parameter("vectors", [classes, knowledge.dim], given, 0, { trainable: false, decay: false });
    this.#start = this.child("start", new Linear(device, { inputs: features, outputs: width, seeds, ...fc }));
    this.#class = this.child(
      "class_start",
      new Linear(device, { inputs: knowledge.dim, outputs: width, seeds, ...fc }),
    );
    this.#feedback = this.child(
      "map_prob",
      new Linear(device, { inputs: feedback, outputs: width, seeds, ...normal, bias: false }),
    );
    this.#feature = this.child("fc7_comp", new Linear(device, { inputs: features, outputs: width, seeds, ...normal }));
    this.#mix = this.child("input2", new Linear(device, { inputs: width, outputs: width, seeds, ...fc }));
    this.#gru = this.child(
      "gru",
      new ConvGRU(device, {
        inputs: width,
        depth: width,
        seeds,
        kernel: 1,
        gates: options.gates === "region" ? "cell" : "channel",
        activation: options.candidate,
        init: init.normal(updateStd),
      }),
    );
    for (let i = 0; i < options.layers; i++) {
      const layer = new PropagationLayer(device, options, knowledge.graph.relations.length, seeds);
      this.#layers.push(this.child(`layer${i + 1}`, layer));
    }
    this.#head = this.child("head", new PredictionHead(device, width, classes, head, seeds));
  }

  /** The nodes before any reasoning: regions from fc7 [R, features], classes from their vectors, once for each image. */
  initial(fc7: Tensor, images = 1): Nodes {
    const classes = this.#class.forward(this.#vectors);
    return { regions: this.#start.forward(fc7), classes: images === 1 ? classes : tile(classes, [images, 1]) };
  }

  /** The part of an update that does not change between iterations: computed once on GPUs; null elsewhere, so that bits stay. */
  shared(fc7: Tensor): SharedGraph | null {
    const gru = this.#gru.joined();
    return gru && { gru, features: this.#feature.forward(fc7) };
  }

  /** The region nodes after reading the previous predictions, `feedback` [R, F]: a GRU over a map of one cell a region. */
  update(regions: Tensor, feedback: Tensor, fc7: Tensor, shared: SharedGraph | null = this.shared(fc7)): Tensor {
    const input = shared
      ? this.#feedback.forward(feedback, { residual: shared.features, activation: "relu" })
      : this.#feature.forward(fc7, { residual: this.#feedback.forward(feedback), activation: "relu" });
    const [count, width] = regions.shape;
    const cell = (t: Tensor): Tensor => reshape(t, [count, 1, 1, width]);
    const state = this.#gru.forward(cell(this.#mix.forward(input)), cell(regions), shared?.gru ?? null);
    return reshape(state, [count, width]);
  }

  /** The stacked propagations. `assignment` [R, C] assigns regions to classes. */
  reason(nodes: Nodes, assignment: Tensor, edges: Graph | StaticGraph, trace?: LayerTrace[]): Nodes {
    const end = this.#layers.length - 1, images = nodes.classes.shape[0] / this.#knowledge.rows;
    const assigned = new Assigned(assignment, images, this.#options.assignNorm === "row");
    const knowledge = this.#knowledgeOf(images);
    return this.#layers.reduce((now, layer, i) => {
      const last = i === end && !this.#options.carryClasses;
      return layer.forward(now, assigned, edges, knowledge, last, trace);
    }, nodes);
  }

  /** The class graph of some images, kept from the first time on: it goes to the device once. */
  #knowledgeOf(images: number): Graph {
    if (images === 1) return this.#knowledge;
    const found = this.#copies.get(images) ?? Graph.beside(Array.from({ length: images }, () => this.#knowledge));
    this.#copies.set(images, found);
    return found;
  }

  /** Class scores and confidence of region nodes [R, D]. */
  predict(regions: Tensor): HeadOutput {
    return this.#head.forward(regions);
  }

  /** Frees parameters and the class graph on the device. */
  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    for (const graph of [this.#knowledge, ...this.#copies.values()]) graph[Symbol.dispose]();
  }
}
