/** Ops on whole axes: one more (stack, unsqueeze), one fewer (squeeze), or backwards (flip). */
import { DTypeError, ShapeError } from "../base/errors.ts";
import { defineOp, expectTensor, expectTensors } from "../op.ts";
import { type Axes, formatShape, normaliseAxes, normaliseAxis, sameShape, stridesOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { concat, moveBlock, refuseHalf, reshape } from "./layout.ts";

const flipOp = defineOp<{ readonly axes: readonly number[] }>({
  name: "flip",
  family: "layout",
  infer: ([x], { axes }) => {
    refuseHalf("flip", x!);
    normaliseAxes("flip", axes, x!.shape.length);
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  forward: ([x], { axes }, [y]) => {
    const strides = stridesOf(x!.shape), { shape } = y;
    const base = axes.reduce((sum, axis) => sum + (shape[axis] - 1) * strides[axis], 0);
    moveBlock("gather", x!, y, { shape, strides: strides.map((s, axis) => axes.includes(axis) ? -s : s), base });
  },
  backward: (call) => [flip(call.grads[0]!, call.attrs.axes)],
  samples: () => [
    { inputs: [{ shape: [7] }], attrs: { axes: [0] } },
    { inputs: [{ shape: [3, 5, 8] }], attrs: { axes: [0, 1] } },
    { inputs: [{ shape: [2, 3, 4] }], attrs: { axes: [0, 2] } },
    { inputs: [{ shape: [3, 1, 5] }], attrs: { axes: [] } },
    { inputs: [{ shape: [0, 3] }], attrs: { axes: [0, 1] } },
    { inputs: [{ shape: [3, 5], dtype: "i32", range: [-9, 9] }], attrs: { axes: [1] } },
    { inputs: [{ shape: [3, 4], dtype: "u32", range: [0, 9] }], attrs: { axes: [0] } },
  ],
  bad: [
    { inputs: [{ shape: [2, 3] }], attrs: { axes: [2] }, message: /axis 2 is out of range/ },
    { inputs: [{ shape: [2, 3] }], attrs: { axes: [1, 1] }, message: /repeat an axis/ },
  ],
});

/**
 * x with the order of its elements reversed along `axes`: one axis, or a list; all when absent.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, flip } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[1, 2, 3], [4, 5, 6]]);
 * using y = flip(x, -1);
 * deepStrictEqual([...await y.data()], [3, 2, 1, 6, 5, 4]);
 * ```
 */
export function flip(x: Tensor, axes?: Axes): Tensor {
  expectTensor("flip", x);
  return flipOp([x], { axes: normaliseAxes("flip", axes, x.shape.length) })[0];
}

/**
 * Tensors of one shape and type laid side by side along a new axis, the first by default; −1 makes it the last.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, stack } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const [a, b] = [device.tensor([1, 2, 3]), device.tensor([4, 5, 6])];
 * deepStrictEqual(stack([a, b]).shape, [2, 3]);
 * deepStrictEqual([...await stack([a, b], -1).data()], [1, 4, 2, 5, 3, 6]);
 * ```
 */
export function stack(tensors: readonly Tensor[], axis: Axes = 0): Tensor {
  expectTensors("stack", tensors);
  if (tensors.length === 0) throw new ShapeError("stack: no tensors");
  const [{ shape, dtype }] = tensors;
  const at = normaliseAxis("stack", axis, shape.length + 1);
  for (const other of tensors) {
    if (other.dtype !== dtype) throw new DTypeError(`stack: dtypes ${dtype} and ${other.dtype} differ`);
    if (sameShape(other.shape, shape)) continue;
    throw new ShapeError(`stack: shapes ${tensors.map((t) => formatShape(t.shape)).join(", ")} differ`);
  }
  using scope = tensors[0].device.scope();
  return scope.keep(concat(tensors.map((x) => unsqueeze(x, at)), at));
}

/**
 * x without the axes of extent 1 among `axes` (one, or a list); without all of them when absent. Shares memory.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, squeeze } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[[1], [2], [3]]]);
 * using all = squeeze(x), last = squeeze(x, -1);
 * deepStrictEqual([all.shape, last.shape], [[3], [1, 3]]);
 * deepStrictEqual([...await all.data()], [1, 2, 3]);
 * ```
 *
 * @throws {ShapeError} for an axis of another extent.
 */
export function squeeze(x: Tensor, axes?: Axes): Tensor {
  expectTensor("squeeze", x);
  const { shape } = x;
  const listed = normaliseAxes("squeeze", axes, shape.length);
  const wrong = listed.find((axis) => shape[axis] !== 1);
  if (axes !== undefined && wrong !== undefined) {
    throw new ShapeError(`squeeze: axis ${wrong} of ${formatShape(shape)} has ${shape[wrong]} elements, not 1`);
  }
  return reshape(x, shape.filter((extent, axis) => extent !== 1 || !listed.includes(axis)));
}

/**
 * x with a new axis of extent 1 before `axis`, negative from the end: −1 puts it last. Shares memory.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, unsqueeze } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[1, 2, 3], [4, 5, 6]]);
 * using rows = unsqueeze(x, 0), last = unsqueeze(x, -1);
 * deepStrictEqual([rows.shape, last.shape], [[1, 2, 3], [2, 3, 1]]);
 * deepStrictEqual([...await last.data()], [1, 2, 3, 4, 5, 6]);
 * ```
 */
export function unsqueeze(x: Tensor, axis: Axes): Tensor {
  expectTensor("unsqueeze", x);
  return reshape(x, x.shape.toSpliced(normaliseAxis("unsqueeze", axis, x.shape.length + 1), 0, 1));
}
