/** Elementwise functions of two tensors, comparisons and `where`, under NumPy broadcasting. */
import binaryText from "../../shaders/binary.wgsl" with { type: "text" };
import ternaryText from "../../shaders/ternary.wgsl" with { type: "text" };
import { kernel } from "../gpu/kernel.ts";
import { numbered } from "../gpu/wgsl.ts";
import { type BackwardCall, defineOp, expectDType, type Sample } from "../op.ts";
import { broadcastShapes, broadcastStrides, sameShape, type Shape, sizeOf } from "../shape.ts";
import type { Operand, Tensor } from "../tensor.ts";
import { broadcastLib, GROUP, indexLib, scalarLib, valueKernels, vec4Lib } from "./lib/library.ts";
import { reshape } from "./layout.ts";
import { sum } from "./reduce.ts";
import { broadcastParams, inFours } from "./lib/strides.ts";
import { affine, neg, powScalar, reciprocal } from "./unary.ts";

const parts = [indexLib, broadcastLib, { file: "binary.wgsl", text: binaryText }] as const;
const sameKernel = kernel("binary", vec4Lib, ...parts);
const broadcastKernels = valueKernels("binary_broadcast", ...parts);
const compareKernel = kernel("binary_compare", vec4Lib, ...parts);
const compareBroadcastKernel = kernel("compare_broadcast", scalarLib, ...parts);
const ternaryParts = [indexLib, broadcastLib, { file: "ternary.wgsl", text: ternaryText }] as const;
const chooseKernel = kernel("choose", ...ternaryParts);
const gradKernel = kernel("binary_grad", ...ternaryParts);

const MODES = numbered(binaryText, "alike", "secondIsOne", "secondRepeats", "firstIsOne");
const GRADIENTS = numbered(
  ternaryText,
  "divB",
  "maximumA",
  "maximumB",
  "minimumA",
  "minimumB",
  "powA",
  "powB",
);

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

function run(op: number, a: Tensor, b: Tensor, y: Tensor, compare: boolean): void {
  const { device } = y;
  const written: Record<string, Tensor> = compare ? { flags: y } : { y };
  const fast = fastMode(a.shape, b.shape, y.shape);
  if (fast) {
    const count = Math.ceil(y.size / 4);
    device.run(compare ? compareKernel : sameKernel, {
      bind: { a, b, ...written },
      params: { count, period: fast.period, ...NO_STRIDES },
      constants: { OP: op, MODE: fast.mode },
      grid: device.grid(count, GROUP),
    });
    return;
  }
  const general = broadcastParams("broadcast", y.shape, [
    broadcastStrides(a.shape, y.shape),
    broadcastStrides(b.shape, y.shape),
  ]);
  const fours = compare ? null : inFours(general);
  const { rank, outer, inner, strides: [sa, sb] } = fours ?? general;
  const [oneA, oneB] = fours?.ones ?? [false, false];
  const count = fours ? y.size / 4 : y.size;
  device.run(compare ? compareBroadcastKernel : broadcastKernels[fours ? "vec4" : "scalar"], {
    bind: { a, b, a_one: a, b_one: b, ...written },
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
    constants: { OP: op, MODE: MODES.alike, A_ONE: Number(oneA), B_ONE: Number(oneB) },
    grid: device.grid(count, GROUP),
  });
}

/** Sums `grad` over the axes along which `shape` was stretched to grad's shape. */
export function sumTo(grad: Tensor, shape: Shape): Tensor {
  if (sameShape(grad.shape, shape)) return grad;
  const lead = grad.shape.length - shape.length;
  const axes = grad.shape.map((_, axis) => axis).filter((axis) =>
    axis < lead || (shape[axis - lead] === 1 && grad.shape[axis] !== 1)
  );
  return reshape(axes.length > 0 ? sum(grad, axes) : grad, shape);
}

function ternary(op: number | null, a: Tensor, b: Tensor, c: Tensor, y: Tensor): void {
  const { rank, outer, inner, strides: [sa, sb, sc] } = broadcastParams(
    "broadcast",
    y.shape,
    [a, b, c].map((t) => broadcastStrides(t.shape, y.shape)),
  );
  const params = {
    count: y.size,
    rank,
    outer,
    inner,
    a_outer: sa.outer,
    a_inner: sa.inner,
    b_outer: sb.outer,
    b_inner: sb.inner,
    c_outer: sc.outer,
    c_inner: sc.inner,
  };
  const grid = y.device.grid(y.size, GROUP);
  if (op === null) y.device.run(chooseKernel, { bind: { a, b, condition: c, y }, params, grid });
  else y.device.run(gradKernel, { bind: { a, b, c, y }, params, constants: { OP: op }, grid });
}

