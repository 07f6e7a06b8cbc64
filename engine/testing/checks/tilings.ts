/** Tilings that the tuner may choose for a product, each run by itself. */
import type { Device } from "../../device.ts";
import type { KernelSet } from "../../gpu/adapter.ts";
import { setTuning, tuningOf } from "../../friends.ts";
import type { AnyOp, Sample } from "../../op.ts";
import { blocksOf, sameBlock, type Tiling, type Tuning } from "../../tuning/table.ts";
import type { Random } from "../random.ts";
import type { Tiled } from "./subject.ts";

/** Runs `body` with one tiling for every product; those that lack it keep to the rules. */
export async function withTiling<T>(device: Device, tiling: Tiling, body: () => Promise<T>): Promise<T> {
  const before = tuningOf(device);
  const known = (op: Parameters<Tuning["find"]>[0]): boolean =>
    blocksOf(device.kernels, op).some((block) => sameBlock(block, tiling));
  setTuning(device, { digest: "test", find: (op) => known(op) ? tiling : undefined });
  try {
    return await body();
  } finally {
    setTuning(device, before);
  }
}

/** Every tiling that products of a kernel set are checked in: of tiles on GPUs with whole sums and split ones. */
export function allTilings(kernels: KernelSet): readonly Tiling[] {
  return blocksOf(kernels, "matmul nn").flatMap((block) => {
    // Tiles in one buffer and in two are one kernel, which is checked with either.
    const splits = kernels === "cpu" || block.buffers === 1 ? [1] : block.buffers === 2 ? [3] : [1, 3];
    return splits.map((splitK) => ({ ...block, splitK }));
  });
}

/** A tiling in words. */
export function tilingTitle({ rows, columns, buffers, splitK }: Tiling): string {
  const own = buffers ? `, 8 × 8 each, buffers: ${buffers}` : "";
  return `${rows} × ${columns}${own}${splitK > 1 ? `, sums split in ${splitK}` : ""}`;
}

/** Ops whose products have tilings. */
export const PRODUCTS = ["matmul", "linear", "conv2d", "conv2dBank"] as const;

/**
 * Samples of an op's products that end inside tiles and blocks and pass several of each, and whose gradients are products of the other
 * forms; none of an op that is no product. Both convolutions of 20 channels have one epilogue, so that a tiling compiles their kernels
 * once: nearly all of the time goes there.
 */
export function productSamples(name: string, random: Random): readonly Sample<unknown>[] {
  const [m, n, k] = [1, 1, 1].map(() => random.integer(130, 150)), few = random.integer(2, 7);
  const around = [[1, 1], [1, 1]], none = [[0, 0], [0, 0]], conv = { stride: [1, 1], dilation: [1, 1] };
  type Product = readonly [shapes: readonly (readonly number[] | null)[], attrs: Readonly<Record<string, unknown>>];
  const products: Readonly<Record<typeof PRODUCTS[number], readonly Product[]>> = {
    matmul: [
      [[[2, few, k], [2, k, n]], { transposeA: false, transposeB: false }],
      [[[k, m], [few, k]], { transposeA: true, transposeB: true }],
    ],
    linear: [[[[m, 33], [33, n], [n]], { activation: "relu" }]],
    conv2d: [
      [[[1, 11, 13, 20], [3, 3, 20, 68], [68], [68], [1, 11, 13, 68]], {
        ...conv,
        padding: around,
        activation: "relu",
      }],
      [[[2, 8, 9, 3], [3, 3, 3, 5], null, [5], null], { ...conv, padding: around, stride: [2, 2], activation: "tanh" }],
      [[[1, 12, 12, 20], [1, 1, 20, 72], [72], [72], [1, 12, 12, 72]], { ...conv, padding: none, activation: "relu" }],
    ],
    conv2dBank: [[[[3, 9, 8, 8], [4, 3, 3, 8, 12], [4, 12], [3, 9, 8, 12]], {
      entries: [0, 2, 2],
      dilation: 2,
      activation: "relu",
    }]],
  };
  const own: readonly Product[] = Object.hasOwn(products, name) ? products[name as keyof typeof products] : [];
  return own.map(([shapes, attrs]) => ({ inputs: shapes.map((shape) => shape && { shape }), attrs }));
}

/** Tilings of an op's products, and samples for each; none of an op that is no product. */
export function tilingsOf(
  device: Device,
  op: AnyOp,
  random: Random,
): { readonly tilings: readonly Tiled[]; readonly samples: readonly Sample<unknown>[] } {
  const samples = productSamples(op.name, random);
  if (samples.length === 0) return { tilings: [], samples };
  const tilings = allTilings(device.kernels).map((tiling): Tiled => ({
    title: `tiles of ${tilingTitle(tiling)}`,
    run: (body, on = device) => withTiling(on, tiling, body),
  }));
  return { tilings, samples };
}
