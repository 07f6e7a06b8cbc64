/** Comparisons of two tensors, and the choice between two by a mask. */
import text from "../../shaders/compare.wgsl" with { type: "text" };
import type { DType } from "../dtype.ts";
import { numbered } from "../gpu/wgsl.ts";
import { defineOp, expectDType, expectTensor } from "../op.ts";
import { broadcastShapes } from "../shape.ts";
import type { Operand, Tensor } from "../tensor.ts";
import { sumTo } from "./binary.ts";
import { cast } from "./cast.ts";
import { nanLib } from "./lib/library.ts";
import { badPairs, type NoAttrs, pairFamily, pairSamples, scalarLike, sharedDType, withOperand } from "./lib/pairs.ts";
import { choose } from "./lib/ternary.ts";

const family = pairFamily(nanLib, { file: "compare.wgsl", text });
const { float, signed, unsigned } = numbered(text, "float", "signed", "unsigned");
const TYPES: Readonly<Record<Exclude<DType, "f16">, number>> = { f32: float, i32: signed, u32: unsigned };

function define(name: string): (a: Tensor, b: Operand) => Tensor {
  const run = family(name);
  const op = defineOp<NoAttrs>({
    name,
    family: "pointwise",
    infer: ([a, b]) => {
      sharedDType(name, a!, b!);
      return [{ shape: broadcastShapes(name, a!.shape, b!.shape), dtype: "u32" }];
    },
    forward: ([a, b], _attrs, [y]) => run(a!, b!, y, { TYPE: TYPES[a!.dtype as keyof typeof TYPES] }),
    backward: { nondifferentiable: "a comparison is piecewise constant" },
    samples: () => pairSamples([-2, 2], true),
    bad: badPairs,
  });
  return (a, b) => {
    expectTensor(name, a);
    const whole = typeof b !== "number" || Number.isInteger(b) || (a.dtype !== "i32" && a.dtype !== "u32");
    if (whole) return withOperand(name, op, a, b);
    using scope = a.device.scope();
    return scope.keep(withOperand(name, op, cast(a, "f32"), b));
  };
}

/**
 * 1 where a > b, else 0, as u32; broadcasts. Both are of one type; integers are compared with a number that is not whole as
 * f32, as in PyTorch. Nothing is greater or less than NaN.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, greater } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([-1, 0, 1]);
 * deepStrictEqual([...await greater(x, 0).data<"u32">()], [0, 0, 1]);
 * ```
 */
export const greater: (a: Tensor, b: Operand) => Tensor = define("greater");
/**
 * 1 where a ≥ b, else 0, as u32; broadcasts.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, greaterEqual } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([-1, 0, 1]);
 * deepStrictEqual([...await greaterEqual(x, 0).data<"u32">()], [0, 1, 1]);
 * ```
 */
export const greaterEqual: (a: Tensor, b: Operand) => Tensor = define("greaterEqual");
/**
 * 1 where a < b, else 0, as u32; broadcasts.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, less } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([-1, 0, 1]);
 * deepStrictEqual([...await less(x, 0).data<"u32">()], [1, 0, 0]);
 * ```
 */
export const less: (a: Tensor, b: Operand) => Tensor = define("less");
/**
 * 1 where a ≤ b, else 0, as u32; broadcasts.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, lessEqual } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([-1, 0, NaN]);
 * deepStrictEqual([...await lessEqual(x, 0).data<"u32">()], [1, 1, 0]);
 * ```
 */
export const lessEqual: (a: Tensor, b: Operand) => Tensor = define("lessEqual");
/**
 * 1 where a = b, else 0, as u32; broadcasts. NaN equals nothing.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, equal } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using predictions = device.tensor(Int32Array.of(3, 1, 2));
 * using labels = device.tensor(Int32Array.of(3, 0, 2));
 * deepStrictEqual([...await equal(predictions, labels).data<"u32">()], [1, 0, 1]);
 * ```
 */
export const equal: (a: Tensor, b: Operand) => Tensor = define("equal");
/**
 * 1 where a ≠ b, else 0, as u32; broadcasts. NaN differs from everything, itself included.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, notEqual } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([1, 2, NaN]);
 * deepStrictEqual([...await notEqual(x, x).data<"u32">()], [0, 0, 1]);
 * ```
 */
export const notEqual: (a: Tensor, b: Operand) => Tensor = define("notEqual");

const whereOp = defineOp<NoAttrs>({
  name: "where",
  family: "pointwise",
  infer: ([condition, a, b]) => {
    expectDType("where", "the condition", condition!, "u32");
    const dtype = sharedDType("where", a!, b!);
    return [{ shape: broadcastShapes("where", condition!.shape, a!.shape, b!.shape), dtype }];
  },
  forward: ([condition, a, b], _attrs, [y]) => choose(condition!, a!, b!, y),
  constantInputs: [0],
  saves: () => ({ inputs: [0] }),
  backward: (call) => {
    const dy = call.grads[0]!;
    const zero = dy.device.zeros([]);
    const branch = (a: Tensor, b: Tensor, i: number) => {
      const y = dy.device.empty(dy.shape);
      choose(call.input(0), a, b, y);
      return sumTo(y, call.inputMetas[i]!.shape);
    };
    return [null, call.needs[1] ? branch(dy, zero, 1) : null, call.needs[2] ? branch(zero, dy, 2) : null];
  },
  samples: () => [
    ...([[[5], [5], [5]], [[3, 1], [4], [3, 4]], [[], [2, 3], [3]], [[0], [0], [1]]] as const).map(([c, a, b]) => ({
      inputs: [{ shape: c, dtype: "u32" as const, range: [0, 2] as const }, { shape: a }, { shape: b }],
      attrs: {},
    })),
    ...(["i32", "u32"] as const).map((dtype) => ({
      inputs: [
        { shape: [3, 1], dtype: "u32" as const, range: [0, 2] as const },
        { shape: [4], dtype, range: [0, 2 ** 31] as const },
        { shape: [3, 4], dtype, range: [0, 2 ** 31] as const },
      ],
      attrs: {},
    })),
  ],
  bad: [{
    inputs: [{ shape: [2], dtype: "u32" }, { shape: [3] }, { shape: [3] }],
    attrs: {},
    message: /do not broadcast/,
  }],
});

/**
 * a where `condition` (u32, such as comparisons give) is not 0, else b; broadcasts. A number as a branch takes the type of the
 * other; two numbers are f32.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, where } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([-1.5, 0.5, 2]);
 * deepStrictEqual([...await where(x.greater(0), x, 0).data()], [0, 0.5, 2]);
 * ```
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  expectTensor("where", condition, "the condition");
  for (const branch of [a, b]) if (typeof branch !== "number") expectTensor("where", branch, "a branch");
  using made = condition.device.scope();
  const number = (value: number, like: Operand): Tensor =>
    typeof like === "number" ? condition.device.full([], value) : scalarLike("where", like, value);
  const first = typeof a === "number" ? number(a, b) : a;
  const second = typeof b === "number" ? number(b, a) : b;
  return made.keep(whereOp([condition, first, second], {})[0]);
}
