/** Variance and standard deviation over axes. */
import { expectNumber } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { defineOp, expectDType } from "../op.ts";
import { formatShape, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { floats, mul, sub } from "./binary.ts";
import { equal, where } from "./compare.ts";
import {
  type Axes,
  keptShape,
  type ReduceAttrs,
  reduceAttrs,
  reducedShape,
  type ReduceOptions,
  reduceSamples,
} from "./lib/reduce.ts";
import { reshape } from "./layout.ts";
import { sumInto } from "./reduce.ts";
import { affine, sqrt } from "./unary.ts";

const squaredDifference = floats("squaredDifference");

/** Options of {@link variance} and {@link std}. */
export interface VarianceOptions extends ReduceOptions {
  /** Taken off the number of elements that the sum of squares is divided by; default 1, as in PyTorch. */
  readonly correction?: number;
}

interface Attrs extends ReduceAttrs {
  readonly correction: number;
}

const countOf = (shape: Shape, axes: readonly number[]): number => sizeOf(axes.map((axis) => shape[axis]));

/** The variance, and the means that it is about. */
const varianceOp = defineOp<Attrs>({
  name: "variance",
  family: "reduction",
  infer: ([x], { axes, correction, keepDims }) => {
    expectDType("variance", "the input", x!, "f32");
    const { shape } = x!, count = countOf(shape, axes);
    if (!(count > correction && correction >= 0)) {
      throw new ShapeError(
        `variance: ${count} elements along [${axes}] of ${formatShape(shape)} need a correction from 0 to below ` +
          `${count}, got ${correction}`,
      );
    }
    return [
      { shape: reducedShape(shape, { axes, keepDims }), dtype: "f32" },
      { shape: keptShape(shape, axes), dtype: "f32" },
    ];
  },
  forward: ([x], { axes, correction }, [y, mean], device) => {
    const count = countOf(x!.shape, axes);
    sumInto(mean, x!, axes, { scale: 1 / count });
    const squares = device.empty(x!.shape);
    squaredDifference(x!, mean, squares);
    sumInto(y, squares, axes, { scale: 1 / (count - correction) });
  },
  constantOutputs: [1],
  saves: () => ({ inputs: [0], outputs: [1] }),
  backward: (call) => {
    const x = call.input(0), { axes, correction } = call.attrs;
    const kept = reshape(call.grads[0]!, keptShape(x.shape, axes));
    const scaled = affine(kept, 2 / (countOf(x.shape, axes) - correction), 0);
    return [mul(sub(x, call.output(1)), scaled)];
  },
  samples: () =>
    reduceSamples().flatMap(({ inputs, attrs }) => {
      const count = countOf(inputs[0]!.shape, attrs.axes);
      return [0, 1, 0.5].filter((correction) => correction < count).map((correction) => ({
        inputs,
        attrs: { ...attrs, correction },
      }));
    }),
  bad: [
    { inputs: [{ shape: [1, 3] }], attrs: { axes: [0], keepDims: false, correction: 1 }, message: /1 elements along/ },
    { inputs: [{ shape: [0, 3] }], attrs: { axes: [0], keepDims: false, correction: 0 }, message: /0 elements along/ },
  ],
});

/** The correction asked for. */
function correctionOf({ correction = 1 }: VarianceOptions): number {
  expectNumber("variance", "correction", correction);
  return correction;
}

/**
 * Variance over `axes` (all when absent): the squared deviations from the mean, summed and divided by the number of elements
 * less `correction` (1, as in PyTorch; 0 for the variance of the elements themselves). Throws {@link ShapeError} where the
 * correction leaves nothing to divide by.
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { Device, variance } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[1, 3], [2, 6]]);
 * deepStrictEqual([...await variance(x, 1).data()], [2, 8]);
 * strictEqual(await variance(x, [0, 1], { correction: 0 }).item(), 3.5);
 * ```
 */
export function variance(x: Tensor, axes?: Axes, options: VarianceOptions = {}): Tensor {
  const [y, mean] = varianceOp([x], {
    ...reduceAttrs("variance", x, axes, options),
    correction: correctionOf(options),
  });
  mean.dispose();
  return y;
}

/**
 * Standard deviation over `axes` (all when absent): the root of {@link variance}, with its `correction`. Its gradient is 0
 * where all elements are equal, as in PyTorch.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, std } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[1, 5], [2, 8]]);
 * deepStrictEqual([...await std(x, 1, { correction: 0 }).data()], [2, 3]);
 * ```
 */
export function std(x: Tensor, axes?: Axes, options: VarianceOptions = {}): Tensor {
  reduceAttrs("std", x, axes, options);
  using scope = x.device.scope();
  const v = variance(x, axes, options);
  if (!v.requiresGrad) return scope.keep(sqrt(v));
  // The root's slope at 0 is infinite, so zeros go around it.
  const zero = equal(v, 0);
  return scope.keep(where(zero, 0, sqrt(where(zero, 1, v))));
}
