/** Elementwise functions of one tensor. */
import text from "../../shaders/pointwise.wgsl" with { type: "text" };
import { expectNumber } from "../base/given.ts";
import { DTypeError, ShapeError } from "../base/errors.ts";
import { storageOf } from "../friends.ts";
import { type Kernel, kernel } from "../gpu/kernel.ts";
import { expectDType, expectTensor } from "../op.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { maximum, minimum } from "./binary.ts";
import { GROUP, powerLib, sigmoidLibs, vec4Lib } from "./lib/library.ts";
import { scalarLike } from "./lib/pairs.ts";
import { type Unary, unaryFamily, unaryParts } from "./lib/unary.ts";

const parts = unaryParts(vec4Lib, ...sigmoidLibs, powerLib, { file: "pointwise.wgsl", text });
const define = unaryFamily("pointwise", ...parts);
const accumulateKernel = kernel("accumulate", ...parts);
const integerKernel = kernel("unary_integer", ...parts);

const none = () => ({ a: 0, b: 0 });
type Saved = Unary<unknown>["saved"];
const plain = (name: string, saved: Saved, range: readonly [number, number] = [-2, 2], integers?: Kernel) => {
  const spec = { saved, scalars: none, attrs: [{}], range };
  const op = define<Record<string, never>>(name, integers ? { ...spec, integers } : spec);
  return (x: Tensor): Tensor => op([x], {})[0];
};
const withIntegers = (name: string, saved: Saved) => plain(name, saved, [-2, 2], integerKernel);

/**
 * −x, of integers too; they wrap.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, neg } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([1.5, -2]);
 * deepStrictEqual([...await neg(x).data()], [-1.5, 2]);
 * ```
 */
export const neg: (x: Tensor) => Tensor = withIntegers("neg", "x");
/**
 * |x|, of integers too; the gradient at 0 is 0.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { abs, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([-1.5, 2]);
 * deepStrictEqual([...await abs(x).data()], [1.5, 2]);
 * ```
 */
export const abs: (x: Tensor) => Tensor = withIntegers("abs", "x");
/**
 * eˣ.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, exp } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([1]);
 * ok(Math.abs(await exp(x).item() - Math.E) < 1e-6);
 * ```
 */
export const exp: (x: Tensor) => Tensor = plain("exp", "y");
/**
 * Natural logarithm.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, log } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([2]);
 * ok(Math.abs(await log(x).item() - Math.LN2) < 1e-6);
 * ```
 */
export const log: (x: Tensor) => Tensor = plain("log", "x", [0.1, 4]);
/**
 * Square root.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, sqrt } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([2]);
 * ok(Math.abs(await sqrt(x).item() - Math.SQRT2) < 1e-6);
 * ```
 */
export const sqrt: (x: Tensor) => Tensor = plain("sqrt", "y", [0.1, 4]);
/**
 * Hyperbolic tangent.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, tanh } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([0.5]);
 * ok(Math.abs(await tanh(x).item() - Math.tanh(0.5)) < 1e-6);
 * ```
 */
export const tanh: (x: Tensor) => Tensor = plain("tanh", "y");
/**
 * 1 / (1 + e⁻ˣ).
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, sigmoid } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([0]);
 * ok(Math.abs(await sigmoid(x).item() - 0.5) < 1e-6);
 * ```
 */
export const sigmoid: (x: Tensor) => Tensor = plain("sigmoid", "y");
/**
 * max(x, 0); the gradient at 0 is 0.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, relu } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([-1, 0.5]);
 * deepStrictEqual([...await relu(x).data()], [0, 0.5]);
 * ```
 */
export const relu: (x: Tensor) => Tensor = plain("relu", "y");
/**
 * x², of integers too; they wrap.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, square } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([-3, 0.5]);
 * deepStrictEqual([...await square(x).data()], [9, 0.25]);
 * ```
 */
