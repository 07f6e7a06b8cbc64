/** x + relu(a + b) in one dispatch: a residual connection around a rectified sum. */
import text from "../../shaders/add_relu.wgsl" with { type: "text" };
import { ShapeError } from "../base/errors.ts";
import { kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType, expectTensor } from "../op.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { activationGrad } from "./lib/activation.ts";
import { GROUP, indexLib, nanLib, vec4Lib } from "./lib/library.ts";

const addReluKernel = kernel("add_relu", indexLib, vec4Lib, nanLib, { file: "add_relu.wgsl", text });

const addReluOp = defineOp<Record<string, never>>({
  name: "addRelu",
  family: "pointwise",
  infer: ([x, a, b]) => {
    for (const [what, t] of [["x", x], ["a", a], ["b", b]] as const) if (t) expectDType("addRelu", what, t, "f32");
    if (!sameShape(x!.shape, a!.shape) || (b && !sameShape(x!.shape, b.shape))) {
      const shapes = [x, a, b].flatMap((t) => t ? [formatShape(t.shape)] : []).join(", ");
      throw new ShapeError(`addRelu: the operands' shapes ${shapes} differ`);
    }
    return [{ shape: x!.shape, dtype: "f32" }, { shape: x!.shape, dtype: "f32" }];
  },
  forward: ([x, a, b], _attrs, [y, rectified], device) => {
    const count = Math.ceil(y.size / 4);
    device.run(addReluKernel, {
      bind: { x: x!, a: a!, b: b ?? null, y, rectified },
      params: { count },
      constants: { HAS_B: Number(b != null) },
      grid: device.grid(count, GROUP),
    });
  },
  constantOutputs: [1],
  saves: (needs) => ({ outputs: needs[1] || needs[2] ? [1] : [] }),
  backward: ({ grads, needs, output }) => {
    const inner = needs[1] || needs[2] ? activationGrad("relu", output(1), grads[0]!) : null;
    return [needs[0] ? grads[0] : null, needs[1] ? inner : null, needs[2] ? inner : null];
  },
  samples: () =>
    ([[[3, 5], true], [[7], false], [[2, 3, 4], true], [[1031], true], [[0, 3], true]] as const).map((
      [shape, two],
    ) => ({
      inputs: [{ shape }, { shape }, two ? { shape } : null],
      attrs: {},
    })),
  bad: [{
    inputs: [{ shape: [2, 3] }, { shape: [3] }, null],
    attrs: {},
    message: /shapes \[2, 3\], \[3\] differ/,
  }],
});

/**
 * x + relu(a + b), or x + relu(a), elementwise; all of one shape.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { addRelu, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.tensor([10, 20]), a = device.tensor([1, 1]), b = device.tensor([2, -3]);
 * deepStrictEqual([...await addRelu(x, a, b).data()], [13, 20]);
 * ```
 */
export function addRelu(x: Tensor, a: Tensor, b: Tensor | null = null): Tensor {
  for (const t of [x, a]) expectTensor("addRelu", t);
  const [y, rectified] = addReluOp([x, a, b], {});
  rectified.dispose();
  return y;
}
