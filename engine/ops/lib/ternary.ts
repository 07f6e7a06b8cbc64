/** Kernels of three tensors under NumPy broadcasting: a choice, and the gradients of ops of two tensors. */
import text from "../../../shaders/ternary.wgsl" with { type: "text" };
import { kernel } from "../../gpu/kernel.ts";
import { numbered } from "../../gpu/wgsl.ts";
import { broadcastStrides } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { broadcastLib, GROUP, indexLib, powerLib } from "./library.ts";
import { broadcastParams } from "./strides.ts";

const parts = [indexLib, broadcastLib, powerLib, { file: "ternary.wgsl", text }] as const;
const chooseKernel = kernel("choose", ...parts);
const gradKernel = kernel("binary_grad", ...parts);

const GRADIENTS = numbered(
  text,
  "divB",
  "maximumA",
  "maximumB",
  "minimumA",
  "minimumB",
  "powA",
  "powB",
);

/** Parameters and grid of a run over y of three tensors. */
function broadcast(y: Tensor, tensors: readonly [Tensor, Tensor, Tensor]) {
  const { rank, outer, inner, strides: [a, b, c] } = broadcastParams(
    "broadcast",
    y.shape,
    tensors.map((t) => broadcastStrides(t.shape, y.shape)),
  );
  const params = {
    count: y.size,
    rank,
    outer,
    inner,
    a_outer: a.outer,
    a_inner: a.inner,
    b_outer: b.outer,
    b_inner: b.inner,
    c_outer: c.outer,
    c_inner: c.inner,
  };
  return { params, grid: y.device.grid(y.size, GROUP) };
}

/** y = a where `condition` is not 0, else b; of any type of 32 bits. Not recorded. */
export function choose(condition: Tensor, a: Tensor, b: Tensor, y: Tensor): void {
  y.device.run(chooseKernel, {
    bind: { condition, taken: a, other: b, words: y },
    ...broadcast(y, [a, b, condition]),
  });
}

/** Gradient of an op of a and b with respect to one of them, of dy's shape. Not recorded. */
export function pairGrad(op: keyof typeof GRADIENTS, a: Tensor, b: Tensor, dy: Tensor): Tensor {
  const y = dy.device.empty(dy.shape);
  y.device.run(gradKernel, { bind: { a, b, c: dy, y }, constants: { OP: GRADIENTS[op] }, ...broadcast(y, [a, b, dy]) });
  return y;
}
