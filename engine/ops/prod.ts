/** Products over axes. */
import text from "../../shaders/prod.wgsl" with { type: "text" };
import { defineOp, expectDType } from "../op.ts";
import type { Tensor } from "../tensor.ts";
import { fill } from "./lib/fill.ts";
import { rowKernels } from "./lib/library.ts";
import {
  type Axes,
  byColumns,
  columnsOf,
  FOLDS,
  movedBack,
  type ReduceAttrs,
  reduceAttrs,
  reduceColumns,
  reducedShape,
  reduceIntegers,
  type ReduceOptions,
  reduceSamples,
} from "./lib/reduce.ts";

const gradKernels = rowKernels("prod_grad", { file: "prod.wgsl", text });

const prodOp = defineOp<ReduceAttrs>({
  name: "prod",
  family: "reduction",
  infer: ([x], attrs) => {
    expectDType("prod", "the input", x!, "f32", "i32", "u32");
    return [{ shape: reducedShape(x!.shape, attrs), dtype: x!.dtype }];
  },
  forward: ([x], { axes }, [y]) => {
    const { x: moved, columns } = columnsOf(x!, axes);
    if (columns.reduced === 0) fill(y, 1);
    else if (y.dtype === "f32") reduceColumns(FOLDS.prod, moved, columns, y, 1);
    else reduceIntegers("prod", moved, columns, y);
  },
  saves: () => ({ inputs: [0] }),
  backward: (call) => {
    const x = call.input(0);
    const { axes } = call.attrs;
    const { x: moved, columns } = columnsOf(x, axes);
    const dx = x.device.empty(moved.shape);
    if (columns.reduced > 0) {
      const { kernel, grid } = byColumns(x.device, gradKernels, columns), { outer, reduced, inner } = columns;
      x.device.run(kernel, {
        bind: { x: moved, dy: call.grads[0]!, y: dx },
        params: { count: outer * inner, reduced, inner },
        grid,
      });
    }
    return [movedBack(dx, x, moved, axes)];
  },
  samples: () =>
    // Factors near 1, so that products of many stay numbers.
    reduceSamples({ withEmpty: true, integers: true }).map(({ inputs, attrs }) => ({
      inputs: inputs.map((x) => x && { range: [0.9, 1.1] as const, ...x }),
      attrs,
    })),
});

/**
 * Product over `axes` (all when absent), of integers too, which wrap; an empty product is 1. The gradient to a factor is the product of the others, with
 * zeros among them too.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, prod } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[2, 0, 3], [2, 4, 5]]);
 * x.requiresGrad = true;
 * using y = prod(x, 1);
 * deepStrictEqual([...await y.data()], [0, 40]);
 * y.sum().backward();
 * deepStrictEqual([...await x.grad!.data()].slice(0, 3), [0, 6, 0]);
 * ```
 */
export function prod(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  return prodOp([x], reduceAttrs("prod", x, axes, options))[0];
}
