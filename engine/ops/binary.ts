/** Arithmetic of two tensors under NumPy broadcasting, of floats and of integers. */
import binaryText from "../../shaders/binary.wgsl" with { type: "text" };
import integerText from "../../shaders/integer.wgsl" with { type: "text" };
import powerText from "../../shaders/power.wgsl" with { type: "text" };
import { DTypeError } from "../base/errors.ts";
import { type BackwardCall, defineOp, expectDType, expectTensor, type Op } from "../op.ts";
import { broadcastShapes, sameShape, type Shape } from "../shape.ts";
import type { Operand, Tensor } from "../tensor.ts";
import { nanLib, powerLib } from "./lib/library.ts";
import {
  badPairs,
  type NoAttrs,
  pairFamily,
  pairSamples,
  type RunPair,
  scalarLike,
  sharedDType,
  withOperand,
} from "./lib/pairs.ts";
import { pairGrad } from "./lib/ternary.ts";
import { reshape } from "./layout.ts";
import { sum } from "./reduce.ts";
import { affine, neg, powScalar, reciprocal } from "./unary.ts";

/** Functions of two tensors of floats. */
export const floats: (name: string) => RunPair = pairFamily(nanLib, { file: "binary.wgsl", text: binaryText });
const powers = pairFamily(powerLib, { file: "power.wgsl", text: powerText });
/** Functions of two tensors of integers; the constant SIGNED says of which. */
export const integers: (name: string) => RunPair = pairFamily({ file: "integer.wgsl", text: integerText });

/** Sums `grad` over the axes along which `shape` was stretched to grad's shape. */
export function sumTo(grad: Tensor, shape: Shape): Tensor {
  if (sameShape(grad.shape, shape)) return grad;
  const lead = grad.shape.length - shape.length;
  const axes = grad.shape.map((_, axis) => axis).filter((axis) =>
    axis < lead || (shape[axis - lead] === 1 && grad.shape[axis] !== 1)
  );
  return reshape(axes.length > 0 ? sum(grad, axes) : grad, shape);
}

type Rule = (call: BackwardCall<NoAttrs>, dy: Tensor) => readonly [(() => Tensor) | null, (() => Tensor) | null];

/** Parts of an op of two tensors that differ. */
interface Pair {
  /** Inputs that the gradient of each operand reads. */
  readonly saves: readonly [readonly number[], readonly number[]];
  readonly rule: Rule | { readonly nondifferentiable: string };
  /** Kernels for floats, {@link integers}' aside. */
  readonly floats?: (name: string) => RunPair;
  /** True where integers are taken too. */
  readonly takesIntegers?: boolean;
  /** Range of the samples' reals. */
  readonly range?: readonly [number, number];
}

/** Defines an op of two tensors of one type. */
export function definePair(name: string, pair: Pair): Op<NoAttrs> {
  const { saves, rule, takesIntegers = false, range = [-2, 2] } = pair;
  const ofFloats = (pair.floats ?? floats)(name);
  const ofIntegers = takesIntegers ? integers(name) : undefined;
  return defineOp<NoAttrs>({
    name,
    family: "pointwise",
    infer: ([a, b]) => {
      if (!takesIntegers) {
        expectDType(name, "the first operand", a!, "f32");
        expectDType(name, "the second operand", b!, "f32");
      }
      const dtype = sharedDType(name, a!, b!);
      return [{ shape: broadcastShapes(name, a!.shape, b!.shape), dtype }];
    },
    forward: ([a, b], _attrs, [y]) => {
      if (y.dtype === "f32") ofFloats(a!, b!, y);
      else ofIntegers!(a!, b!, y, { SIGNED: Number(y.dtype === "i32") });
    },
    saves: (needs) => ({ inputs: [...new Set([...needs[0] ? saves[0] : [], ...needs[1] ? saves[1] : []])] }),
    backward: typeof rule !== "function"
      ? rule
      : (call) =>
        rule(call, call.grads[0]!).map((grad, i) =>
          call.needs[i] && grad ? sumTo(grad(), call.inputMetas[i]!.shape) : null
        ),
    samples: () => pairSamples(range, takesIntegers),
    bad: badPairs,
  });
}

const both: Pair["saves"] = [[0, 1], [0, 1]];
const addOp = definePair("add", { saves: [[], []], rule: (_call, dy) => [() => dy, () => dy], takesIntegers: true });
const subOp = definePair("sub", {
  saves: [[], []],
  rule: (_call, dy) => [() => dy, () => neg(dy)],
  takesIntegers: true,
});
const mulOp = definePair("mul", {
  saves: [[1], [0]],
  rule: (call, dy) => [() => mul(dy, call.input(1)), () => mul(dy, call.input(0))],
  takesIntegers: true,
});
const divOp = definePair("div", {
  saves: [[1], [0, 1]],
  rule: (call, dy) => [() => div(dy, call.input(1)), () => pairGrad("divB", call.input(0), call.input(1), dy)],
  range: [0.3, 2],
});
const maximumOp = definePair("maximum", {
  saves: both,
  rule: (call, dy) => [
    () => pairGrad("maximumA", call.input(0), call.input(1), dy),
    () => pairGrad("maximumB", call.input(0), call.input(1), dy),
  ],
  takesIntegers: true,
});
const minimumOp = definePair("minimum", {
  saves: both,
  rule: (call, dy) => [
    () => pairGrad("minimumA", call.input(0), call.input(1), dy),
    () => pairGrad("minimumB", call.input(0), call.input(1), dy),
  ],
  takesIntegers: true,
});
const powOp = definePair("pow", {
  floats: powers,
  saves: both,
  rule: (call, dy) => [
    () => pairGrad("powA", call.input(0), call.input(1), dy),
    () => pairGrad("powB", call.input(0), call.input(1), dy),
  ],
  range: [0.3, 2],
});

