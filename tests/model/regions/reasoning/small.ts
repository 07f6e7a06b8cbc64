/** Small reasoning models with lively weights, and the float64 picture of what they see. */
import { contextKnowledge } from "../../../../datasets/context/knowledge.ts";
import type { Device, Tensor } from "../../../../engine/mod.ts";
import { classKnowledge } from "../../../../model/regions/reasoning/knowledge.ts";
import { PUBLISHED_REASONING, type ReasoningOptions } from "../../../../model/regions/reasoning/options.ts";
import { ReasoningClassifier, type ReasoningMode } from "../../../../model/regions/reasoning/reasoner.ts";
import type { RegionInput } from "../../../../model/regions/regions.ts";
import type { ResNetOptions } from "../../../../model/backbones/resnet.ts";
import type { Knowledge } from "../../../../datasets/knowledge/knowledge.ts";
import type { Random } from "../../../support/random.ts";
import type { Array64, Weights } from "../../../support/reasoning64/arrays.ts";
import type { RolloutShape, Scene64 } from "../../../support/reasoning64/rollout.ts";

/** A narrow ConvNet whose map has stride 8. */
export const TINY_NET: ResNetOptions = {
  stem: { kernel: 3, width: 4, pool: false },
  blocks: [{ units: 1, width: 6, stride: 2 }, { units: 1, width: 7, stride: 2 }, { units: 1, width: 9, stride: 1 }],
  bottleneck: false,
  fixedBlocks: -1,
  trainShift: true,
};

/** Options whose parts may each be given in part. */
export type PartialReasoning = {
  readonly [K in keyof ReasoningOptions]?: ReasoningOptions[K] extends object ? Partial<ReasoningOptions[K]>
    : ReasoningOptions[K];
};

/** The published options on narrow layers. */
export function narrow(given: PartialReasoning = {}): ReasoningOptions {
  const { memory, graph, head, loss, stop, ...rest } = given;
  const base = PUBLISHED_REASONING;
  return {
    ...base,
    ...rest,
    memory: { ...base.memory, depth: 6, initSize: [4, 5], cropSize: 3, ...memory },
    graph: { ...base.graph, width: 8, layers: 2, bandwidth: 20, ...graph },
    head: { ...base.head, width: 10, ...head },
    loss: { ...base.loss, ...loss },
    stop: { ...base.stop, ...stop },
  };
}

/** Knowledge of `classes` classes: types with random edges, the last of them empty, and vectors. */
export function randomKnowledge(classes: number, types: number, random: Random): Knowledge {
  const edges = [];
  for (let type = 0; type < types - 1; type++) {
    for (let from = 1; from < classes; from++) {
      for (let to = 1; to < classes; to++) {
        if (from !== to && random() < 0.4) edges.push({ type, from, to, weight: 0.25 + random() });
      }
    }
  }
  const dim = 5;
  return {
    types: Array.from({ length: types }, (_, t) => `type ${t}`),
    edges,
    vectors: random.reals(classes * dim, -1, 1).fill(0, 0, dim),
    dim,
  };
}

/** Builds one; `knowledge` null means no class edges. */
export function probe(
  device: Device,
  mode: ReasoningMode,
  classes: number,
  reasoning: ReasoningOptions,
  knowledge: Knowledge | null = contextKnowledge(),
): ReasoningClassifier {
  const known = classKnowledge(knowledge, classes, reasoning.graph.classEdges, 7);
  return new ReasoningClassifier(device, {
    mode,
    classes,
    reasoning,
    knowledge: known,
    resnet: TINY_NET,
    cropSize: reasoning.memory.cropSize,
    seed: 11,
  });
}

/** Replaces the modules' weights, which start too small to distinguish right from wrong, by lively ones. */
export function enliven(model: ReasoningClassifier, random: Random): void {
  for (const { name, tensor, trainable } of model.parameters()) {
    if (!trainable || !/^(memory|graph|cls_score)\./.test(name)) continue;
    const fan = tensor.shape.length > 1 ? tensor.shape.slice(0, -1).reduce((n, e) => n * e, 1) : 4;
    // The ConvNet must be sure of some regions, or re-weighting would treat all alike.
    const reach = name.endsWith("mem_init") ? 1 : (name.startsWith("cls_score") ? 8 : 1) * Math.sqrt(3 / fan);
    tensor.write(random.reals(tensor.size, -reach, reach));
  }
}