export const square: (x: Tensor) => Tensor = withIntegers("square", "x");
/**
 * 1 / x.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, reciprocal } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([4]);
 * ok(Math.abs(await reciprocal(x).item() - 0.25) < 1e-6);
 * ```
 */
export const reciprocal: (x: Tensor) => Tensor = plain("reciprocal", "y", [0.3, 3]);
/**
 * −1, 0 or 1, of integers too; not differentiable.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, sign } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([-3, 0, 0.5]);
 * deepStrictEqual([...await sign(x).data()], [-1, 0, 1]);
 * ```
 */
export const sign: (x: Tensor) => Tensor = withIntegers("sign", "none");

const affineOp = define<{ readonly scale: number; readonly shift: number }>("affine", {
  saved: "x",
  scalars: ({ scale, shift }) => ({ a: scale, b: shift }),
  attrs: [{ scale: 1.7, shift: -0.3 }],
});
const powScalarOp = define<{ readonly exponent: number }>("powScalar", {
  saved: "x",
  scalars: ({ exponent }) => ({ a: exponent, b: 0 }),
  attrs: [{ exponent: 3 }, { exponent: 2 }, { exponent: 0.7 }, { exponent: -1.5 }],
  range: [0.2, 2],
  integers: integerKernel,
});
const clampOp = define<{ readonly low: number; readonly high: number }>("clamp", {
  saved: "x",
  scalars: ({ low, high }) => ({ a: low, b: high }),
  attrs: [{ low: -0.5, high: 1.1 }],
});

/** x · scale + shift, scale and shift plain numbers. */
export function affine(x: Tensor, scale: number, shift: number): Tensor {
  return affineOp([x], { scale, shift })[0];
}

/** Largest exponent of integers: the kernel is given it as f32. */
const MOST_EXPONENT = 2 ** 24;

/** x to a fixed power; see `pow`, by whose name it speaks. */
export function powScalar(x: Tensor, exponent: number): Tensor {
  expectDType("pow", "the input", x, "f32", "i32", "u32");
  if (x.dtype !== "f32" && !(Number.isInteger(exponent) && exponent >= 0 && exponent <= MOST_EXPONENT)) {
    throw new DTypeError(
      `pow: ${x.dtype} takes a whole exponent from 0 to ${MOST_EXPONENT}, not ${exponent}; cast("f32") first`,
    );
  }
  return powScalarOp([x], { exponent })[0];
}

/**
 * x limited to [low, high], of integers too, which take whole limits; the gradient outside is 0.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { clamp, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([-3, 0.5, 4]);
 * deepStrictEqual([...await clamp(x, -1, 1).data()], [-1, 0.5, 1]);
 * ```
 */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  expectNumber("clamp", "low", low);
  expectNumber("clamp", "high", high);
  if (!(low <= high)) throw new ShapeError(`clamp: low ${low} is above high ${high}`);
  expectTensor("clamp", x);
  if (x.dtype === "i32" || x.dtype === "u32") {
    using scope = x.device.scope();
    const [least, most] = [low, high].map((limit) => scalarLike("clamp", x, limit));
    return scope.keep(minimum(maximum(x, least), most));
  }
  return clampOp([x], { low, high })[0];
}

/** target += x in place, same shape and f32; `op` is who asks. Not recorded: for gradients and optimisers. */
export function accumulate(target: Tensor, x: Tensor, op: string): void {
  if (!sameShape(target.shape, x.shape)) {
    throw new ShapeError(`${op}: ${formatShape(x.shape)} into ${formatShape(target.shape)}`);
  }
  if (target.dtype !== "f32" || x.dtype !== "f32") throw new DTypeError(`${op}: both tensors must be f32`);
  const count = Math.ceil(x.size / 4);
  x.device.run(accumulateKernel, {
    bind: { x, y: target },
    params: { count, a: 0, b: 0 },
    grid: x.device.grid(count, GROUP),
  });
  storageOf(target).version++;
}
