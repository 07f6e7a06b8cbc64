/** Ops that move elements without computing: reshape, transpose, slice, pad, concat, tile. */
import stridedText from "../../shaders/strided.wgsl" with { type: "text" };
import { described, expectNumber, expectNumbers } from "../base/given.ts";
import { hostArray } from "../dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../base/errors.ts";
import { makeTensor, storageOf } from "../friends.ts";
import { kernel } from "../gpu/kernel.ts";
import { defineOp, expectTensor, expectTensors } from "../op.ts";
import { formatShape, normaliseAxis, type Shape, sizeOf, stridesOf } from "../shape.ts";
import type { Tensor, TensorMeta } from "../tensor.ts";
import { byValues, mayRun } from "./lib/choice.ts";
import { broadcastLib, GROUP, indexLib, scalarLib, valueKernels } from "./lib/library.ts";
import { fill } from "./lib/fill.ts";
import { joinAll, partAll, transposeByTiles } from "./lib/move.ts";
import { broadcastParams } from "./lib/strides.ts";

const parts = [indexLib, broadcastLib, { file: "strided.wgsl", text: stridedText }] as const;
const moveKernels = { gather: valueKernels("gather", ...parts), scatter: valueKernels("scatter", ...parts) };
const padMatrixKernel = kernel("pad_matrix", scalarLib, ...parts);

/** Elements of a larger tensor: extents, strides (negative where an axis is walked backwards), and where the first lies. */
export interface Block {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly base: number;
}

/** True for a whole number, 0 or more. */
function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0;
}

/** Copies a block of x to y, or x to a block of y, whatever the strides. */
export function moveBlock(direction: "gather" | "scatter", x: Tensor, y: Tensor, block: Block): void {
  const count = sizeOf(block.shape);
  if (count === 0) return;
  const last = block.shape.length - 1;
  const inOrder = last >= 0 && block.strides[last] === 1 && block.shape[last] % 4 === 0 && block.base % 4 === 0 &&
    block.strides.slice(0, last).every((s, axis) => s % 4 === 0 || block.shape[axis] === 1);
  const { kernel, per: unit } = byValues(x.device, moveKernels[direction], inOrder), fours = unit === 4;
  const shape = fours ? block.shape.with(last, block.shape[last] / 4) : block.shape;
  const strides = fours ? block.strides.map((s, axis) => axis === last ? 1 : s / 4) : block.strides;
  const { rank, outer, inner, strides: [own] } = broadcastParams(direction, shape, [strides]);
  const params = {
    count: count / unit,
    rank,
    base: block.base / unit,
    outer,
    inner,
    stride_outer: own.outer,
    stride_inner: own.inner,
  };
  x.device.run(kernel, {
    bind: { x, y },
    params,
    grid: x.device.grid(count / unit, GROUP),
  });
}

function padMatrix(x: Tensor, y: Tensor, value: number): void {
  const extents = (shape: Shape): number[] => [shape.at(-2) ?? 1, shape.at(-1) ?? 1, 0, 0];
  const unused = [0, 0, 0, 0];
  x.device.run(padMatrixKernel, {
    bind: { x, y },
    params: {
      count: y.size,
      rank: 0,
      base: new Uint32Array(hostArray(y.dtype, [value]).buffer)[0],
      outer: extents(x.shape),
      inner: extents(y.shape),
      stride_outer: unused,
      stride_inner: unused,
    },
    grid: x.device.grid(y.size, GROUP),
  });
}

/** Throws {@link DTypeError} for f16: two share a word, which the kernels that move words cannot part. */
export function refuseHalf(op: string, meta: TensorMeta): void {
  if (meta.dtype === "f16") throw new DTypeError(`${op}: f16 is for storage; cast() to f32 first`);
}

// ---- reshape ----------------------------------------------------------------------------------------------------------

const reshapeOp = defineOp<{ readonly shape: Shape }>({
  name: "reshape",
  family: "layout",
  infer: ([x], { shape }) => {
    if (sizeOf(shape) !== sizeOf(x!.shape) || shape.some((e) => !isCount(e))) {
      throw new ShapeError(`reshape: ${formatShape(x!.shape)} does not fill ${formatShape(shape)}`);
    }
    return [{ shape, dtype: x!.dtype }];
  },
  view: ([x], { shape }) => [makeTensor(x!.device, [...shape], x!.dtype, storageOf(x!).retain())],
  backward: (call) => [reshape(call.grads[0]!, call.inputMetas[0]!.shape)],
  samples: () => [
    { inputs: [{ shape: [6] }], attrs: { shape: [2, 3] } },
    { inputs: [{ shape: [1] }], attrs: { shape: [] } },
    { inputs: [{ shape: [0, 4] }], attrs: { shape: [4, 0] } },
    { inputs: [{ shape: [6], dtype: "i32", range: [-9, 9] }], attrs: { shape: [3, 2] } },
  ],
  bad: [{ inputs: [{ shape: [6] }], attrs: { shape: [4] }, message: /does not fill/ }],
});

