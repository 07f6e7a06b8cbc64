/**
 * Gradients that come together only where ops follow each other: uses of a weight taken at once, sums in parts added to what is
 * there, slopes of activations multiplied by whoever reads what they gave.
 */
import type { Device } from "../../device.ts";
import { conv2d } from "../../ops/conv.ts";
import type { Activation } from "../../ops/lib/library.ts";
import { cropAndResize } from "../../ops/crop_and_resize.ts";
import { linear } from "../../ops/matmul.ts";
import { maxPool2d } from "../../ops/pool2d.ts";
import { propagate } from "../../ops/propagate.ts";
import { weightedSum } from "../../ops/weighted_sum.ts";
import { Graph, type GraphData } from "../../sparse.ts";
import { blocksOf } from "../../tuning/table.ts";
import { withTiling } from "../checks/tilings.ts";
import type { Tensor } from "../../tensor.ts";

/** A reader of the results of a convolution [1, 5, 4, 8] or of a layer [6, 8] that has an activation. */
export interface Reader {
  readonly name: string;
  readonly of: "map" | "rows";
  readonly read: (h: Tensor) => Tensor;
}

const random = (device: Device, shape: readonly number[], seed: number): Tensor => device.randn(shape, { seed });

/** Every op that multiplies by the slope of the activation before it, and two of them together. */
export const READERS: readonly Reader[] = [
  { name: "a convolution", of: "map", read: (h) => conv2d(h, random(h.device, [1, 1, 8, 4], 5)) },
  { name: "a layer", of: "rows", read: (h) => linear(h, random(h.device, [8, 12], 5)) },
  { name: "a mean", of: "map", read: (h) => h.mean([1, 2]) },
  { name: "a pool", of: "map", read: (h) => maxPool2d(h, 2) },
  { name: "a crop", of: "map", read: crop },
  { name: "a graph", of: "rows", read: (h) => propagate(h, RING, random(h.device, [1, 8, 4], 6)) },
  { name: "a mean and a crop", of: "map", read: (h) => h.mean([1, 2]).sum().add(crop(h).sum()) },
];

function crop(h: Tensor): Tensor {
  const { device } = h;
  return cropAndResize(h, device.tensor([[0.1, 0.2, 0.7, 0.9]]), device.zeros([1], { dtype: "i32" }), [3, 3]);
}

/** A ring of six nodes, as data that nothing on a device is kept of. */
const { rows, cols, relations } = Graph.fromTriples(
  6,
  6,
  [Array.from({ length: 6 }, (_, i) => [i, (i + 1) % 6, 0.5 + 0.1 * i] as const)],
);
const RING: GraphData = { rows, cols, relations };

/** Results with an activation, [1, 5, 4, 8] of a convolution or [6, 8] of a layer. */
export function activated(of: Reader["of"], x: Tensor, w: Tensor, activation: Activation): Tensor {
  return of === "map" ? conv2d(x, w, { padding: 1, activation }) : linear(x, w, null, { activation });
}

/** Shapes of what {@link activated} takes. */
export const SHAPES = { map: [[1, 5, 4, 4], [3, 3, 4, 8]], rows: [[6, 4], [4, 8]] } as const;

/** Rows, inputs, outputs and uses of layers: whole fours and others, sums that are cut in parts, used once and several times. */
const LAYERS = [[5, 8, 12, 3], [12, 7, 5, 3], [35, 68, 12, 2], [521, 12, 8, 1], [521, 12, 8, 3], [
  521,
  9,
  3,
  3,
]] as const;

/** Images, height, width, inputs, outputs and uses of convolutions. */
const MAPS = [[2, 5, 6, 4, 8, 3], [2, 21, 19, 8, 4, 3], [2, 21, 19, 8, 4, 1]] as const;

/** Weights and a bias with gradients already, so that these are added to. */
function twice(uses: number, result: () => Tensor): void {
  for (let pass = 0; pass < 2; pass++) weightedSum(Array.from({ length: uses }, () => result().sum())).backward();
}

/** Runs all of it on a device. */
export async function runGradients(device: Device): Promise<void> {
  const leaf = (shape: readonly number[], seed: number): Tensor => {
    const made = random(device, shape, seed);
    made.requiresGrad = true;
    return made;
  };
  const layers = (): Promise<void> => {
    using _scope = device.scope();
    for (const [rows, inputs, outputs, uses] of LAYERS) {
      const [w, bias, x] = [leaf([inputs, outputs], 1), leaf([outputs], 2), leaf([rows, inputs], 3)];
      twice(uses, () => linear(x, w, bias));
    }
    return Promise.resolve();
  };
  await layers();
  const blocks = blocksOf(device.kernels, "matmul nn"), [block] = blocks;
  await withTiling(device, { ...block, splitK: 3 }, layers);
  // One of the tiles whose invocations compute 8 × 8 numbers, which no rule takes.
  const wide = blocks.find(({ buffers }) => buffers === 2);
  const convolved = (): Promise<void> => {
    using _scope = device.scope();
    const [x, w] = [leaf([1, 7, 6, 4], 1), leaf([3, 3, 4, 8], 2)];
    conv2d(x, w, { padding: 1 }).sum().backward();
    const several = leaf([3, 3, 4, 8], 2);
    twice(3, () => conv2d(random(device, [1, 7, 6, 4], 3), several, { padding: 1 }));
    return layers();
  };
  if (wide) await withTiling(device, { ...wide, splitK: 1 }, convolved);
  using _scope = device.scope();
  for (const [images, height, width, inputs, outputs, uses] of MAPS) {
    const [w, bias] = [leaf([3, 3, inputs, outputs], 1), leaf([outputs], 2)];
    twice(uses, () => conv2d(random(device, [images, height, width, inputs], 3), w, { padding: 1, bias }));
  }
  for (const { of, read } of READERS) {
    const [x, w] = SHAPES[of].map((shape, i) => leaf(shape, i + 1));
    for (const activation of ["relu", "tanh", "sigmoid"] as const) {
      read(activated(of, x, w, activation)).sum().backward();
    }
  }
}
