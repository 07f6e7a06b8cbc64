/** 2-D convolution with a fused epilogue, and both its gradients. */
import { expectActivation } from "./lib/library.ts";
import { expectNumbers, expectOptions, type NamesOf } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { storageOf } from "../friends.ts";
import { type BackwardCall, defineOp, expectDType, expectTensor, type LaterUses } from "../op.ts";
import { formatShape, sameShape, type Shape } from "../shape.ts";
import type { Tensor, TensorMeta } from "../tensor.ts";
import { activationGrad } from "./lib/activation.ts";
import type { Activation } from "./lib/library.ts";
import { sumCollected } from "./reduce.ts";
import {
  expectPadding,
  type Padding,
  type Pair,
  pairOf,
  resolvePadding,
  type Sides,
  windowOutput,
} from "./lib/window.ts";
import { convDataGrad, settlesDataGrad } from "./lib/conv/data_grad.ts";
import { convForward } from "./lib/conv/forward.ts";
import { type Attrs } from "./lib/conv/geometry.ts";
import {
  CONV_USES,
  convWeightGrad,
  convWeightGradOfUses,
  foldsScale,
  sumsWithWeights,
  takesUses,
} from "./lib/conv/weight_grad.ts";

function infer(inputs: readonly (TensorMeta | null)[], attrs: Attrs): TensorMeta[] {
  const [x, w, scale, bias, residual] = inputs;
  expectDType("conv2d", "the input", x!, "f32");
  expectDType("conv2d", "the filter", w!, "f32");
  if (x!.shape.length !== 4 || w!.shape.length !== 4) {
    throw new ShapeError(
      `conv2d: input ${formatShape(x!.shape)} and filter ${
        formatShape(w!.shape)
      } must be [N, H, W, C] and [kH, kW, Cin, Cout]`,
    );
  }
  if (x!.shape[3] !== w!.shape[2]) {
    throw new ShapeError(
      `conv2d: input has ${x!.shape[3]} channels (${formatShape(x!.shape)}) but the filter expects ${w!.shape[2]} (${
        formatShape(w!.shape)
      })`,
    );
  }
  const channels = w!.shape[3];
  for (const [what, t] of [["scale", scale], ["bias", bias]] as const) {
    if (t && !sameShape(t.shape, [channels])) {
      throw new ShapeError(`conv2d: ${what} ${formatShape(t.shape)} does not fit ${channels} output channels`);
    }
  }
  const [ho, wo] = [0, 1].map((axis) =>
    windowOutput(
      "conv2d",
      x!.shape[axis + 1],
      w!.shape[axis],
      attrs.stride[axis],
      attrs.padding[axis],
      attrs.dilation[axis],
    )
  );
  const shape = [x!.shape[0], ho, wo, channels];
  if (residual && !sameShape(residual.shape, shape)) {
    throw new ShapeError(
      `conv2d: residual ${formatShape(residual.shape)} does not fit the output ${formatShape(shape)}`,
    );
  }
  return [{ shape, dtype: "f32" }];
}

/** Numbers of a convolution's operands among an op's inputs. */
interface Operands {
  readonly x: number;
  readonly weight: number;
  readonly bias: number;
}

/** Gradients of a convolution's results: before its activation, and what reaches the convolution, once that is wanted. */
interface ResultGrads {
  readonly dz: Tensor;
  readonly dconv?: () => Tensor;
  /** Factors that the convolution's own has on top. */
  readonly scale?: Tensor | null;
}

/** Leaves the gradients to filters, and to a bias, of which this is one of several uses to the last of them, on GPUs. */
function laterGrads(
  call: BackwardCall<unknown>,
  inputs: readonly [number, number | null],
  x: () => Tensor,
  dz: Tensor,
  attrs: Attrs,
): boolean {
  const { device } = dz, wShape = call.inputMetas[inputs[0]]!.shape, from = x();
  if (from.shape.length !== 4 || !takesUses(from.shape, wShape, dz, attrs)) return false;
  const take: LaterUses["take"] = (uses, [w, b]) => {
    const dw = w ?? device.empty(wShape), db = inputs[1] === null ? null : b ?? device.empty([wShape[3]]);
    convWeightGradOfUses(uses, dw, attrs, w !== null, db && { into: db, add: b !== null });
    for (const one of [w, db && b]) if (one) storageOf(one).version++;
    return [w ? null : dw, b || !db ? null : db];
  };
  const key = `convolution ${from.shape} ${JSON.stringify(attrs)}`;
  return call.later(inputs, { key, terms: [from, dz], take, most: CONV_USES });
}