/**
 * The same elements in another shape, sharing memory; one extent may be −1 and is then worked out.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, reshape } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const y = reshape(device.arange(6), [2, -1]);
 * deepStrictEqual(y.shape, [2, 3]);
 * deepStrictEqual([...await y.data()], [0, 1, 2, 3, 4, 5]);
 * ```
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  expectTensor("reshape", x);
  expectNumbers("reshape", "the shape", shape);
  const unknown = shape.indexOf(-1);
  if (unknown < 0) return reshapeOp([x], { shape })[0];
  if (shape.lastIndexOf(-1) !== unknown) throw new ShapeError(`reshape: ${formatShape(shape)} leaves two extents open`);
  const known = shape.reduce((product, e, axis) => axis === unknown ? product : product * e, 1);
  if (known !== 0 && !Number.isInteger(x.size / known)) {
    throw new ShapeError(
      `reshape: ${formatShape(x.shape)} does not fill ${formatShape(shape)}, whatever the open extent`,
    );
  }
  return reshapeOp([x], { shape: shape.with(unknown, known === 0 ? 0 : x.size / known) })[0];
}

// ---- transpose --------------------------------------------------------------------------------------------------------

const transposeOp = defineOp<{ readonly perm: readonly number[] }>({
  name: "transpose",
  family: "layout",
  infer: ([x], { perm }) => {
    refuseHalf("transpose", x!);
    if (perm.length !== x!.shape.length || [...perm].sort((a, b) => a - b).some((p, i) => p !== i)) {
      throw new ShapeError(`transpose: [${perm}] does not permute the axes of ${formatShape(x!.shape)}`);
    }
    return [{ shape: perm.map((p) => x!.shape[p]), dtype: x!.dtype }];
  },
  forward: ([x], { perm }, [y]) => {
    if (transposeByTiles(x!, y, perm)) return;
    const strides = stridesOf(x!.shape);
    moveBlock("gather", x!, y, { shape: y.shape, strides: perm.map((p) => strides[p]), base: 0 });
  },
  backward: (call) => {
    const inverse = call.attrs.perm.map((_, i) => call.attrs.perm.indexOf(i));
    return [transpose(call.grads[0]!, inverse)];
  },
  samples: () => [
    { inputs: [{ shape: [3, 5] }], attrs: { perm: [1, 0] } },
    { inputs: [{ shape: [37, 70] }], attrs: { perm: [1, 0] } },
    { inputs: [{ shape: [2, 5, 7, 33] }], attrs: { perm: [0, 3, 1, 2] } },
    { inputs: [{ shape: [2, 3, 5, 4] }], attrs: { perm: [2, 0, 1, 3] } },
    { inputs: [{ shape: [2, 0, 5] }], attrs: { perm: [2, 1, 0] } },
    { inputs: [{ shape: [] }], attrs: { perm: [] } },
    { inputs: [{ shape: [3, 5], dtype: "i32", range: [-9, 9] }], attrs: { perm: [1, 0] } },
  ],
  bad: [{ inputs: [{ shape: [2, 3] }], attrs: { perm: [0, 0] }, message: /does not permute/ }],
});

/**
 * Axes in the order `perm`; reversed when absent.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, transpose } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.tensor([[1, 2, 3], [4, 5, 6]]);
 * deepStrictEqual([...await transpose(x).data()], [1, 4, 2, 5, 3, 6]);
 * deepStrictEqual(transpose(device.zeros([2, 3, 5]), [2, 0, 1]).shape, [5, 2, 3]);
 * ```
 */
export function transpose(x: Tensor, perm?: readonly number[]): Tensor {
  expectTensor("transpose", x);
  if (perm !== undefined) expectNumbers("transpose", "the order of axes", perm);
  const order = perm?.map((p) => normaliseAxis("transpose", p, x.shape.length)) ??
    x.shape.map((_, axis) => x.shape.length - 1 - axis);
  return transposeOp([x], { perm: order })[0];
}

// ---- slice and pad ----------------------------------------------------------------------------------------------------