function viaKernel(op: keyof typeof GRADIENTS, a: Tensor, b: Tensor, dy: Tensor): Tensor {
  const y = dy.device.empty(dy.shape);
  ternary(GRADIENTS[op], a, b, dy, y);
  return y;
}

type NoAttrs = Record<string, never>;
type Rule = (call: BackwardCall<NoAttrs>, dy: Tensor) => readonly [(() => Tensor) | null, (() => Tensor) | null];

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

function samples(range: readonly [number, number]): Sample<NoAttrs>[] {
  return SHAPES.map(([a, b]) => ({ inputs: [{ shape: a, range }, { shape: b, range }], attrs: {} }));
}

const bad = [{ inputs: [{ shape: [2, 3] }, { shape: [4] }], attrs: {}, message: /do not broadcast/ }] as const;

function define(
  name: string,
  saves: readonly [readonly number[], readonly number[]],
  rule: Rule,
  range: readonly [number, number] = [-2, 2],
): (a: Tensor, b: Tensor) => Tensor {
  const number = numbered(binaryText, name)[name];
  const op = defineOp<NoAttrs>({
    name,
    family: "pointwise",
    infer: ([a, b]) => {
      expectDType(name, "the first operand", a!, "f32");
      expectDType(name, "the second operand", b!, "f32");
      return [{ shape: broadcastShapes(name, a!.shape, b!.shape), dtype: "f32" }];
    },
    forward: ([a, b], _attrs, [y]) => run(number, a!, b!, y, false),
    saves: (needs) => ({ inputs: [...new Set([...needs[0] ? saves[0] : [], ...needs[1] ? saves[1] : []])] }),
    backward: (call) =>
      rule(call, call.grads[0]!).map((grad, i) =>
        call.needs[i] && grad ? sumTo(grad(), call.inputMetas[i]!.shape) : null
      ),
    samples: () => samples(range),
    bad,
  });
  return (a, b) => op([a, b], {})[0];
}

const addTensors = define("add", [[], []], (_call, dy) => [() => dy, () => dy]);
const subTensors = define("sub", [[], []], (_call, dy) => [() => dy, () => neg(dy)]);
const mulTensors = define(
  "mul",
  [[1], [0]],
  (call, dy) => [() => mulTensors(dy, call.input(1)), () => mulTensors(dy, call.input(0))],
);
const divTensors = define(
  "div",
  [[1], [0, 1]],
  (call, dy) => [() => divTensors(dy, call.input(1)), () => viaKernel("divB", call.input(0), call.input(1), dy)],
  [0.3, 2],
);
const both: readonly [readonly number[], readonly number[]] = [[0, 1], [0, 1]];
const maxTensors = define("maximum", both, (call, dy) => [
  () => viaKernel("maximumA", call.input(0), call.input(1), dy),
  () => viaKernel("maximumB", call.input(0), call.input(1), dy),
]);
const minTensors = define("minimum", both, (call, dy) => [
  () => viaKernel("minimumA", call.input(0), call.input(1), dy),
  () => viaKernel("minimumB", call.input(0), call.input(1), dy),
]);
const powTensors = define("pow", both, (call, dy) => [
  () => viaKernel("powA", call.input(0), call.input(1), dy),
  () => viaKernel("powB", call.input(0), call.input(1), dy),
], [0.3, 2]);

function scalar(like: Tensor, value: number): Tensor {
  return like.device.full([], value);
}