/** A random image with `count` boxes that lie inside it. */
export function randomInput(random: Random, count: number, height = 40, width = 56): RegionInput {
  const boxes = Array.from({ length: count }, () => {
    const [x1, y1] = [random() * (width - 12), random() * (height - 12)];
    return [x1, y1, x1 + 6 + random() * (width - 8 - x1), y1 + 6 + random() * (height - 8 - y1)];
  });
  return { image: random.reals(height * width * 3, -60, 60), height, width, boxes: Float32Array.from(boxes.flat()) };
}

/** Every parameter as float64. */
export async function weightsOf(model: ReasoningClassifier): Promise<Map<string, Array64>> {
  const all = [...model.parameters()];
  const data = await Promise.all(all.map(({ tensor }) => tensor.data()));
  return new Map(all.map(({ name, tensor }, i) => [name, { shape: tensor.shape, data: Float64Array.from(data[i]) }]));
}

const to64 = async (t: Tensor): Promise<Array64> => ({ shape: t.shape, data: Float64Array.from(await t.data()) });

/** Inputs of the modules for an image, in float64. */
export async function sceneOf(
  model: ReasoningClassifier,
  input: RegionInput,
  labels: readonly number[],
): Promise<Scene64> {
  using _scope = model.device.scope();
  const { pool5, fc7, logits } = model.device.noGrad(() => model.features(input));
  const quads = Array.from(labels, (_, r) => [...input.boxes.subarray(4 * r, 4 * r + 4)]);
  const [p, f, l] = [to64(pool5), to64(fc7), to64(logits)];
  const stride = model.resnet.outputStride;
  return {
    pool5: await p,
    fc7: await f,
    logits: await l,
    cells: quads.map(([x1, y1, x2, y2]) => [y1 / stride, x1 / stride, y2 / stride, x2 / stride] as const),
    pixels: quads.map(([x1, y1, x2, y2]) => [x1, y1, x2, y2] as const),
    labels,
  };
}

/** An image as the loader gives it, with labels of 41 classes. */
export function labelled(random: Random, regions: number, height = 40, width = 56) {
  const labels = random.integers(regions, 1, 41);
  const { boxes, ...input } = randomInput(random, regions, height, width);
  return { ...input, boxes: new Float32Array(boxes), labels, position: 0, index: 0, flipped: false, scale: 1 };
}

/** The float64 description of a model. */
export function shapeOf(
  mode: ReasoningMode,
  options: ReasoningOptions,
  classes: number,
  knowledge: Knowledge | null,
  map: readonly [number, number],
): RolloutShape {
  const { memory, graph, head, loss } = options;
  const adjacency = (knowledge?.types ?? []).map((_, type) => {
    const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
    for (const edge of knowledge!.edges) if (edge.type === type) matrix[edge.to][edge.from] += edge.weight;
    return matrix;
  });
  return {
    memory: mode === "global" ? null : {
      map,
      cropSize: memory.cropSize,
      contextLayers: memory.contextLayers,
      inputLayers: memory.inputLayers,
      fcLayers: head.layers,
    },
    graph: mode === "local" ? null : {
      relations: graph.regionEdges,
      bandwidth: graph.bandwidth,
      distance: graph.distance,
      reach: graph.reach,
      layers: graph.layers,
      assignNorm: graph.assignNorm,
      fcLayers: head.layers,
      candidate: graph.candidate,
      classes: adjacency,
    },
    iterations: options.iterations,
    crossFeed: options.crossFeed,
    attention: options.attention,
    reweight: loss.reweight,
    beta: loss.beta,
    carryClasses: graph.carryClasses,
    carryRegions: graph.carryRegions,
    stop: options.stop,
  };
}

/** One weight moved: the same weights with one element of one tensor changed. */
export function moved(w: Weights, name: string, element: number, by: number): Weights {
  const old = w.get(name)!;
  const data = old.data.slice();
  data[element] += by;
  return new Map(w).set(name, { shape: old.shape, data });
}