/** Fills y with the block of x that begins at `begin` and has y's shape. Not recorded. */
export function sliceInto(y: Tensor, x: Tensor, begin: readonly number[]): void {
  const strides = stridesOf(x.shape);
  moveBlock("gather", x, y, { shape: y.shape, strides, base: begin.reduce((s, b, i) => s + b * strides[i], 0) });
}

const sliceOp = defineOp<{ readonly begin: readonly number[]; readonly size: readonly number[] }>({
  name: "slice",
  family: "layout",
  infer: ([x], { begin, size }) => {
    refuseHalf("slice", x!);
    const { shape } = x!;
    const fits = begin.length === shape.length && size.length === shape.length &&
      shape.every((e, axis) => isCount(begin[axis]) && isCount(size[axis]) && begin[axis] + size[axis] <= e);
    if (!fits) {
      throw new ShapeError(
        `slice: begin [${begin}] with size [${size}] leaves a tensor of shape ${formatShape(shape)}`,
      );
    }
    return [{ shape: [...size], dtype: x!.dtype }];
  },
  forward: ([x], { begin }, [y]) => sliceInto(y, x!, begin),
  backward: (call) => {
    const { begin, size } = call.attrs;
    const around = call.inputMetas[0]!.shape.map((e, axis) => [begin[axis], e - begin[axis] - size[axis]] as const);
    return [pad(call.grads[0]!, around)];
  },
  samples: () => [
    { inputs: [{ shape: [7] }], attrs: { begin: [2], size: [4] } },
    { inputs: [{ shape: [3, 5, 8] }], attrs: { begin: [1, 0, 4], size: [2, 5, 4] } },
    { inputs: [{ shape: [3, 5] }], attrs: { begin: [0, 5], size: [3, 0] } },
    { inputs: [{ shape: [3, 5], dtype: "i32", range: [-9, 9] }], attrs: { begin: [1, 2], size: [2, 3] } },
    { inputs: [{ shape: [7], dtype: "u32", range: [0, 9] }], attrs: { begin: [1], size: [4] } },
  ],
  bad: [{ inputs: [{ shape: [4] }], attrs: { begin: [2], size: [3] }, message: /leaves a tensor/ }],
});

/**
 * The block of extents `size` whose first element is at `begin`.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, slice } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.tensor([[1, 2, 3], [4, 5, 6]]);
 * deepStrictEqual([...await slice(x, [0, 1], [2, 2]).data()], [2, 3, 5, 6]);
 * ```
 */
export function slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor {
  expectNumbers("slice", "begin", begin);
  expectNumbers("slice", "size", size);
  return sliceOp([x], { begin, size })[0];
}

/** Elements added before and after each axis. */
export type PadWidths = readonly (readonly [before: number, after: number])[];

const padOp = defineOp<{ readonly padding: PadWidths; readonly value: number }>({
  name: "pad",
  family: "layout",
  infer: ([x], { padding }) => {
    refuseHalf("pad", x!);
    if (padding.length !== x!.shape.length || padding.some((pair) => pair.length !== 2 || !pair.every(isCount))) {
      throw new ShapeError(
        `pad: [${padding.join("; ")}] is not a pair of counts for each axis of ${formatShape(x!.shape)}`,
      );
    }
    return [{ shape: x!.shape.map((e, axis) => e + padding[axis][0] + padding[axis][1]), dtype: x!.dtype }];
  },
  forward: ([x], { padding, value }, [y]) => {
    const rank = y.shape.length;
    // Only after the last two axes, as kernels want it: one pass instead of a fill and a copy.
    const simple = x!.size > 0 &&
      padding.every(([before, after], axis) => before === 0 && (after === 0 || axis >= rank - 2));
    if (simple && mayRun(y.device, padMatrixKernel)) return padMatrix(x!, y, value);
    if (y.size !== x!.size) fill(y, value);
    const strides = stridesOf(y.shape);
    const base = padding.reduce((s, [before], axis) => s + before * strides[axis], 0);
    moveBlock("scatter", x!, y, { shape: x!.shape, strides, base });
  },
  backward: (call) => [
    slice(call.grads[0]!, call.attrs.padding.map(([before]) => before), call.inputMetas[0]!.shape as number[]),
  ],
  samples: () => [
    { inputs: [{ shape: [3] }], attrs: { padding: [[2, 1]], value: 0.5 } },
    { inputs: [{ shape: [2, 3, 4] }], attrs: { padding: [[0, 1], [1, 1], [0, 4]], value: 0 } },
    { inputs: [{ shape: [2, 0] }], attrs: { padding: [[0, 0], [1, 2]], value: -1 } },
    { inputs: [{ shape: [3, 5] }], attrs: { padding: [[0, 1], [0, 3]], value: 0 } },
    { inputs: [{ shape: [2, 3, 5] }], attrs: { padding: [[0, 0], [0, 0], [0, 2]], value: -0.25 } },
    { inputs: [{ shape: [5] }], attrs: { padding: [[0, 3]], value: 2 } },
    { inputs: [{ shape: [3, 5], dtype: "i32", range: [-9, 9] }], attrs: { padding: [[0, 1], [0, 2]], value: -7 } },
    { inputs: [{ shape: [3, 4], dtype: "u32", range: [0, 9] }], attrs: { padding: [[1, 1], [4, 0]], value: 5 } },
  ],
  bad: [{ inputs: [{ shape: [3] }], attrs: { padding: [[-1, 0]], value: 0 }, message: /pair of counts/ }],
});

