/** Cutting a tensor into parts along an axis: the inverse of concat, with one gradient for all parts. */
import { expectNumbers } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { defineOp, expectTensor } from "../op.ts";
import { type Axes, formatShape, normaliseAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { concat, cutInto, refuseHalf } from "./layout.ts";

interface Attrs {
  readonly sizes: readonly number[];
  readonly axis: number;
}

const splitOp = defineOp<Attrs>({
  name: "split",
  family: "layout",
  infer: ([x], { sizes, axis }) => {
    const { shape, dtype } = x!;
    refuseHalf("split", x!);
    if (sizes.some((n) => !Number.isInteger(n) || n < 0) || sizes.reduce((sum, n) => sum + n, 0) !== shape[axis]) {
      throw new ShapeError(`split: parts of [${sizes}] do not fill axis ${axis} of ${formatShape(shape)}`);
    }
    return sizes.map((n) => ({ shape: shape.with(axis, n), dtype }));
  },
  forward: ([x], { axis }, parts) => cutInto(parts, x!, axis),
  backward: ({ grads, outputMetas, attrs: { axis } }) => {
    const { device } = grads.find((grad) => grad !== null)!;
    return [concat(grads.map((grad, i) => grad ?? device.zeros(outputMetas[i].shape)), axis)];
  },
  samples: () => [
    { inputs: [{ shape: [7] }], attrs: { sizes: [3, 4], axis: 0 } },
    { inputs: [{ shape: [5, 3, 4] }], attrs: { sizes: [1, 0, 4], axis: 0 } },
    { inputs: [{ shape: [2, 6] }], attrs: { sizes: [1, 2, 3], axis: 1 } },
    { inputs: [{ shape: [0, 4] }], attrs: { sizes: [0], axis: 0 } },
    // As many as one dispatch takes, and more.
    { inputs: [{ shape: [2, 11] }], attrs: { sizes: [1, 2, 1, 3, 1, 1, 1, 1], axis: 1 } },
    { inputs: [{ shape: [2, 13] }], attrs: { sizes: [1, 2, 1, 3, 1, 1, 1, 1, 2], axis: 1 } },
    { inputs: [{ shape: [3, 5], dtype: "i32", range: [-9, 9] }], attrs: { sizes: [2, 3], axis: 1 } },
    { inputs: [{ shape: [7], dtype: "u32", range: [0, 9] }], attrs: { sizes: [4, 3], axis: 0 } },
  ],
  bad: [{ inputs: [{ shape: [4] }], attrs: { sizes: [2, 1], axis: 0 }, message: /do not fill axis 0/ }],
});

/**
 * Parts of `sizes` extents along `axis` (the first by default), in order.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, split } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const [a, b] = split(device.tensor([[1, 2, 3], [4, 5, 6]]), [1, 2], 1);
 * deepStrictEqual([...await a.data()], [1, 4]);
 * deepStrictEqual([...await b.data()], [2, 3, 5, 6]);
 * ```
 */
export function split(x: Tensor, sizes: readonly number[], axis: Axes = 0): Tensor[] {
  expectTensor("split", x);
  expectNumbers("split", "the sizes", sizes);
  return splitOp([x], { sizes, axis: normaliseAxis("split", axis, x.shape.length) });
}
