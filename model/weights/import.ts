/** Weights of others as ours: which network they are, and how its images must be prepared. */
import type { Normalisation } from "../../datasets/images/preprocess.ts";
import type { ResNetName } from "../backbones/resnet.ts";
import { filterFromTorch, folded, type OwnTensor, reversedInputs, TensorSource, transposed } from "./convert.ts";
import { importPortMemory } from "./port_memory.ts";
import { convNames, type ConvPlace, convPlaces, type Naming, ownName } from "./resnet_names.ts";
import { hasSnapshotMemory, importSnapshotMemory } from "./snapshot_memory.ts";
import { type WeightFile, WeightsError } from "./stored.ts";

/** A network whose weights can be read, by the name of its description. */
export type ImportedNet = Exclude<ResNetName, "small">;

/** Facts that the use of imported weights depends on. */
export interface WeightFacts {
  /** Whose names and arrangement they had. */
  readonly origin: Naming;
  /** The kind of file they came from. */
  readonly format: string;
  /** Name of the network. */
  readonly resnet: ImportedNet;
  /** Values that its images have. */
  readonly normalise: Normalisation;
  /** Longest side of the images they were trained on, where it is not the usual one. */
  readonly longSide?: number;
  /** Classes, background included, of the scores that came with them. */
  readonly classes?: number;
}

/** Weights by our names, and what is known of them. */
export interface ImportedWeights {
  /** Origin of the weights. */
  readonly facts: WeightFacts;
  /** Tensors by our names. */
  readonly tensors: ReadonlyMap<string, OwnTensor>;
  /** Names in the file that have no place here: classifiers of ImageNet, counters, optimisers' state. */
  readonly left: readonly string[];
  /** Losses of the conversion, in words. */
  readonly notes: readonly string[];
}

/** Both definitions normalise with it. */
const EPSILON = 1e-5;

const NETS: Readonly<Record<string, "resnet50" | "resnet101" | "resnet152">> = {
  "3,4,6,3": "resnet50",
  "3,4,23,3": "resnet101",
  "3,8,36,3": "resnet152",
};

/**
 * Reads torchvision's (and timm's) ResNets, TF-slim's `resnet_v1`, the reference's own snapshots of its baseline and its
 * memory, and the checkpoints of the reference's PyTorch port.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { importWeights, type StoredTensor } from "@itera/itera/models";
 *
 * // A ResNet-50 by torchvision's names, all zeros.
 * const tensors = new Map<string, StoredTensor>();
 * const add = (name: string, shape: number[]) =>
 *   tensors.set(name, { shape, read: () => new Float32Array(shape.reduce((size, extent) => size * extent)) });
 * const convolution = (name: string, norm: string, shape: number[]) => {
 *   add(`${name}.weight`, shape);
 *   for (const part of ["weight", "bias", "running_mean", "running_var"]) add(`${norm}.${part}`, [shape[0]]);
 * };
 * convolution("conv1", "bn1", [64, 3, 7, 7]);
 * [3, 4, 6, 3].forEach((units, b) => {
 *   const width = 64 * 2 ** b;
 *   for (let u = 0; u < units; u++) {
 *     const at = `layer${b + 1}.${u}`, inputs = u > 0 ? 4 * width : b > 0 ? 2 * width : 64;
 *     convolution(`${at}.conv1`, `${at}.bn1`, [width, inputs, 1, 1]);
 *     convolution(`${at}.conv2`, `${at}.bn2`, [width, width, 3, 3]);
 *     convolution(`${at}.conv3`, `${at}.bn3`, [4 * width, width, 1, 1]);
 *     if (u === 0) convolution(`${at}.downsample.0`, `${at}.downsample.1`, [4 * width, inputs, 1, 1]);
 *   }
 * });
 * add("fc.bias", [1000]);
 * const { facts, tensors: own, left } = importWeights({ format: "made by hand", tensors, metadata: {} });
 * deepStrictEqual([facts.resnet, facts.normalise], ["resnet50-torchvision", "torchvision"]);
 * deepStrictEqual(own.get("resnet.conv1.weight")!.shape, [7, 7, 3, 64]);
 * deepStrictEqual(left, ["fc.bias"]); // ImageNet's classifier has no place here
 * ```
 *
 * @throws {WeightsError} when the names are none of these, a tensor is missing or has another shape.
 */