/**
 * x with `value` (0 by default) around it: `[before, after]` per axis.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, pad } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.tensor([[1, 2]]);
 * deepStrictEqual([...await pad(x, [[0, 0], [1, 1]]).data()], [0, 1, 2, 0]);
 * deepStrictEqual([...await pad(x, [[0, 1], [0, 0]], 9).data()], [1, 2, 9, 9]);
 * ```
 */
export function pad(x: Tensor, padding: PadWidths, value = 0): Tensor {
  if (!Array.isArray(padding)) throw new ArgumentError(`pad: padding is a list of pairs, not ${described(padding)}`);
  for (const pair of padding) expectNumbers("pad", "a pair of counts", pair);
  expectNumber("pad", "the value", value);
  return padOp([x], { padding, value })[0];
}

// ---- concat and tile --------------------------------------------------------------------------------------------------

/** Fills `parts` with x cut along `axis`. Not recorded. */
export function cutInto(parts: readonly Tensor[], x: Tensor, axis: number): void {
  if (partAll(parts, x, axis)) return;
  const strides = stridesOf(x.shape);
  let base = 0;
  for (const part of parts) {
    moveBlock("gather", x, part, { shape: part.shape, strides, base });
    base += part.shape[axis] * strides[axis];
  }
}

const concatOp = defineOp<{ readonly axis: number }>({
  name: "concat",
  family: "layout",
  infer: (inputs, { axis }) => {
    const first = inputs[0]!;
    normaliseAxis("concat", axis, first.shape.length);
    let along = 0;
    for (const x of inputs) {
      refuseHalf("concat", x!);
      if (x!.dtype !== first.dtype) throw new DTypeError(`concat: dtypes ${first.dtype} and ${x!.dtype} differ`);
      if (x!.shape.length !== first.shape.length || x!.shape.some((e, a) => a !== axis && e !== first.shape[a])) {
        const shapes = inputs.map((t) => formatShape(t!.shape)).join(", ");
        throw new ShapeError(`concat: shapes ${shapes} differ elsewhere than on axis ${axis}`);
      }
      along += x!.shape[axis];
    }
    return [{ shape: first.shape.with(axis, along), dtype: first.dtype }];
  },
  forward: (inputs, { axis }, [y]) => {
    if (joinAll(y, inputs as readonly Tensor[], axis)) return;
    const strides = stridesOf(y.shape);
    let at = 0;
    for (const x of inputs) {
      moveBlock("scatter", x!, y, { shape: x!.shape, strides, base: at * strides[axis] });
      at += x!.shape[axis];
    }
  },
  backward: (call) => {
    const { axis } = call.attrs, [dy] = call.grads;
    if (call.needs.filter((needed) => needed).length > 1 && dy!.device.kernels === "gpu") {
      const parts = call.inputMetas.map((meta) => dy!.device.empty(meta!.shape));
      cutInto(parts, dy!, axis);
      return parts.map((part, i) => call.needs[i] ? part : null);
    }
    let at = 0;
    return call.inputMetas.map((meta, i) => {
      const begin = meta!.shape.map((_, a) => a === axis ? at : 0);
      at += meta!.shape[axis];
      return call.needs[i] ? slice(call.grads[0]!, begin, meta!.shape as number[]) : null;
    });
  },
  samples: () => [
    { inputs: [{ shape: [3] }, { shape: [2] }], attrs: { axis: 0 } },
    { inputs: [{ shape: [2, 3, 4] }, { shape: [2, 3, 8] }, { shape: [2, 3, 0] }], attrs: { axis: 2 } },
    { inputs: [{ shape: [2, 3, 5] }, { shape: [2, 1, 5] }], attrs: { axis: 1 } },
    // As many as one dispatch takes, and more.
    { inputs: [1, 2, 1, 3, 1, 1, 1, 1].map((n) => ({ shape: [2, n] })), attrs: { axis: 1 } },
    { inputs: [1, 2, 1, 3, 1, 1, 1, 1, 2].map((n) => ({ shape: [2, n] })), attrs: { axis: 1 } },
    {
      inputs: [{ shape: [2, 3], dtype: "i32", range: [-9, 9] }, { shape: [2, 5], dtype: "i32", range: [-9, 9] }],
      attrs: { axis: 1 },
    },
    {
      inputs: [{ shape: [3], dtype: "u32", range: [0, 9] }, { shape: [4], dtype: "u32", range: [0, 9] }],
      attrs: { axis: 0 },
    },
  ],
  bad: [{ inputs: [{ shape: [2, 3] }, { shape: [3, 3] }], attrs: { axis: 1 }, message: /differ elsewhere/ }],
});

