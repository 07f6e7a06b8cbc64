/** Products and convolutions to measure: what runs, and how its result is checked. */
import type { Device } from "../device.ts";
import { softwareRule } from "../ops/lib/blocks.ts";
import { mayTile } from "../ops/lib/choice.ts";
import { conv2d, conv2dDataGrad, conv2dWeightGrad } from "../ops/conv.ts";
import { matmul } from "../ops/matmul.ts";
import { allowedTiles, tileCandidates } from "../ops/lib/tiles.ts";
import {
  type ConvSizes,
  hasWinograd,
  winogradForms,
  type WinogradOp,
  winogradProduct,
  winogradRule,
} from "../ops/lib/winograd.ts";
import { tuningOf } from "../friends.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import {
  type ConvGeometry,
  dataGradTimes,
  forwardTimes,
  matrixView,
  outputOf,
  timesVector,
  weightGradTimes,
  wholeNumbers,
} from "./projection.ts";
import { type ProductShape, sameBlock, type Tiling, type TunedOp } from "./table.ts";

/** A shape to find the fastest tiling for. */
export type TuneCase =
  | { readonly op: Extract<TunedOp, `matmul ${string}`>; readonly m: number; readonly n: number; readonly k: number }
  | { readonly op: Exclude<TunedOp, `matmul ${string}`>; readonly conv: ConvGeometry };

/** A case with its operands on the device. */
export interface Problem extends Disposable {
  readonly op: TunedOp;
  /** As ops ask the tuning table. */
  readonly shape: ProductShape;
  /** The op's own choice where the table has nothing. */
  readonly rule: Tiling;
  /** Tilings of a convolution by Winograd's way to try, if it has one. */
  readonly winograd: readonly Tiling[];
  /** Its operands, in the order in which the op takes it. */
  readonly operands: readonly Tensor[];
  /** Computes it once. */
  run(): Tensor;
  /** True where a result is exact, to the last bit; or, where it is `nearly` whole numbers, where those are exact. */
  isRight(result: ArrayLike<number>, nearly?: boolean): boolean;
}

/** Words for a case's size. */
export function caseName(one: TuneCase): string {
  if ("m" in one) return `${one.m} × ${one.n}, ${one.k} deep`;
  const { images, height, width, inputs, outputs, kernel, stride } = one.conv;
  const many = images > 1 ? `${images} × ` : "", step = stride > 1 ? `/${stride}` : "";
  return `${kernel}×${kernel}${step} ${inputs}→${outputs} at ${many}${height}×${width}`;
}

/** Draws a case's operands. */
export function problemOf(device: Device, one: TuneCase): Problem {
  const plain = asProduct(device, one);
  return "m" in plain ? matmulProblem(device, plain) : convProblem(device, plain);
}

/** The kernels of GPUs take a plain 1 × 1 convolution as the product it is. */
function asProduct({ kernels }: Device, one: TuneCase): TuneCase {
  if (kernels === "cpu" || "m" in one) return one;
  const { images, height, width, inputs, outputs, kernel, stride, padding } = one.conv;
  if (kernel * stride !== 1 || padding !== 0 || inputs % 4 !== 0 || outputs % 4 !== 0) return one;
  const pixels = images * height * width;
  switch (one.op) {
    case "conv2d forward":
      return { op: "matmul nn", m: pixels, n: outputs, k: inputs };
    case "conv2d data gradient":
      return { op: "matmul nt", m: pixels, n: inputs, k: outputs };
    case "conv2d weight gradient":
      return { op: "matmul tn", m: inputs, n: outputs, k: pixels };
  }
}

const ceil4 = (n: number): number => Math.ceil(n / 4) * 4;

/** Random whole numbers as a tensor and on the host. */
function draw(device: Device, shape: readonly number[], seed: number) {
  const data = wholeNumbers(shape.reduce((a, b) => a * b, 1), seed, -3, 7);
  return { data, tensor: device.tensor(data, shape) };
}

/** Distance from a whole number up to which a result of Winograd's transforms, whose fractions are rounded, is taken for it. */
const NEAR = 0.25;

/** Compares rows of a result times r with what they must be. */
function checkRows(want: Float64Array, r: ArrayLike<number>): Problem["isRight"] {
  return (result, nearly = false) => {
    if (result.length !== want.length * r.length) return false;
    const whole = nearly ? Float64Array.from(result, Math.round) : result;
    for (let i = 0; nearly && i < result.length; i++) if (!(Math.abs(whole[i] - result[i]) < NEAR)) return false;
    return timesVector(matrixView(whole, want.length, r.length), r).every((value, i) => value === want[i]);
  };
}

function problem(fields: Omit<Problem, typeof Symbol.dispose | "operands">, ...operands: readonly Tensor[]): Problem {
  return { ...fields, operands, [Symbol.dispose]: () => operands.forEach((operand) => operand.dispose()) };
}

