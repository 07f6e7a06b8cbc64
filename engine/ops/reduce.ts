/** Sums and means over axes. */
import gradText from "../../shaders/mean_grad.wgsl" with { type: "text" };
import { storageOf } from "../friends.ts";
import { declareKernel } from "../gpu/kernel.ts";
import { type BackwardCall, defineOp, expectDType } from "../op.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { mayRun } from "./lib/choice.ts";
import { fill } from "./lib/fill.ts";
import { activationLibs, ACTIVATIONS, GROUP, indexLib, vec4Lib } from "./lib/library.ts";
import {
  type Axes,
  columnsOf,
  FOLDS,
  keptShape,
  nonEmpty,
  type ReduceAttrs,
  reduceAttrs,
  reduceColumns,
  reducedShape,
  reduceIntegers,
  type ReduceOptions,
  reduceSamples,
} from "./lib/reduce.ts";
import { expandTo, reshape } from "./layout.ts";
import { affine } from "./unary.ts";

const sumOp = defineOp<ReduceAttrs>({
  name: "sum",
  family: "reduction",
  infer: ([x], attrs) => {
    expectDType("sum", "the input", x!, "f32", "i32", "u32");
    return [{ shape: reducedShape(x!.shape, attrs), dtype: x!.dtype }];
  },
  forward: ([x], { axes }, [y]) => sumInto(y, x!, axes),
  backward: (call) => {
    const { shape } = call.inputMetas[0]!;
    return [expandTo(reshape(call.grads[0]!, keptShape(shape, call.attrs.axes)), shape)];
  },
  samples: () => reduceSamples({ withEmpty: true, integers: true }),
});

const meanGradKernel = declareKernel("mean_grad", { kernelSet: "gpu" }, indexLib, vec4Lib, ...activationLibs, {
  file: "mean_grad.wgsl",
  text: gradText,
});

/** A mean's gradient in one dispatch, on GPUs, over neighbouring axes with whole fours within them; else null. */
function meanGrad(call: BackwardCall<ReduceAttrs>, shape: Shape, axes: readonly number[]): Tensor | null {
  const dy = call.grads[0]!, { device } = dy, first = axes[0] ?? 0, last = axes.at(-1) ?? -1;
  const [reduced, inner] = [sizeOf(shape.slice(first, last + 1)), sizeOf(shape.slice(last + 1))];
  const neighbours = axes.every((axis, i) => axis === first + i);
  if (device.kernels !== "gpu" || !neighbours || axes.length === 0 || inner % 4 !== 0) return null;
  if (sizeOf(shape) === 0 || !mayRun(device, meanGradKernel) || call.collected(0)) return null;
  const slope = call.slope(0), dx = device.empty(shape), count = dx.size / 4;
  device.run(meanGradKernel, {
    bind: { dy, activated: slope && slope.y, dx },
    params: { count, reduced, inner: inner / 4, scale: 1 / reduced },
    constants: { SLOPE: ACTIVATIONS[slope?.activation ?? "none"] },
    grid: device.grid(count, GROUP),
  });
  return dx;
}

const meanOp = defineOp<ReduceAttrs>({
  name: "mean",
  family: "reduction",
  infer: ([x], attrs) => {
    nonEmpty("mean", x!, attrs.axes);
    expectDType("mean", "the input", x!, "f32");
    return [{ shape: reducedShape(x!.shape, attrs), dtype: "f32" }];
  },
  forward: ([x], { axes }, [y]) => sumInto(y, x!, axes, { scale: 1 / sizeOf(axes.map((axis) => x!.shape[axis])) }),
  backward: (call) => {
    const { shape } = call.inputMetas[0]!;
    const { axes } = call.attrs;
    const wide = meanGrad(call, shape, axes);
    if (wide) return [wide];
    const kept = reshape(call.grads[0]!, keptShape(shape, axes));
    return [expandTo(affine(kept, 1 / sizeOf(axes.map((axis) => shape[axis])), 0), shape)];
  },
  samples: () => reduceSamples(),
});

/** y = scale · Σ x over `axes`, or y plus that if `add`; y has the other axes' elements. Integers are summed alone. Not recorded. */
export function sumInto(
  y: Tensor,
  x: Tensor,
  axes: readonly number[],
  { scale = 1, add = false }: { readonly scale?: number; readonly add?: boolean } = {},
): void {
  const { x: moved, columns } = columnsOf(x, axes);
  if (columns.reduced > 0 && y.dtype !== "f32") reduceIntegers("sum", moved, columns, y);
  else if (columns.reduced > 0) reduceColumns(FOLDS.sum, moved, columns, y, scale, add);
  else if (!add) fill(y, 0);
  storageOf(y).version++;
}

/** Gradient Σ dz over `axes` of a leaf: added to what it has collected (then null), or a tensor of its own. */
export function sumCollected(into: Tensor | null, dz: Tensor, axes: readonly number[]): Tensor | null {
  if (!into) return sum(dz, axes);
  sumInto(into, dz, axes, { add: true });
  return null;
}

/**
 * Sum over `axes` (all when absent), of integers too, which wrap; an empty sum is 0.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, sum } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[1, 2, 3], [4, 5, 6]]);
 * deepStrictEqual([...await sum(x, 1).data()], [6, 15]);
 * deepStrictEqual(sum(x, -1, { keepDims: true }).shape, [2, 1]);
 * ```
 */
export function sum(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  return sumOp([x], reduceAttrs("sum", x, axes, options))[0];
}

/**
 * Mean over `axes` (all when absent).
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, mean } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[1, 2], [3, 6]]);
 * deepStrictEqual([...await mean(x, 0).data()], [2, 4]);
 * ```
 */
export function mean(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  return meanOp([x], reduceAttrs("mean", x, axes, options))[0];
}
