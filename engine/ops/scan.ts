/** Running sums along an axis. */
import text from "../../shaders/scan.wgsl" with { type: "text" };
import { kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType, expectTensor } from "../op.ts";
import { type Axes, normaliseAxis, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { alongAxis } from "./lib/axis.ts";
import { GROUP, nanLib, rowAloneLib, rowKernels, scalarLib } from "./lib/library.ts";
import { byColumns } from "./lib/reduce.ts";

const part = { file: "scan.wgsl", text } as const;
const kernels = rowKernels("cumsum", part);
const integerKernel = kernel("cumsum_integers", scalarLib, nanLib, rowAloneLib, part);

/** y = running sums of x along `axis`, or those from the end. */
function scan(x: Tensor, axis: number, y: Tensor, reverse: boolean): void {
  const { device, shape } = x;
  const columns = {
    outer: sizeOf(shape.slice(0, axis)),
    reduced: shape[axis],
    inner: sizeOf(shape.slice(axis + 1)),
  };
  const count = columns.outer * columns.inner;
  const params = { count, reduced: columns.reduced, inner: columns.inner };
  if (y.dtype !== "f32") {
    device.run(integerKernel, { bind: { words: x, y_words: y }, params, grid: device.grid(count, GROUP) });
    return;
  }
  const { kernel, grid } = byColumns(device, kernels, columns);
  device.run(kernel, { bind: { x, y }, params, constants: { REVERSE: Number(reverse) }, grid });
}

const cumsumOp = defineOp<{ readonly axis: number }>({
  name: "cumsum",
  family: "reduction",
  infer: ([x], { axis }) => {
    expectDType("cumsum", "the input", x!, "f32", "i32", "u32");
    normaliseAxis("cumsum", axis, x!.shape.length);
    return [{ shape: x!.shape, dtype: x!.dtype }];
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
      .flatMap(([shape, axis]) =>
        ([
          { dtype: "f32" },
          { dtype: "i32", range: [-(2 ** 31), 2 ** 31] },
          { dtype: "u32", range: [0, 2 ** 32] },
        ] as const).map((input) => ({ inputs: [{ shape, ...input }], attrs: { axis } }))
      ),
  bad: [{ inputs: [{ shape: [3] }], attrs: { axis: 1 }, message: /axis 1 is out of range/ }],
});

/**
 * Running sums along `axis`: each element with all before it, of integers too, which wrap. A row is walked by one invocation, or on a GPU by one workgroup,
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
export function cumsum(x: Tensor, axis: Axes): Tensor {
  expectTensor("cumsum", x);
  return alongAxis("cumsum", x, axis, (row, axis) => cumsumOp([row], { axis })[0]);
}