/** Tilings of a convolution by Winograd's way worth a try, the rules' own for its product first; none where that is switched off. */
function winogradTilings(device: Device, op: WinogradOp, p: ConvSizes, w: Shape): Tiling[] {
  if (tuningOf(device).direct || !hasWinograd(p, w)) return [];
  return winogradForms(device, op).flatMap((winograd): Tiling[] => {
    const shape = winogradProduct(winograd, op, p, w), own = ruleFor(device, "matmul nn", shape);
    const tilings = device.kernels === "gpu" && winograd === 4 ? tileCandidates(false, shape) : [];
    // Wide tiles in two buffers alone: an op has candidates enough.
    const others = tilings.filter((tiling) => !sameBlock(tiling, own) && tiling.buffers !== 1);
    return [own, ...others].map((tiling) => ({ ...tiling, winograd })).filter((tiling) => mayTile(device, op, tiling));
  });
}

/** Winograd's tilings of a convolution and the rule's choice among them and the direct kernels, as parts of a problem. */
function convRule(device: Device, op: WinogradOp, p: ConvSizes, w: Shape, direct: Tiling) {
  const winograd = winogradTilings(device, op, p, w);
  const form = winogradRule(device.kernels, op, p, w, winogradForms(device, op));
  return { winograd, rule: (form && winograd.find((tiling) => tiling.winograd === form)) ?? direct };
}

/** Tiling of a product by the rules; its rows, on software adapters, are in parts of `part` that no block may cross. */
function ruleFor(device: Device, op: TunedOp, shape: ProductShape, part?: number): Tiling {
  if (device.kernels === "gpu") {
    return allowedTiles(device, op, shape, { skinny: op.startsWith("matmul") });
  }
  const { rows, columns } = softwareRule(device, op, shape, part);
  return { rows, columns, splitK: 1 };
}

function matmulProblem(device: Device, { op, m, n, k }: Extract<TuneCase, { m: number }>): Problem {
  const [transposeA, transposeB] = [op.at(-2) === "t", op.at(-1) === "t"];
  const a = draw(device, transposeA ? [k, m] : [m, k], 1), b = draw(device, transposeB ? [n, k] : [k, n], 2);
  const r = wholeNumbers(n, 3, 1, 997);
  const want = timesVector(
    matrixView(a.data, m, k, transposeA),
    timesVector(matrixView(b.data, k, n, transposeB), r),
  );
  const run = () => matmul(a.tensor, b.tensor, { transposeA, transposeB });
  const shape = [m, n, k, 1] as const, rule = ruleFor(device, op, [m, ceil4(n), k, 1]);
  return problem({ op, shape, rule, winograd: [], run, isRight: checkRows(want, r) }, a.tensor, b.tensor);
}

function convProblem(device: Device, { op, conv }: Extract<TuneCase, { conv: ConvGeometry }>): Problem {
  const { images, height, width, inputs, outputs, kernel, stride, padding } = conv;
  const [ho, wo] = outputOf(conv), [ci, co] = [ceil4(inputs), ceil4(outputs)], taps = kernel ** 2;
  const shapes = {
    x: [images, height, width, inputs],
    w: [kernel, kernel, inputs, outputs],
    dy: [images, ho, wo, outputs],
  };
  const options = { stride, padding };
  const sizes: ConvSizes = {
    ...{ n: images, h: height, w: width, ho, wo, top: padding, left: padding },
    ...{ stride_y: stride, stride_x: stride, dilation_y: 1, dilation_x: 1 },
  };
  const rules = (direct: Tiling) => convRule(device, op, sizes, shapes.w, direct);
  const rOutputs = wholeNumbers(outputs, 4, 1, 997), rInputs = wholeNumbers(inputs, 5, 1, 997);
  switch (op) {
    case "conv2d forward": {
      const x = draw(device, shapes.x, 1), w = draw(device, shapes.w, 2);
      const isRight = checkRows(forwardTimes(conv, x.data, w.data, rOutputs), rOutputs);
      const shape = [images * ho * wo, co, taps * ci, 1] as const;
      const run = () => conv2d(x.tensor, w.tensor, options);
      return problem({ op, shape, ...rules(ruleFor(device, op, shape)), run, isRight }, x.tensor, w.tensor);
    }
    case "conv2d data gradient": {
      const dy = draw(device, shapes.dy, 1), w = draw(device, shapes.w, 2);
      const isRight = checkRows(dataGradTimes(conv, dy.data, w.data, rInputs), rInputs);
      const pixels = images * Math.ceil(height / stride) * Math.ceil(width / stride);
      const shape = [pixels, ci, Math.ceil(taps / stride ** 2) * co, stride ** 2] as const;
      const run = () => conv2dDataGrad(dy.tensor, w.tensor, shapes.x, options);
      return problem({ op, shape, ...rules(ruleFor(device, op, shape)), run, isRight }, dy.tensor, w.tensor);
    }
    case "conv2d weight gradient": {
      const x = draw(device, shapes.x, 1), dy = draw(device, shapes.dy, 2);
      const isRight = checkRows(weightGradTimes(conv, x.data, dy.data, rOutputs), rOutputs);
      const shape = [taps * ci, co, images * ho * wo, 1] as const;
      const run = () => conv2dWeightGrad(x.tensor, dy.tensor, shapes.w, options);
      return problem({ op, shape, ...rules(ruleFor(device, op, shape, ci)), run, isRight }, x.tensor, dy.tensor);
    }
  }
}
