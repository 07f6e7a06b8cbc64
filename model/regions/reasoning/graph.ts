/**
 * The global module: reasoning over a region graph, a knowledge graph and the assignment between them
 * (papers/iterative-reasoning.md#graph-layer).
 */
import {
  add,
  ConvGRU,
  type Device,
  type Graph,
  init,
  Linear,
  matmul,
  Module,
  propagate,
  relu,
  reshape,
  type Seeds,
  type StaticGraph,
  type Tensor,
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
  /** [C, D]. */
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

  /** `assignment` [R, C] is soft, of regions to classes; `last` leaves the class nodes as they are. */
  forward(
    nodes: Nodes,
    assignment: Tensor,
    edges: Graph | StaticGraph,
    knowledge: Graph,
    last: boolean,
    trace?: LayerTrace[],
  ): Nodes {
    const { regions, classes } = nodes;
    const spatial = add(propagate(regions, edges, this.#regionWeight), this.#regionBias);
    if (!this.#gather || !this.#own || !this.#classWeight || !this.#classBias || !this.#back) {
      trace?.push({ regionMessages: this.#messages(regions), classMessages: null, assignment });
      return { regions: add(regions, relu(spatial)), classes };
    }
    let evidence = matmul(assignment, this.#gather.forward(regions), { transposeA: true });
    if (this.#options.assignNorm === "row") {
      evidence = evidence.div(reshape(assignment.sum(0).maximum(ASSIGN_GUARD), [classes.shape[0], 1]));
    }
    const informed = relu(add(evidence, this.#own.forward(classes)));
    const semantic = add(propagate(informed, knowledge, this.#classWeight), this.#classBias);
    trace?.push({
      regionMessages: this.#messages(regions),
      classMessages: matmul(semantic, this.#back.weight),
      assignment,
    });
    const fromClasses = this.#back.forward(matmul(assignment, semantic));
    return {
      regions: add(regions, relu(add(spatial, fromClasses))),
      classes: last ? classes : add(classes, relu(semantic)),
    };
  }

  #messages(regions: Tensor): Tensor {
    return matmul(reshape(regions, [1, ...regions.shape]), this.#regionWeight);
  }
}

/** Graph reasoning over regions and classes. */
export class GlobalGraph extends Module {
  readonly #options: GraphOptions;
  readonly #knowledge: Graph;
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

  /** The nodes before any reasoning: regions from fc7 [R, features], classes from their vectors. */
  initial(fc7: Tensor): Nodes {
    return { regions: this.#start.forward(fc7), classes: this.#class.forward(this.#vectors) };
  }

  /** The region nodes after reading the previous predictions, `feedback` [R, F]: a GRU over a map of one cell a region. */
  update(regions: Tensor, feedback: Tensor, fc7: Tensor): Tensor {
    const input = relu(add(this.#feedback.forward(feedback), this.#feature.forward(fc7)));
    const [count, width] = regions.shape;
    const cell = (t: Tensor): Tensor => reshape(t, [count, 1, 1, width]);
    return reshape(this.#gru.forward(cell(this.#mix.forward(input)), cell(regions)), [count, width]);
  }

  /** The stacked propagations. `assignment` [R, C] assigns regions to classes. */
  reason(nodes: Nodes, assignment: Tensor, edges: Graph | StaticGraph, trace?: LayerTrace[]): Nodes {
    const end = this.#layers.length - 1;
    return this.#layers.reduce((now, layer, i) => {
      const last = i === end && !this.#options.carryClasses;
      return layer.forward(now, assignment, edges, this.#knowledge, last, trace);
    }, nodes);
  }

  /** Class scores and confidence of region nodes [R, D]. */
  predict(regions: Tensor): HeadOutput {
    return this.#head.forward(regions);
  }

  /** Frees parameters and the class graph on the device. */
  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#knowledge[Symbol.dispose]();
  }
}