/** a + b; broadcasts. */
export function add(a: Tensor, b: Operand): Tensor {
  return typeof b === "number" ? affine(a, 1, b) : addTensors(a, b);
}
/** a − b; broadcasts. */
export function sub(a: Tensor, b: Operand): Tensor {
  return typeof b === "number" ? affine(a, 1, -b) : subTensors(a, b);
}
/** a · b; broadcasts. */
export function mul(a: Tensor, b: Operand): Tensor {
  return typeof b === "number" ? affine(a, b, 0) : mulTensors(a, b);
}
/** a / b; broadcasts. */
export function div(a: Operand, b: Operand): Tensor {
  if (typeof b === "number") return affine(a as Tensor, 1 / b, 0);
  return typeof a === "number" ? affine(reciprocal(b), a, 0) : divTensors(a, b);
}
/** aᵇ; broadcasts. With a tensor exponent, a must be positive where a gradient to b is wanted. */
export function pow(a: Tensor, b: Operand): Tensor {
  return typeof b === "number" ? powScalar(a, b) : powTensors(a, b);
}
/** The larger of a and b; broadcasts. Where equal, the gradient goes to a. */
export function maximum(a: Tensor, b: Operand): Tensor {
  return maxTensors(a, typeof b === "number" ? scalar(a, b) : b);
}
/** The smaller of a and b; broadcasts. Where equal, the gradient goes to a. */
export function minimum(a: Tensor, b: Operand): Tensor {
  return minTensors(a, typeof b === "number" ? scalar(a, b) : b);
}

function defineComparison(name: string): (a: Tensor, b: Operand) => Tensor {
  const number = numbered(binaryText, name)[name];
  const op = defineOp<NoAttrs>({
    name,
    family: "pointwise",
    infer: ([a, b]) => {
      expectDType(name, "the first operand", a!, "f32");
      expectDType(name, "the second operand", b!, "f32");
      return [{ shape: broadcastShapes(name, a!.shape, b!.shape), dtype: "u32" }];
    },
    forward: ([a, b], _attrs, [y]) => run(number, a!, b!, y, true),
    backward: { nondifferentiable: "a comparison is piecewise constant" },
    samples: () => samples([-2, 2]),
    bad,
  });
  return (a, b) => op([a, typeof b === "number" ? scalar(a, b) : b], {})[0];
}

/** 1 where a > b, else 0, as u32; broadcasts. */
export const greater: (a: Tensor, b: Operand) => Tensor = defineComparison("greater");
/** 1 where a ≥ b, else 0, as u32; broadcasts. */
export const greaterEqual: (a: Tensor, b: Operand) => Tensor = defineComparison("greaterEqual");
/** 1 where a < b, else 0, as u32; broadcasts. */
export const less: (a: Tensor, b: Operand) => Tensor = defineComparison("less");
/** 1 where a = b, else 0, as u32; broadcasts. */
export const equal: (a: Tensor, b: Operand) => Tensor = defineComparison("equal");

const whereOp = defineOp<NoAttrs>({
  name: "where",
  family: "pointwise",
  infer: ([condition, a, b]) => {
    expectDType("where", "the condition", condition!, "u32");
    expectDType("where", "the first branch", a!, "f32");
    expectDType("where", "the second branch", b!, "f32");
    return [{ shape: broadcastShapes("where", condition!.shape, a!.shape, b!.shape), dtype: "f32" }];
  },
  forward: ([condition, a, b], _attrs, [y]) => ternary(null, a!, b!, condition!, y),
  constantInputs: [0],
  saves: () => ({ inputs: [0] }),
  backward: (call) => {
    const dy = call.grads[0]!;
    const zero = dy.device.zeros([]);
    const branch = (a: Tensor, b: Tensor, i: number) => {
      const y = dy.device.empty(dy.shape);
      ternary(null, a, b, call.input(0), y);
      return sumTo(y, call.inputMetas[i]!.shape);
    };
    return [null, call.needs[1] ? branch(dy, zero, 1) : null, call.needs[2] ? branch(zero, dy, 2) : null];
  },
  samples: () =>
    ([[[5], [5], [5]], [[3, 1], [4], [3, 4]], [[], [2, 3], [3]], [[0], [0], [1]]] as const).map(([c, a, b]) => ({
      inputs: [{ shape: c, dtype: "u32", range: [0, 2] }, { shape: a }, { shape: b }],
      attrs: {},
    })),
  bad: [{
    inputs: [{ shape: [2], dtype: "u32" }, { shape: [3] }, { shape: [3] }],
    attrs: {},
    message: /do not broadcast/,
  }],
});

/** a where `condition` (u32) is not 0, else b; broadcasts. */
export function where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  return whereOp([condition, a, b], {})[0];
}
