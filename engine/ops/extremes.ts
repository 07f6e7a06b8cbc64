/** Largest and smallest elements over axes, and their places. */
import text from "../../shaders/argmax.wgsl" with { type: "text" };
import { expectOptions } from "../base/given.ts";
import { defineOp, expectDType, expectTensor } from "../op.ts";
import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { alongAxis } from "./lib/axis.ts";
import { risingLib, rowKernels, TYPES } from "./lib/library.ts";
import {
  type Axes,
  byColumns,
  columnsOf,
  FOLDS,
  keepDimsOf,
  movedBack,
  nonEmpty,
  type ReduceAttrs,
  reduceAttrs,
  reduceColumns,
  reducedShape,
  reduceIntegers,
  type ReduceOptions,
  reduceSamples,
} from "./lib/reduce.ts";
import { reshape } from "./layout.ts";

const parts = [risingLib, { file: "argmax.wgsl", text }] as const;
const placeKernels = rowKernels("argmax", ...parts);
const gradKernels = rowKernels("extreme_grad", ...parts);

function defineExtreme(name: "max" | "min") {
  const constants = { LEAST: Number(name === "min") };
  return defineOp<ReduceAttrs>({
    name,
    family: "reduction",
    infer: ([x], attrs) => {
      nonEmpty(name, x!, attrs.axes);
      expectDType(name, "the input", x!, "f32", "i32", "u32");
      return [{ shape: reducedShape(x!.shape, attrs), dtype: x!.dtype }];
    },
    forward: ([x], { axes }, [y]) => {
      const { x: moved, columns } = columnsOf(x!, axes);
      if (y.dtype === "f32") reduceColumns(FOLDS[name], moved, columns, y, 1);
      else reduceIntegers(name, moved, columns, y);
    },
    saves: () => ({ inputs: [0] }),
    backward: (call) => {
      const x = call.input(0);
      const { axes } = call.attrs;
      const { x: moved, columns } = columnsOf(x, axes);
      const dx = x.device.empty(moved.shape);
      const count = columns.outer * columns.inner;
      const { kernel, grid } = byColumns(x.device, gradKernels, columns);
      x.device.run(kernel, {
        bind: { x: moved, dy: call.grads[0]!, y: dx },
        params: { count, reduced: columns.reduced, inner: columns.inner },
        constants,
        grid,
      });
      return [movedBack(dx, x, moved, axes)];
    },
    samples: () => reduceSamples({ integers: true }),
    bad: [{ inputs: [{ shape: [0, 3] }], attrs: { axes: [0], keepDims: false }, message: /nothing to reduce/ }],
  });
}

const maxOp = defineExtreme("max");
const minOp = defineExtreme("min");

/**
 * Largest element over `axes` (all when absent), of integers too; the gradient goes to the first of equals.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, max } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[3, -1, 2], [5, 4, 6]]);
 * deepStrictEqual([...await max(x, 1).data()], [3, 6]);
 * ```
 */
export function max(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  return maxOp([x], reduceAttrs("max", x, axes, options))[0];
}

/**
 * Smallest element over `axes` (all when absent), of integers too; the gradient goes to the first of equals.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, min } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[3, -1, 2], [5, 4, 6]]);
 * deepStrictEqual([...await min(x, 1).data()], [-1, 4]);
 * ```
 */
export function min(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  return minOp([x], reduceAttrs("min", x, axes, options))[0];
}

/** Integers for samples: few values, so that there are ties, and all of them. */
const INTEGERS = [
  { dtype: "i32", range: [-3, 4] },
  { dtype: "i32", range: [-(2 ** 31), 2 ** 31] },
  { dtype: "u32", range: [0, 3] },
  { dtype: "u32", range: [0, 2 ** 32] },
] as const;

function definePlace(name: "argmax" | "argmin") {
  const constants = { LEAST: Number(name === "argmin") };
  return defineOp<{ readonly axis: number; readonly keepDims: boolean }>({
    name,
    family: "reduction",
    infer: ([x], { axis, keepDims }) => {
      expectDType(name, "the input", x!, "f32", "i32", "u32");
      nonEmpty(name, x!, [axis]);
      return [{ shape: reducedShape(x!.shape, { axes: [axis], keepDims }), dtype: "i32" }];
    },
    forward: ([x], { axis }, [y]) => {
      const outer = sizeOf(x!.shape.slice(0, axis));
      const inner = sizeOf(x!.shape.slice(axis + 1));
      const params = { count: outer * inner, reduced: x!.shape[axis], inner };
      const { kernel, grid } = byColumns(y.device, placeKernels, { outer, ...params });
      y.device.run(kernel, {
        bind: { x: x!, index: y },
        params,
        constants: { ...constants, TYPE: TYPES[x!.dtype as keyof typeof TYPES] },
        grid,
      });
    },
    backward: { nondifferentiable: "an index" },
    samples: () =>
      ([[[7], 0], [[5, 8], 0], [[5, 8], 1], [[3, 5, 7], 1], [[3, 131], 1], [[0, 4], 1]] as const).flatMap((
        [shape, axis],
      ) => {
        const attrs = { axis, keepDims: false };
        const integers = INTEGERS.map((input) => ({ inputs: [{ shape, ...input }], attrs }));
        return [{ inputs: [{ shape }], attrs }, ...integers];
      }),
    bad: [{ inputs: [{ shape: [0, 3] }], attrs: { axis: 0, keepDims: false }, message: /nothing to reduce/ }],
  });
}

const argmaxOp = definePlace("argmax");
const argminOp = definePlace("argmin");

/** The place along an axis, or among all elements in row-major order. */
function placeOf(
  op: typeof argmaxOp,
  name: string,
  x: Tensor,
  axis: Axes | undefined,
  options: ReduceOptions,
): Tensor {
  expectTensor(name, x);
  expectOptions(name, options, { keepDims: true });
  const keepDims = keepDimsOf(name, options);
  if (axis !== undefined) return alongAxis(name, x, axis, (row, axis) => op([row], { axis, keepDims })[0]);
  using scope = x.device.scope();
  const place = op([reshape(x, [x.size])], { axis: 0, keepDims: false })[0];
  return scope.keep(keepDims ? reshape(place, x.shape.map(() => 1)) : place);
}

/**
 * Index of the first largest element along `axis` (one, or a list of one), as i32, of integers too; among all elements, in row-major
 * order, when absent.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { argmax, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scores = device.tensor([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]]);
 * deepStrictEqual([...await argmax(scores, -1).data<"i32">()], [1, 0]);
 * ```
 */
export function argmax(x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor {
  return placeOf(argmaxOp, "argmax", x, axis, options);
}

/**
 * Index of the first smallest element along `axis` (one, or a list of one), as i32, of integers too; among all elements, in row-major
 * order, when absent.
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { argmin, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[3, 1, 1], [0, 4, 6]]);
 * deepStrictEqual([...await argmin(x, -1).data<"i32">()], [1, 0]);
 * strictEqual(await argmin(x).item(), 3);
 * ```
 */
export function argmin(x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor {
  return placeOf(argminOp, "argmin", x, axis, options);
}