/**
 * Tensors joined along `axis`; every other extent must agree.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { concat, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const a = device.tensor([[1], [2]]), b = device.tensor([[3], [4]]);
 * deepStrictEqual([...await concat([a, b], 0).data()], [1, 2, 3, 4]);
 * deepStrictEqual([...await concat([a, b], 1).data()], [1, 3, 2, 4]);
 * ```
 */
export function concat(inputs: readonly Tensor[], axis: number): Tensor {
  expectTensors("concat", inputs);
  if (inputs.length === 0) throw new ShapeError("concat: no tensors");
  return concatOp(inputs, { axis: normaliseAxis("concat", axis, inputs[0].shape.length) })[0];
}

/** x seen at a larger broadcast `shape`, written out. Not recorded; for gradient rules. */
export function expandTo(x: Tensor, shape: Shape): Tensor {
  const y = x.device.empty(shape, x.dtype);
  const own = stridesOf(x.shape);
  const lead = shape.length - x.shape.length;
  const strides = shape.map((_, axis) => axis < lead || x.shape[axis - lead] === 1 ? 0 : own[axis - lead]);
  moveBlock("gather", x, y, { shape, strides, base: 0 });
  return y;
}

const tileOp = defineOp<{ readonly reps: readonly number[] }>({
  name: "tile",
  family: "layout",
  infer: ([x], { reps }) => {
    refuseHalf("tile", x!);
    if (reps.length !== x!.shape.length || reps.some((r) => !Number.isInteger(r) || r < 0)) {
      throw new ShapeError(`tile: [${reps}] is not a count for each axis of ${formatShape(x!.shape)}`);
    }
    return [{ shape: x!.shape.map((e, axis) => e * reps[axis]), dtype: x!.dtype }];
  },
  forward: ([x], { reps }, [y]) => {
    const own = stridesOf(x!.shape);
    moveBlock("gather", x!, y, {
      shape: reps.flatMap((r, axis) => [r, x!.shape[axis]]),
      strides: own.flatMap((s) => [0, s]),
      base: 0,
    });
  },
  backward: (call) => {
    const { shape } = call.inputMetas[0]!;
    const split = reshape(call.grads[0]!, call.attrs.reps.flatMap((r, axis) => [r, shape[axis]]));
    return [split.sum(shape.map((_, axis) => 2 * axis)).reshape(shape)];
  },
  samples: () => [
    { inputs: [{ shape: [3] }], attrs: { reps: [4] } },
    { inputs: [{ shape: [2, 1, 4] }], attrs: { reps: [1, 3, 2] } },
    { inputs: [{ shape: [2, 3] }], attrs: { reps: [0, 1] } },
    { inputs: [{ shape: [2, 3], dtype: "i32", range: [-9, 9] }], attrs: { reps: [2, 3] } },
    { inputs: [{ shape: [5], dtype: "u32", range: [0, 9] }], attrs: { reps: [2] } },
  ],
  bad: [{ inputs: [{ shape: [3] }], attrs: { reps: [1, 2] }, message: /count for each axis/ }],
});

/**
 * x repeated `reps` times along each axis.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, tile } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const y = tile(device.tensor([[1, 2]]), [2, 2]);
 * deepStrictEqual(y.shape, [2, 4]);
 * deepStrictEqual([...await y.data()], [1, 2, 1, 2, 1, 2, 1, 2]);
 * ```
 */
export function tile(x: Tensor, reps: readonly number[]): Tensor {
  expectNumbers("tile", "the counts", reps);
  return tileOp([x], { reps })[0];
}