/** Gradient to the filters of a convolution without a bias, inputs `weight`: as {@link convGrads} gives it. */
export function filterGrad(
  call: BackwardCall<unknown>,
  weight: number,
  x: Tensor,
  dz: Tensor,
  attrs: Attrs,
): Tensor | null {
  if (!call.needs[weight] || laterGrads(call, [weight, null], () => x, dz, attrs)) return null;
  return convWeightGrad(x, dz, call.inputMetas[weight]!.shape, attrs, call.collected(weight));
}

/**
 * Gradients to the filters and to the bias of a convolution: each added to what it has collected (then null), or a tensor of its
 * own; on GPUs both at once where no other way is taken.
 */
export function convGrads(
  call: BackwardCall<unknown>,
  { x, weight, bias }: Operands,
  { dz, dconv = () => dz, scale = null }: ResultGrads,
  attrs: Attrs,
  input: () => Tensor = () => call.input(x),
): readonly [weight: Tensor | null, bias: Tensor | null] {
  const { needs } = call, [xShape, wShape] = [call.inputMetas[x]!.shape, call.inputMetas[weight]!.shape];
  if (needs[weight] && !scale && dconv() === dz) {
    const of = [weight, needs[bias] ? bias : null] as const;
    if (laterGrads(call, of, input, dz, attrs)) return [null, null];
  }
  if (!needs[bias] || dconv() !== dz || !sumsWithWeights(xShape, wShape, dz, attrs)) {
    const filters = (): Tensor | null => convWeightGrad(input(), dconv(), wShape, attrs, call.collected(weight), scale);
    return [needs[weight] ? filters() : null, needs[bias] ? sumCollected(call.collected(bias), dz, [0, 1, 2]) : null];
  }
  // Where the bias's gradient alone is wanted it is taken in the same order, of whatever fits.
  const { device } = dz, from = needs[weight] ? input() : device.empty(xShape);
  const w = needs[weight] ? call.collected(weight) : device.empty(wShape), b = call.collected(bias);
  const db = b ?? device.empty(call.inputMetas[bias]!.shape), sums = { into: db, add: b !== null };
  const dw = convWeightGrad(from, dz, wShape, attrs, w, scale, sums);
  if (b) storageOf(b).version++;
  return [needs[weight] ? dw : null, b ? null : db];
}

/** Gradient to input `i` of a convolution, from that of its results: added to what it has collected (then null) where its kernel can. */
export function inputGrad(
  call: BackwardCall<unknown>,
  i: number,
  dconv: Tensor,
  w: Tensor,
  attrs: Attrs,
  scale: Tensor | null = null,
): Tensor | null {
  const { shape } = call.inputMetas[i]!, settles = settlesDataGrad(dconv, w.shape, shape, attrs);
  const into = settles ? call.collected(i) : null, slope = settles ? call.slope(i) : null;
  const dx = convDataGrad(dconv, w, shape, attrs, null, { into, slope, scale });
  return into ? null : dx;
}

/** A convolution that keeps the size of a map, by an odd window, without a step. */
export function sameAttrs(window: number): Attrs {
  const around = [(window - 1) / 2, (window - 1) / 2] as const;
  return { stride: [1, 1], dilation: [1, 1], padding: [around, around], activation: "none" };
}

