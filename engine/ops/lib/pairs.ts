/** Frame of elementwise ops of two tensors under NumPy broadcasting: kernels, types of operands, samples. */
import frameText from "../../../shaders/lib/elementwise/pairs.wgsl" with { type: "text" };
import { expectTensor } from "../../op.ts";
import { DTypeError } from "../../base/errors.ts";
import type { DType } from "../../dtype.ts";
import { type Constants, kernel, type ShaderText } from "../../gpu/kernel.ts";
import { numbered } from "../../gpu/wgsl.ts";
import type { Op, Sample } from "../../op.ts";
import { broadcastStrides, sameShape, type Shape, sizeOf } from "../../shape.ts";
import type { Operand, Tensor, TensorMeta } from "../../tensor.ts";
import { byValues, mayRun } from "./choice.ts";
import { broadcastLib, GROUP, indexLib, valueKernels, vec4Lib } from "./library.ts";
import { broadcastParams, inFours } from "./strides.ts";

const MODES = numbered(frameText, "alike", "secondIsOne", "secondRepeats", "firstIsOne");
const ZERO = [0, 0, 0, 0];
const NO_STRIDES = {
  rank: 0,
  outer: ZERO,
  inner: ZERO,
  a_outer: ZERO,
  a_inner: ZERO,
  b_outer: ZERO,
  b_inner: ZERO,
};

/** The fast kernel's mode for these operands; null where only the general one can read them. */
function fastMode(a: Shape, b: Shape, out: Shape): { mode: number; period: number } | null {
  if (sameShape(a, b)) return { mode: MODES.alike, period: 1 };
  if (sameShape(a, out)) {
    if (sizeOf(b) === 1) return { mode: MODES.secondIsOne, period: 1 };
    const lead = out.length - b.length;
    const trailing = b.every((extent, axis) => extent === out[lead + axis]);
    if (trailing && sizeOf(b) % 4 === 0) return { mode: MODES.secondRepeats, period: sizeOf(b) / 4 };
  }
  if (sameShape(b, out) && sizeOf(a) === 1) return { mode: MODES.firstIsOne, period: 1 };
  return null;
}

/** y = f(a, b); a and b are of one type. Not recorded. */
export type RunPair = (a: Tensor, b: Tensor, y: Tensor, constants?: Constants) => void;

/** The functions of a family's shader, the last of `parts`, by the names of their ops. */
export function pairFamily(...parts: readonly [ShaderText, ...ShaderText[]]): (name: string) => RunPair {
  const all = [indexLib, broadcastLib, { file: "lib/elementwise/pairs.wgsl", text: frameText }, ...parts] as const;
  const sameKernel = kernel("binary", vec4Lib, ...all);
  const broadcastKernels = valueKernels("binary_broadcast", ...all);
  const { text } = parts[parts.length - 1];

  return (name) => {
    const OP = numbered(text, name)[name];
    return (a, b, y, constants) => {
      const { device } = y;
      const fast = fastMode(a.shape, b.shape, y.shape);
      if (fast && mayRun(device, sameKernel, { OP })) {
        const count = Math.ceil(y.size / 4);
        device.run(sameKernel, {
          bind: { a, b, y },
          params: { count, period: fast.period, ...NO_STRIDES },
          constants: { OP, MODE: fast.mode, ...constants },
          grid: device.grid(count, GROUP),
        });
        return;
      }
      const general = broadcastParams(name, y.shape, [
        broadcastStrides(a.shape, y.shape),
        broadcastStrides(b.shape, y.shape),
      ]);
      const fours = inFours(general);
      const { kernel, per } = byValues(device, broadcastKernels, fours !== null, { OP });
      const { rank, outer, inner, strides: [sa, sb] } = fours && per === 4 ? fours : general;
      const [oneA, oneB] = fours && per === 4 ? fours.ones : [false, false];
      const count = y.size / per;
      device.run(kernel, {
        bind: { a, b, a_one: a, b_one: b, y },
        params: {
          count,
          period: 1,
          rank,
          outer,
          inner,
          a_outer: sa.outer,
          a_inner: sa.inner,
          b_outer: sb.outer,
          b_inner: sb.inner,
        },
        constants: { OP, MODE: MODES.alike, A_ONE: Number(oneA), B_ONE: Number(oneB), ...constants },
        grid: device.grid(count, GROUP),
      });
    };
  };
}

/** The one type of two operands; throws {@link DTypeError} where they differ or are f16. */
export function sharedDType(op: string, a: TensorMeta, b: TensorMeta): DType {
  for (const { dtype } of [a, b]) {
    if (dtype === "f16") throw new DTypeError(`${op}: f16 is for storage; cast() to f32 first`);
  }
  if (a.dtype === b.dtype) return a.dtype;
  throw new DTypeError(`${op}: operands of dtypes ${a.dtype} and ${b.dtype}; cast() one of them`);
}

/** A number as a tensor of one element like `like`; throws {@link DTypeError} for one that its integers do not have. */
export function scalarLike(op: string, like: Tensor, value: number): Tensor {
  const { dtype } = like;
  const [low, high] = dtype === "u32" ? [0, 2 ** 32] : [-(2 ** 31), 2 ** 31];
  if ((dtype === "i32" || dtype === "u32") && !(Number.isInteger(value) && value >= low && value < high)) {
    throw new DTypeError(`${op}: ${value} is no ${dtype}: a whole number from ${low} to ${high - 1}`);
  }
  return like.device.full([], value, { dtype });
}

/** An op of two tensors on a tensor and an operand, which may be a number. */
export function withOperand(name: string, op: Op<NoAttrs>, a: Tensor, b: Operand): Tensor {
  expectTensor(name, a);
  if (typeof b !== "number") return op([a, expectTensor(name, b)], {})[0];
  using one = scalarLike(name, a, b);
  return op([a, one], {})[0];
}

/** Attributes of an op that has none. */
export type NoAttrs = Record<string, never>;

const SHAPES: readonly (readonly [Shape, Shape])[] = [
  [[], []],
  [[5], [5]],
  [[3, 4], []],
  [[], [6]],
  [[3, 7, 8], [8]],
  [[3, 1, 5], [4, 1]],
  [[2, 3, 4, 5], [3, 1, 5]],
  [[5, 3, 8], [5, 1, 8]],
  [[3, 5, 12], [3, 5, 1]],
  [[7, 1, 1], [7, 2, 6]],
  [[0, 3], [3]],
  [[1031], [1]],
];

/** Integers for samples: small ones, ones that wrap, and ones on both sides of 2^31. */
const INTEGERS = [
  ["i32", [-9, 10]],
  ["i32", [-(2 ** 31), 2 ** 31]],
  ["u32", [0, 2 ** 32]],
] as const;

/** Samples of an op of two tensors: reals, and integers where it takes them. */
export function pairSamples(range: readonly [number, number], integers: boolean): Sample<NoAttrs>[] {
  const reals = SHAPES.map(([a, b]) => ({ inputs: [{ shape: a, range }, { shape: b, range }], attrs: {} }));
  if (!integers) return reals;
  const whole = INTEGERS.flatMap(([dtype, range]) =>
    [SHAPES[1], SHAPES[2], SHAPES[5], SHAPES[8], SHAPES[10]].map(([a, b]) => ({
      inputs: [{ shape: a, dtype, range }, { shape: b, dtype, range }],
      attrs: {},
    }))
  );
  return [...reals, ...whole];
}

/** Operands that an op of two tensors must refuse. */
export const badPairs = [
  { inputs: [{ shape: [2, 3] }, { shape: [4] }], attrs: {}, message: /do not broadcast/ },
] as const;