/** True where a plain number can be taken into `affine`. */
const takesNumber = (a: Tensor, b: Operand): b is number => typeof b === "number" && a.dtype === "f32";

/** a − b of a number and a tensor. */
function takenFrom(a: number, b: Tensor): Tensor {
  if (b.dtype === "f32") return affine(b, -1, a);
  using one = scalarLike("sub", b, a);
  return subOp([one, b], {})[0];
}

function refuseIntegers(...operands: readonly Operand[]): void {
  for (const x of operands) {
    if (typeof x === "number" || (x.dtype !== "i32" && x.dtype !== "u32")) continue;
    throw new DTypeError(`div: a quotient of ${x.dtype} is not whole; take floorDiv, or cast("f32") first`);
  }
}

/**
 * a + b; broadcasts. Integers wrap.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { add, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using a = device.tensor([[1, 2], [3, 4]]);
 * using b = device.tensor([10, 20]);
 * deepStrictEqual([...await add(a, b).data()], [11, 22, 13, 24]);
 * ```
 */
export function add(a: Tensor, b: Operand): Tensor {
  expectTensor("add", a);
  return takesNumber(a, b) ? affine(a, 1, b) : withOperand("add", addOp, a, b);
}
/**
 * a − b, of which one may be a number; broadcasts. Integers wrap.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, sub } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using a = device.tensor([[1, 2], [3, 4]]);
 * using b = device.tensor([10, 20]);
 * deepStrictEqual([...await sub(a, b).data()], [-9, -18, -7, -16]);
 * deepStrictEqual([...await sub(1, b).data()], [-9, -19]);
 * ```
 */
export function sub(a: Operand, b: Operand): Tensor {
  if (typeof a === "number") return takenFrom(a, expectTensor("sub", b));
  expectTensor("sub", a);
  return takesNumber(a, b) ? affine(a, 1, -b) : withOperand("sub", subOp, a, b);
}
/**
 * a · b; broadcasts. Integers wrap.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, mul } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using a = device.tensor([[1, 2], [3, 4]]);
 * using b = device.tensor([10, 20]);
 * deepStrictEqual([...await mul(a, b).data()], [10, 40, 30, 80]);
 * ```
 */
export function mul(a: Tensor, b: Operand): Tensor {
  expectTensor("mul", a);
  return takesNumber(a, b) ? affine(a, b, 0) : withOperand("mul", mulOp, a, b);
}
/**
 * a / b, of f32; broadcasts. Throws {@link DTypeError} for integers, for which there is `floorDiv`.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, div } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([1, -3]);
 * deepStrictEqual([...await div(x, 2).data()], [0.5, -1.5]);
 * ```
 */
export function div(a: Operand, b: Operand): Tensor {
  for (const operand of [a, b]) if (typeof operand !== "number") expectTensor("div", operand);
  if (typeof a === "number") expectTensor("div", b);
  refuseIntegers(a, b);
  if (typeof b === "number") return affine(a as Tensor, 1 / b, 0);
  return typeof a === "number" ? affine(reciprocal(b), a, 0) : divOp([a, b], {})[0];
}
/**
 * aᵇ of f32, of which one may be a number, as IEEE 754 and PyTorch have it: (−2)³ = −8, 0⁰ = 1, 0⁻¹ = ∞, (−2)^½ = NaN; broadcasts. Whole exponents from −15
 * to 15 multiply, others go by logarithms. The gradient is b·aᵇ⁻¹ to a (0 for b = 0) and aᵇ·ln a to b (0 for a = 0 and b ≥ 0,
 * NaN for a < 0). Integers take a whole number, 0 or more, as b, and wrap.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, pow } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using a = device.tensor([-2, 0, 5]);
 * using b = device.tensor([3, 0, 2]);
 * deepStrictEqual([...await pow(a, b).data()], [-8, 1, 25]);
 * deepStrictEqual([...await pow(a, 2).data()], [4, 0, 25]);
 * deepStrictEqual([...await pow(2, b).data()], [8, 1, 4]);
 * ```
 */
export function pow(a: Operand, b: Operand): Tensor {
  if (typeof a === "number") {
    const exponents = expectTensor("pow", b);
    expectDType("pow", "the exponent", exponents, "f32");
    using base = exponents.device.full([], a);
    return powOp([base, exponents], {})[0];
  }
  expectTensor("pow", a);
  return typeof b === "number" ? powScalar(a, b) : powOp([a, b], {})[0];
}
/**
 * The larger of a and b; broadcasts. Where equal, the gradient goes to a.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, maximum } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([-1, 0.5]);
 * deepStrictEqual([...await maximum(x, 0).data()], [0, 0.5]);
 * ```
 */
export function maximum(a: Tensor, b: Operand): Tensor {
  return withOperand("maximum", maximumOp, a, b);
}
/**
 * The smaller of a and b; broadcasts. Where equal, the gradient goes to a.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, minimum } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([-1, 0.5]);
 * deepStrictEqual([...await minimum(x, 0).data()], [-1, 0]);
 * ```
 */
export function minimum(a: Tensor, b: Operand): Tensor {
  return withOperand("minimum", minimumOp, a, b);
}
