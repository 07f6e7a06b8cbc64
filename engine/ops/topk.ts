/** The largest or smallest elements along an axis, in order. */
import text from "../../shaders/topk.wgsl" with { type: "text" };
import { expectFlag, expectNumber, expectOptions } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType, expectTensor } from "../op.ts";
import { type Axes, formatShape, normaliseAxis, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { fill } from "./lib/fill.ts";
import { GROUP, indexLib, risingLib, rowAloneLib, rowKernels, scalarLib, TYPES } from "./lib/library.ts";
import { byColumns } from "./lib/reduce.ts";

const parts = [indexLib, risingLib, { file: "topk.wgsl", text }] as const;
const pickKernels = rowKernels("topk", ...parts);
const gradKernel = kernel("topk_grad", scalarLib, rowAloneLib, ...parts);

interface Attrs {
  readonly k: number;
  readonly axis: number;
  readonly largest: boolean;
}

const columnsOf = (shape: Shape, axis: number) => ({
  outer: sizeOf(shape.slice(0, axis)),
  reduced: shape[axis],
  inner: sizeOf(shape.slice(axis + 1)),
});

const topkOp = defineOp<Attrs>({
  name: "topk",
  family: "reduction",
  infer: ([x], { k, axis }) => {
    expectDType("topk", "the input", x!, "f32", "i32", "u32");
    const { shape, dtype } = x!;
    normaliseAxis("topk", axis, shape.length);
    if (!Number.isInteger(k) || k < 0 || k > shape[axis]) {
      throw new ShapeError(
        `topk: k is a whole number from 0 to ${shape[axis]} on axis ${axis} of ${formatShape(shape)}, got ${k}`,
      );
    }
    return [{ shape: shape.with(axis, k), dtype }, { shape: shape.with(axis, k), dtype: "i32" }];
  },
  forward: ([x], { k, axis, largest }, [y, places], device) => {
    if (k === 0) return;
    const columns = columnsOf(x!.shape, axis), count = columns.outer * columns.inner;
    const { kernel, grid } = byColumns(device, pickKernels, columns);
    device.run(kernel, {
      bind: { x: x!, y, places },
      params: { count, reduced: columns.reduced, inner: columns.inner, k },
      constants: { LEAST: Number(!largest), TYPE: TYPES[x!.dtype as keyof typeof TYPES] },
      grid,
    });
  },
  constantOutputs: [1],
  saves: () => ({ outputs: [1] }),
  backward: (call) => {
    const { k, axis } = call.attrs, { shape } = call.inputMetas[0]!, dy = call.grads[0]!;
    const dx = dy.device.empty(shape);
    fill(dx, 0);
    const { outer, reduced, inner } = columnsOf(shape, axis);
    dy.device.run(gradKernel, {
      bind: { dy, index: call.output(1), y: dx },
      params: { count: outer * inner, reduced, inner, k },
      grid: dy.device.grid(dy.size, GROUP),
    });
    return [dx];
  },
  samples: () =>
    ([
      [[7], 3, 0],
      [[5, 8], 1, 0],
      [[3, 5, 7], 5, 1],
      [[3, 131], 9, 1],
      [[2, 40], 40, 1],
      [[4, 3], 0, 1],
      [[0, 4], 2, 1],
    ] as const).flatMap(([shape, k, axis]) =>
      [true, false].flatMap((largest) =>
        ([
          { dtype: "f32" },
          { dtype: "i32", range: [-3, 4] },
          { dtype: "i32", range: [-(2 ** 31), 2 ** 31] },
          { dtype: "u32", range: [0, 3] },
          { dtype: "u32", range: [0, 2 ** 32] },
        ] as const).map((input) => ({ inputs: [{ shape, ...input }], attrs: { k, axis, largest } }))
      )
    ),
  bad: [
    { inputs: [{ shape: [2, 3] }], attrs: { k: 4, axis: 1, largest: true }, message: /from 0 to 3 on axis 1/ },
    { inputs: [{ shape: [3] }], attrs: { k: 1, axis: 1, largest: true }, message: /axis 1 is out of range/ },
  ],
});

/** Options of {@link topk}. */
export interface TopkOptions {
  /** Axis along which elements are compared; default the last. */
  readonly axis?: Axes;
  /** Default true; else the smallest. */
  readonly largest?: boolean;
}

/** Result of {@link topk}: elements and their places along the axis. */
export interface Topk {
  /** Elements in order, of x's type; the axis has extent k. */
  readonly values: Tensor;
  /** Their places, i32, of the same shape. */
  readonly indices: Tensor;
}

/**
 * The `k` largest elements along an axis, or the smallest, in order, of integers too; of equal ones the first comes first, and NaN counts as the
 * largest. The gradient goes to x through the values. Each of the k is looked for by a walk along the row, so the cost is k times
 * that of `max`: meant for k up to some dozens.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, topk } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[1, 7, 3, 7], [4, 2, 8, 6]]);
 * const { values, indices } = topk(x, 2);
 * deepStrictEqual([...await values.data()], [7, 7, 8, 6]);
 * deepStrictEqual([...await indices.data<"i32">()], [1, 3, 2, 3]);
 * ```
 */
export function topk(x: Tensor, k: number, options: TopkOptions = {}): Topk {
  expectTensor("topk", x);
  expectOptions("topk", options, { axis: true, largest: true });
  expectNumber("topk", "k", k);
  const { axis = -1, largest = true } = options;
  expectFlag("topk", "largest", largest);
  const [values, indices] = topkOp([x], { k, axis: normaliseAxis("topk", axis, x.shape.length), largest });
  return { values, indices };
}
