/** Whole quotients and remainders, of integers and of floats. */
import text from "../../shaders/floor.wgsl" with { type: "text" };
import type { Operand, Tensor } from "../tensor.ts";
import { definePair, mul } from "./binary.ts";
import { neg } from "./unary.ts";
import { pairFamily, withOperand } from "./lib/pairs.ts";

const floats = pairFamily({ file: "floor.wgsl", text });
const floorDivOp = definePair("floorDiv", {
  floats,
  saves: [[], []],
  rule: { nondifferentiable: "piecewise constant" },
  takesIntegers: true,
  range: [-9, 9],
});
const modOp = definePair("mod", {
  floats,
  saves: [[], [0, 1]],
  rule: (call, dy) => [() => dy, () => neg(mul(dy, floorDiv(call.input(0), call.input(1))))],
  takesIntegers: true,
  range: [-9, 9],
});

/**
 * a / b rounded down, as PyTorch's floor_divide; broadcasts. Both are i32, u32 or f32. Division by 0 gives 0 for integers, and
 * ±∞ or NaN for f32. Quotients of f32 below 2²⁰ are exact.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, floorDiv } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([7, -7, 0], [3], { dtype: "i32" });
 * deepStrictEqual([...await floorDiv(x, 2).data<"i32">()], [3, -4, 0]);
 * ```
 */
export function floorDiv(a: Tensor, b: Operand): Tensor {
  return withOperand("floorDiv", floorDivOp, a, b);
}

/**
 * Remainder a − b·floor(a / b), as PyTorch's remainder: it has the sign of b; broadcasts. Both are i32, u32 or f32. Division by
 * 0 gives 0 for integers and NaN for f32. The gradient is 1 to a and −floor(a / b) to b.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, mod } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([7.5, -7.5]);
 * deepStrictEqual([...await mod(x, 2).data()], [1.5, 0.5]);
 * ```
 */
export function mod(a: Tensor, b: Operand): Tensor {
  return withOperand("mod", modOp, a, b);
}