export function importWeights(file: WeightFile): ImportedWeights {
  const { naming, prefix, root } = recognise(file);
  const source = new TensorSource(file, prefix);
  const units = [1, 2, 3, 4].map((block) => {
    let count = 0;
    while (source.has(convNames(naming, { block, unit: count + 1, conv: 1 }, root).weight)) count++;
    return count;
  });
  const two = !source.has(convNames(naming, { block: 1, unit: 1, conv: 3 }, root).weight);
  if (two && naming !== "slim") {
    const name = { "2,2,2,2": "a ResNet-18", "3,4,6,3": "a ResNet-34" }[units.join(",")] ?? "another ResNet";
    throw new WeightsError(
      `its blocks have ${units.join(", ")} units of two convolutions: it is ${name}; ResNet-50, -101 and -152 are read`,
    );
  }
  const net = NETS[units.join(",")];
  if (!net) throw new WeightsError(`its blocks have ${units.join(", ")} units; ResNet-50, -101 and -152 are read`);
  const tensors = new Map<string, OwnTensor>();
  // The reference reverses the channels of slim's weights once, on loading; its own snapshots have been through that.
  const snapshot = naming === "slim" && source.has(`${root}/cls_score/weights`);
  for (const place of convPlaces(units)) {
    importConv(source, tensors, naming, place, root, naming === "slim" && !snapshot);
  }
  const score = naming === "slim"
    ? [`${root}/cls_score/weights`, `${root}/cls_score/biases`]
    : ["Net_cls_score", "_cls_init"].filter((name) => source.has(`${name}.weight`))
      .flatMap((name) => [`${name}.weight`, `${name}.bias`]);
  const classes = score.length > 0 && source.has(score[0])
    ? importScores(source, tensors, score, naming === "slim")
    : undefined;
  const notes = importMemory(source, tensors, naming, classes);
  return {
    facts: {
      origin: naming,
      format: file.format,
      resnet: naming === "slim" ? net : `${net}-torchvision`,
      normalise: ({ slim: "caffe", torchvision: "torchvision", port: "port" } as const)[naming],
      ...naming === "port" ? { longSide: 600 } : {},
      ...classes === undefined ? {} : { classes },
    },
    tensors,
    left: source.left(),
    notes,
  };
}

/** The spatial memory, where the file has one; returns what is lost of it, in words. */
function importMemory(
  source: TensorSource,
  into: Map<string, OwnTensor>,
  naming: Naming,
  classes: number | undefined,
): string[] {
  if (classes === undefined) return [];
  if (naming === "slim" && hasSnapshotMemory(source)) return importSnapshotMemory(source, into, classes);
  if (naming === "port" && source.has("context_n1.weight")) return importPortMemory(source, into, classes);
  return [];
}

/** Whose names they are, what stands before all of them, and the scope of slim's. */
function recognise({ tensors }: WeightFile): { naming: Naming; prefix: string; root: string } {
  const found: { naming: Naming; prefix: string; root: string }[] = [];
  for (const name of tensors.keys()) {
    for (const naming of ["torchvision", "port"] as const) {
      const mark = convNames(naming, { block: 1, unit: 1, conv: 1 }).weight;
      if (name === mark || name.endsWith(`.${mark}`)) {
        found.push({ naming, prefix: name.slice(0, -mark.length), root: "" });
      }
    }
    const slim = /^(.+)\/block1\/unit_1\/bottleneck_v1\/conv1\/weights$/.exec(name);
    if (slim) found.push({ naming: "slim", prefix: "", root: slim[1] });
  }
  if (found.length === 1) return found[0];
  if (found.length > 1) {
    const names = found.map(({ prefix, root }) => `"${prefix || root}"`).join(", ");
    throw new WeightsError(`it holds several networks, ${names}; save one alone`);
  }
  const some = [...tensors.keys()].slice(0, 3).join(", ");
  throw new WeightsError(
    `its names are none of torchvision's, TF-slim's resnet_v1 or the PyTorch port's ResNets (${
      some || "no tensors"
    } …)`,
  );
}

function importConv(
  source: TensorSource,
  into: Map<string, OwnTensor>,
  naming: Naming,
  place: ConvPlace,
  root: string,
  reverse: boolean,
): void {
  const { weight, norm } = convNames(naming, place, root);
  const own = ownName(place);
  const [k, inputs, outputs] = convSizes(place);
  const hwio = [k, k, inputs, outputs], oihw = [outputs, inputs, k, k];
  const filter: OwnTensor = naming === "slim"
    ? { shape: hwio, data: source.take(weight, hwio) }
    : filterFromTorch(source.take(weight, oihw), oihw);
  into.set(`${own}.weight`, place === "stem" && reverse ? reversedInputs(filter) : filter);
  const [gamma, beta, mean, variance] = norm.map((name) => source.take(name, [outputs]));
  const { scale, shift } = folded(gamma, beta, mean, variance, EPSILON);
  into.set(`${own}.scale`, { shape: [outputs], data: scale });
  into.set(`${own}.shift`, { shape: [outputs], data: shift });
}

/** Window, input and output channels of a ResNet's convolution. */
function convSizes(place: ConvPlace): readonly [number, number, number] {
  if (place === "stem") return [7, 3, 64];
  const width = 32 * 2 ** place.block;
  const before = place.unit > 1 ? 4 * width : place.block === 1 ? 64 : 2 * width;
  switch (place.conv) {
    case 1:
      return [1, before, width];
    case 2:
      return [3, width, width];
    case 3:
      return [1, width, 4 * width];
    case "shortcut":
      return [1, before, 4 * width];
  }
}

/** The class scores on fc7; returns the number of classes. */
function importScores(
  source: TensorSource,
  into: Map<string, OwnTensor>,
  [weight, bias]: readonly string[],
  slim: boolean,
): number {
  const shape = source.shape(weight);
  const classes = shape[slim ? 1 : 0];
  const wanted = slim ? [2048, classes] : [classes, 2048];
  const data = source.take(weight, wanted);
  into.set("cls_score.weight", slim ? { shape: wanted, data } : transposed(data, wanted));
  into.set("cls_score.bias", { shape: [classes], data: source.take(bias, [classes]) });
  return classes;
}