const conv2dOp = defineOp<Attrs>({
  name: "conv2d",
  family: "convolution",
  infer,
  forward: ([x, w, scale, bias, residual], attrs, [y]) =>
    convForward(x!, w!, { scale: scale ?? null, bias: bias ?? null, residual: residual ?? null }, attrs, y),
  constantInputs: [2],
  saves: (needs, { activation }) => ({
    inputs: [...needs[0] ? [1] : [], ...needs[1] ? [0] : [], ...needs[0] || needs[1] ? [2] : []],
    outputs: activation === "none" ? [] : [0],
  }),
  activation: ({ activation }) => activation,
  backward: (call) => {
    const { attrs, needs } = call;
    const dy = call.grads[0]!, scale = needs[0] || needs[1] ? call.optionalInput(2) : null;
    const [xShape, wShape] = [call.inputMetas[0]!.shape, call.inputMetas[1]!.shape];
    const folds = scale !== null && foldsScale(dy, wShape, xShape, attrs);
    const y = attrs.activation === "none" || call.sloped ? null : call.output(0), slope = y ? attrs.activation : "none";
    // Gradient before the activation; what reaches the convolution itself is scaled further.
    const dz = needs[3] || needs[4] || !scale || folds ? (y ? activationGrad(slope, y, dy) : dy) : null;
    let dconv = (): Tensor => {
      const made = !scale || folds
        ? dz!
        : scale.size % 4 === 0
        ? activationGrad(slope, y, dy, scale)
        : (dz ?? (y ? activationGrad(slope, y, dy) : dy)).mul(scale);
      dconv = () => made;
      return made;
    };
    const factors = folds ? scale : null;
    const dx = needs[0] ? inputGrad(call, 0, dconv(), call.input(1), attrs, factors) : null;
    const [dw, db] = convGrads(call, { x: 0, weight: 1, bias: 3 }, { dz: dz!, dconv, scale: factors }, attrs);
    return [
      dx,
      dw,
      null,
      db,
      needs[4] ? dz : null,
    ];
  },
  samples: () => {
    const cases: [Shape, Shape, Pair, Sides, Pair, string, Activation][] = [
      [[1, 5, 7, 4], [3, 3, 4, 8], [1, 1], [[1, 1], [1, 1]], [1, 1], "", "none"],
      [[2, 6, 5, 3], [3, 3, 3, 5], [1, 1], [[1, 1], [1, 1]], [1, 1], "b", "relu"],
      [[1, 11, 13, 3], [7, 7, 3, 8], [2, 2], [[3, 3], [3, 3]], [1, 1], "sb", "relu"],
      [[2, 8, 9, 16], [1, 1, 16, 40], [1, 1], [[0, 0], [0, 0]], [1, 1], "sbr", "relu"],
      [[1, 9, 8, 8], [1, 1, 8, 12], [2, 2], [[0, 0], [0, 0]], [1, 1], "", "none"],
      [[1, 9, 9, 4], [3, 3, 4, 4], [1, 1], [[2, 2], [2, 2]], [2, 2], "b", "tanh"],
      [[1, 7, 6, 5], [2, 3, 5, 1], [3, 2], [[0, 1], [2, 0]], [1, 2], "", "none"],
      [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1], [[0, 0], [0, 0]], [1, 1], "r", "none"],
      [[0, 5, 5, 4], [3, 3, 4, 4], [1, 1], [[1, 1], [1, 1]], [1, 1], "b", "none"],
      [[3, 4, 4, 68], [3, 3, 68, 36], [1, 1], [[1, 1], [1, 1]], [1, 1], "sb", "sigmoid"],
      [[1, 3, 2, 60], [3, 3, 60, 12], [1, 1], [[1, 1], [1, 1]], [1, 1], "sb", "relu"],
      [[1, 2, 3, 8], [3, 3, 8, 40], [1, 1], [[1, 1], [1, 1]], [1, 1], "b", "none"],
      [[1, 4, 5, 4], [3, 3, 4, 7], [2, 1], [[0, 1], [1, 1]], [1, 1], "sb", "none"],
    ];
    return cases.map(([x, w, stride, padding, dilation, extras, activation]) => {
      const attrs = { stride, padding, dilation, activation };
      const shape = infer([{ shape: x, dtype: "f32" }, { shape: w, dtype: "f32" }, null, null, null], attrs)[0].shape;
      const channel = { shape: [w[3]] };
      return {
        inputs: [
          { shape: x },
          { shape: w },
          extras.includes("s") ? channel : null,
          extras.includes("b") ? channel : null,
          extras.includes("r") ? { shape } : null,
        ],
        attrs,
      };
    });
  },
  bad: [
    {
      inputs: [{ shape: [1, 64, 64, 3] }, { shape: [3, 3, 4, 8] }, null, null, null],
      attrs: { stride: [1, 1], padding: [[0, 0], [0, 0]], dilation: [1, 1], activation: "none" },
      message: /input has 3 channels .* but the filter expects 4/,
    },
    {
      inputs: [{ shape: [1, 2, 2, 3] }, { shape: [5, 5, 3, 8] }, null, null, null],
      attrs: { stride: [1, 1], padding: [[0, 0], [0, 0]], dilation: [1, 1], activation: "none" },
      message: /window of 5/,
    },
  ],
});

/** Options of {@link conv2d}. */
export interface Conv2dOptions {
  /** Step of the window, one number or [y, x]; default 1. */
  readonly stride?: number | Pair;
  /** Zeros around the image: `same` (TensorFlow's), `valid`, one number, or [[top, bottom], [left, right]]; default `valid`. */
  readonly padding?: Padding;
  /** Distance between taps, one number or [y, x]; default 1. */
  readonly dilation?: number | Pair;
  /** Frozen factor per output channel, [Cout]: no gradient goes to it (an inference-mode batch norm). */
  readonly scale?: Tensor;
  /** Added per output channel, [Cout]. */
  readonly bias?: Tensor;
  /** Added elementwise before the activation, of the output's shape. */
  readonly residual?: Tensor;
  /** Applied last; default `none`. */
  readonly activation?: Activation;
}

