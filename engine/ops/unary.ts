/** Elementwise functions of one tensor. */
import text from "../../shaders/pointwise.wgsl" with { type: "text" };
import { DTypeError, ShapeError } from "../base/errors.ts";
import { storageOf } from "../friends.ts";
import { kernel } from "../gpu/kernel.ts";
import { numbered } from "../gpu/wgsl.ts";
import { defineOp, expectDType, type Op } from "../op.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { GROUP, indexLib, sigmoidLib, vec4Lib } from "./lib/library.ts";

const parts = [indexLib, vec4Lib, sigmoidLib, { file: "pointwise.wgsl", text }] as const;
const unaryKernel = kernel("unary", ...parts);
const gradKernel = kernel("unary_grad", ...parts);
const accumulateKernel = kernel("accumulate", ...parts);

type Scalars = { readonly a: number; readonly b: number };

function run(y: Tensor, x: Tensor, op: number, { a, b }: Scalars): void {
  const count = Math.ceil(x.size / 4);
  const grid = x.device.grid(count, GROUP);
  x.device.run(unaryKernel, { bind: { x, y }, params: { count, a, b }, constants: { OP: op }, grid });
}

function runGrad(saved: Tensor, dy: Tensor, op: number, { a, b }: Scalars): Tensor {
  const y = dy.device.empty(dy.shape);
  const count = Math.ceil(dy.size / 4);
  const grid = dy.device.grid(count, GROUP);
  dy.device.run(gradKernel, { bind: { x: saved, dy, y }, params: { count, a, b }, constants: { OP: op }, grid });
  return y;
}

function define<A>(
  name: string,
  saved: "x" | "y" | "none",
  scalars: (attrs: A) => Scalars,
  attrs: readonly A[],
  range: readonly [number, number] = [-2, 2],
): Op<A> {
  const number = numbered(text, name)[name];
  return defineOp<A>({
    name,
    family: "pointwise",
    infer: ([x]) => {
      expectDType(name, "the input", x!, "f32");
      return [{ shape: x!.shape, dtype: "f32" }];
    },
    forward: ([x], a, [y]) => run(y, x!, number, scalars(a)),
    saves: () => saved === "x" ? { inputs: [0] } : saved === "y" ? { outputs: [0] } : {},
    backward: saved === "none" ? { nondifferentiable: "piecewise constant" } : (call) => {
      const s = saved === "x" ? call.input(0) : call.output(0);
      return [runGrad(s, call.grads[0]!, number, scalars(call.attrs))];
    },
    samples: () =>
      attrs.flatMap((attrs) =>
        [[], [1], [7], [3, 5, 4], [2, 0, 3], [1031]].map((shape) => ({ inputs: [{ shape, range }], attrs }))
      ),
  });
}

const none = () => ({ a: 0, b: 0 });
const plain = (name: string, saved: "x" | "y" | "none", range?: readonly [number, number]) => {
  const op = define<Record<string, never>>(name, saved, none, [{}], range);
  return (x: Tensor): Tensor => op([x], {})[0];
};

/** −x. */
export const neg: (x: Tensor) => Tensor = plain("neg", "x");
/** |x|; the gradient at 0 is 0. */
export const abs: (x: Tensor) => Tensor = plain("abs", "x");
/** eˣ. */
export const exp: (x: Tensor) => Tensor = plain("exp", "y");
/** Natural logarithm. */
export const log: (x: Tensor) => Tensor = plain("log", "x", [0.1, 4]);
/** Square root. */
export const sqrt: (x: Tensor) => Tensor = plain("sqrt", "y", [0.1, 4]);
/** Hyperbolic tangent. */
export const tanh: (x: Tensor) => Tensor = plain("tanh", "y");
/** 1 / (1 + e⁻ˣ). */
export const sigmoid: (x: Tensor) => Tensor = plain("sigmoid", "y");
/** max(x, 0); the gradient at 0 is 0. */
export const relu: (x: Tensor) => Tensor = plain("relu", "y");
/** x². */
export const square: (x: Tensor) => Tensor = plain("square", "x");
/** 1 / x. */
export const reciprocal: (x: Tensor) => Tensor = plain("reciprocal", "y", [0.3, 3]);
/** −1, 0 or 1; not differentiable. */
export const sign: (x: Tensor) => Tensor = plain("sign", "none");

const affineOp = define<{ readonly scale: number; readonly shift: number }>(
  "affine",
  "x",
  ({ scale, shift }) => ({ a: scale, b: shift }),
  [{ scale: 1.7, shift: -0.3 }],
);
const powScalarOp = define<{ readonly exponent: number }>(
  "powScalar",
  "x",
  ({ exponent }) => ({ a: exponent, b: 0 }),
  [{ exponent: 3 }, { exponent: 2 }, { exponent: 0.7 }, { exponent: -1.5 }],
  [0.2, 2],
);
const clampOp = define<{ readonly low: number; readonly high: number }>(
  "clamp",
  "x",
  ({ low, high }) => ({ a: low, b: high }),
  [{ low: -0.5, high: 1.1 }],
);

/** x · scale + shift, scale and shift plain numbers. */
export function affine(x: Tensor, scale: number, shift: number): Tensor {
  return affineOp([x], { scale, shift })[0];
}

/** x to a fixed power; whole exponents take negative x too. */
export function powScalar(x: Tensor, exponent: number): Tensor {
  return powScalarOp([x], { exponent })[0];
}

/** x limited to [low, high]; the gradient outside is 0. */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  if (!(low <= high)) throw new ShapeError(`clamp: low ${low} is above high ${high}`);
  return clampOp([x], { low, high })[0];
}

/** target += x in place, same shape and f32. Not recorded: for gradients and optimisers. */
export function accumulate(target: Tensor, x: Tensor): void {
  if (!sameShape(target.shape, x.shape)) {
    throw new ShapeError(`accumulate: ${formatShape(x.shape)} into ${formatShape(target.shape)}`);
  }
  if (target.dtype !== "f32" || x.dtype !== "f32") throw new DTypeError("accumulate: both tensors must be f32");
  const count = Math.ceil(x.size / 4);
  x.device.run(accumulateKernel, {
    bind: { x, y: target },
    params: { count, a: 0, b: 0 },
    grid: x.device.grid(count, GROUP),
  });
  storageOf(target).version++;
}
