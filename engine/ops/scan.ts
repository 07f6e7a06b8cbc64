/** Running sums along an axis. */
import text from "../../shaders/scan.wgsl" with { type: "text" };
import { defineOp, expectDType, expectTensor } from "../op.ts";
import { normaliseAxis, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { GROUP, rowKernels } from "./lib/library.ts";
import { byGroup } from "./lib/reduce.ts";

const kernels = rowKernels("cumsum", { file: "scan.wgsl", text });

/** y = running sums of x along `axis`, or those from the end. */
function scan(x: Tensor, axis: number, y: Tensor, reverse: boolean): void {
  const { device, shape } = x;
  const columns = {
    outer: sizeOf(shape.slice(0, axis)),
    reduced: shape[axis],
    inner: sizeOf(shape.slice(axis + 1)),
  };
  const count = columns.outer * columns.inner;
  const grouped = byGroup(device.kernels, columns);
  device.run(grouped ? kernels.group : kernels.alone, {
    bind: { x, y },
    params: { count, reduced: columns.reduced, inner: columns.inner },
    constants: { REVERSE: Number(reverse) },
    grid: device.grid(count, grouped ? 1 : GROUP),
  });
}

const cumsumOp = defineOp<{ readonly axis: number }>({
  name: "cumsum",
  family: "reduction",
  infer: ([x], { axis }) => {
    expectDType("cumsum", "the input", x!, "f32");
    normaliseAxis("cumsum", axis, x!.shape.length);
    return [{ shape: x!.shape, dtype: "f32" }];
  },
  forward: ([x], { axis }, [y]) => scan(x!, axis, y, false),
  backward: (call) => {
    const dy = call.grads[0]!;
    const dx = dy.device.empty(dy.shape);
    scan(dy, call.attrs.axis, dx, true);
    return [dx];
  },
  samples: () =>
    ([[[7], 0], [[1], 0], [[5, 8], 0], [[3, 5, 7], 1], [[3, 131], 1], [[2, 300], 1], [[0, 4], 1], [[4, 0], 1]] as const)
      .map(([shape, axis]) => ({ inputs: [{ shape }], attrs: { axis } })),
  bad: [{ inputs: [{ shape: [3] }], attrs: { axis: 1 }, message: /axis 1 is out of range/ }],
});

/**
 * Running sums along `axis`: each element with all before it. A row is walked by one invocation, or on a GPU by one workgroup,
 * so one very long row is no quicker than that.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { cumsum, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[1, 2, 3], [4, 5, 6]]);
 * deepStrictEqual([...await cumsum(x, -1).data()], [1, 3, 6, 4, 9, 15]);
 * ```
 */
export function cumsum(x: Tensor, axis: number): Tensor {
  expectTensor("cumsum", x);
  return cumsumOp([x], { axis: normaliseAxis("cumsum", axis, x.shape.length) })[0];
}