const CONV: NamesOf<Conv2dOptions> = {
  stride: true,
  padding: true,
  dilation: true,
  scale: true,
  bias: true,
  residual: true,
  activation: true,
};

/**
 * act(conv(x, w) · scale + bias + residual): x [N, H, W, Cin], w [kH, kW, Cin, Cout] → [N, Ho, Wo, Cout]. Cross-correlation,
 * as everywhere in the field.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { conv2d, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.arange(9).reshape([1, 3, 3, 1]), w = device.ones([2, 2, 1, 1]);
 * deepStrictEqual([...await conv2d(x, w).data()], [8, 12, 20, 24]);
 * const bias = device.tensor([-10]);
 * const y = conv2d(x, w, { stride: 2, padding: "same", bias, activation: "relu" });
 * deepStrictEqual([...await y.data()], [0, 0, 3, 0]);
 * ```
 */
export function conv2d(x: Tensor, w: Tensor, options: Conv2dOptions = {}): Tensor {
  expectTensor("conv2d", x);
  expectTensor("conv2d", w, "the filter");
  const attrs = attrsOf(x.shape, w.shape, options);
  return conv2dOp([x, w, options.scale ?? null, options.bias ?? null, options.residual ?? null], attrs)[0];
}

function attrsOf(x: Shape, w: Shape, options: Conv2dOptions, op = "conv2d"): Attrs {
  expectOptions(op, options, CONV);
  expectActivation(op, options.activation);
  expectPadding(op, options.padding);
  const stride = pairOf(options.stride ?? 1);
  const dilation = pairOf(options.dilation ?? 1);
  const padding = resolvePadding("conv2d", options.padding ?? "valid", x, w, stride, dilation);
  return { stride, padding, dilation, activation: options.activation ?? "none" };
}

/**
 * Gradient of {@link conv2d} (without epilogue) to an input of shape `x`, from dy. Not recorded.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { conv2dDataGrad, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const w = device.tensor([1, 2, 3, 4], [2, 2, 1, 1]), dy = device.full([1, 1, 1, 1], 10);
 * deepStrictEqual([...await conv2dDataGrad(dy, w, [1, 2, 2, 1]).data()], [10, 20, 30, 40]);
 * ```
 */
export function conv2dDataGrad(dy: Tensor, w: Tensor, x: Shape, options: Conv2dOptions = {}): Tensor {
  expectTensor("conv2dDataGrad", dy);
  expectTensor("conv2dDataGrad", w, "the filter");
  expectNumbers("conv2dDataGrad", "the input's shape", x);
  return convDataGrad(dy, w, x, attrsOf(x, w.shape, options, "conv2dDataGrad"));
}

/**
 * Gradient of {@link conv2d} (without epilogue) to a filter of shape `w`, from x and dy. Not recorded.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { conv2dWeightGrad, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.tensor([1, 2, 3, 4], [1, 2, 2, 1]), dy = device.full([1, 1, 1, 1], 10);
 * deepStrictEqual([...await conv2dWeightGrad(x, dy, [2, 2, 1, 1]).data()], [10, 20, 30, 40]);
 * ```
 */
export function conv2dWeightGrad(x: Tensor, dy: Tensor, w: Shape, options: Conv2dOptions = {}): Tensor {
  expectTensor("conv2dWeightGrad", x);
  expectTensor("conv2dWeightGrad", dy);
  expectNumbers("conv2dWeightGrad", "the filter's shape", w);
  return convWeightGrad(x, dy, w, attrsOf(x.shape, w, options, "conv2dWeightGrad"), null)!;
}

/** {@link conv2dWeightGrad} of a leaf: added to what it has collected (then null), or a tensor of its own. */
export function conv2dWeightGradCollected(
  into: Tensor | null,
  x: Tensor,
  dy: Tensor,
  w: Shape,
  options: Conv2dOptions,
): Tensor | null {
  return convWeightGrad(x, dy, w, attrsOf(x.shape, w, options), into);
}

/** {@link conv2d} into y. Not recorded. */
export function conv2dInto(y: Tensor, x: Tensor, w: Tensor, options: Conv2dOptions): void {
  const { scale = null, bias = null, residual = null } = options;
  convForward(x, w, { scale, bias, residual }, attrsOf(x.shape, w.shape, options), y);
}
