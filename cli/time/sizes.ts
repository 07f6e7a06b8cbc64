/**
 * Sizes at which ops are timed: those of the models, as far as float64 takes seconds for them, for what is timed is checked
 * first. Products of matrices and convolutions, whose check is quicker, have those of `cli/tune_cases.ts`.
 */
import type { Sample, SampleInput } from "../../engine/op.ts";

const real = (...shape: number[]): SampleInput => ({ shape });
const positive = (...shape: number[]): SampleInput => ({ shape, range: [0.3, 2] });
const within = (low: number, high: number, ...shape: number[]): SampleInput => ({ shape, range: [low, high] });
const whole = (high: number, ...shape: number[]): SampleInput => ({ shape, dtype: "i32", range: [0, high] });

/** Scores of 300 regions, a map of the third stage on 600 × 1000, and the states of regions. */
const SCORES = [300, 1485] as const, MAP = [1, 38, 63, 64] as const, STATES = [300, 512] as const;

const unary = (input: SampleInput = real(...SCORES), attrs: unknown = {}): Sample<unknown>[] => [
  { inputs: [input], attrs },
];
const pair = (make: (...shape: number[]) => SampleInput = real): Sample<unknown>[] => [
  { inputs: [make(...STATES), make(...STATES)], attrs: {} },
  { inputs: [make(...STATES), make(STATES[1])], attrs: {} },
];
const reduction = (make: (...shape: number[]) => SampleInput = real, more: object = {}): Sample<unknown>[] => [
  { inputs: [make(...SCORES)], attrs: { axes: [1], keepDims: false, ...more } },
  { inputs: [make(...MAP)], attrs: { axes: [0, 1, 2], keepDims: false, ...more } },
];
const along = (attrs: object): Sample<unknown>[] => [{ inputs: [real(...SCORES)], attrs: { axis: 1, ...attrs } }];
const loss = (target: SampleInput = real(...SCORES)): Sample<unknown>[] => [
  { inputs: [real(...SCORES), target], attrs: { reduction: "mean" } },
];
const normalised = (): SampleInput[] => [real(64), real(64)];

/** Relations of all pairs of `regions`. */
function graph(regions: number, relations: number): object {
  const rowPtr = Array.from({ length: regions + 1 }, (_, i) => i * regions);
  const colIdx = rowPtr.slice(1).flatMap(() => Array.from({ length: regions }, (_, i) => i));
  const values = colIdx.map((_, i) => (1 + i % 7) / regions);
  return {
    rows: regions,
    cols: regions,
    relations: Array.from({ length: relations }, () => ({ rowPtr, colIdx, values })),
  };
}

const POOLED = { size: [3, 3], stride: [2, 2], padding: [[1, 1], [1, 1]] };
const FEATURES = real(...MAP), BOXES = 20;

/** Samples of model sizes by op; products of matrices and convolutions are not among them, nor what runs no kernel. */
export const SIZES: Readonly<Record<string, readonly Sample<unknown>[]>> = {
  transpose: [{ inputs: [FEATURES], attrs: { perm: [0, 3, 1, 2] } }],
  slice: [{ inputs: [FEATURES], attrs: { begin: [0, 4, 8, 0], size: [1, 30, 50, 64] } }],
  pad: [{ inputs: [FEATURES], attrs: { padding: [[0, 0], [1, 1], [1, 1], [0, 0]], value: 0 } }],
  concat: [{ inputs: [real(...STATES), real(...STATES)], attrs: { axis: 1 } }],
  tile: [{ inputs: [real(1, 512)], attrs: { reps: [300, 1] } }],
  cast: [{ inputs: [within(-9, 9, ...SCORES)], attrs: { dtype: "i32" } }],
  flip: [{ inputs: [FEATURES], attrs: { axes: [2] } }],
  split: [{ inputs: [real(300, 1536)], attrs: { sizes: [512, 512, 512], axis: 1 } }],
  where: [{ inputs: [{ shape: STATES, dtype: "u32", range: [0, 2] }, real(...STATES), real(...STATES)], attrs: {} }],
  ...Object.fromEntries(
    ["add", "sub", "mul", "maximum", "minimum", "greater", "greaterEqual", "less", "lessEqual", "equal", "notEqual"]
      .map((name) => [name, pair()]),
  ),
  ...Object.fromEntries(["div", "pow", "floorDiv", "mod"].map((name) => [name, pair(positive)])),
  ...Object.fromEntries(
    ["neg", "abs", "exp", "tanh", "sigmoid", "relu", "square", "sign", "sin", "cos", "erf", "gelu", "geluTanh", "silu"]
      .map((name) => [name, unary()]),
  ),
  ...Object.fromEntries(["log", "sqrt", "reciprocal"].map((name) => [name, unary(positive(...SCORES))])),
  affine: unary(real(...SCORES), { scale: 1.7, shift: -0.3 }),
  powScalar: unary(positive(...SCORES), { exponent: 3 }),
  clamp: unary(real(...SCORES), { low: -0.5, high: 0.6 }),
  leakyRelu: unary(real(...SCORES), { slope: 0.01 }),
  ...Object.fromEntries(["sum", "mean", "max", "min"].map((name) => [name, reduction()])),
  prod: reduction((...shape) => within(0.99, 1.01, ...shape)),
  variance: reduction(real, { correction: 0 }),
  argmax: along({ keepDims: false }),
  argmin: along({ keepDims: false }),
  cumsum: along({}),
  topk: along({ k: 5, largest: true }),
  softmax: along({}),
  logSoftmax: along({}),
  crossEntropy: [{
    inputs: [real(...SCORES), whole(1485, 300), null],
    attrs: { reduction: "mean", smoothing: 0, ignored: -1 },
  }],
  bceWithLogits: loss(within(0, 1, ...SCORES)),
  mseLoss: loss(),
  l1Loss: loss(),
  gather: [{ inputs: [real(100, 300), whole(100, 1920)], attrs: {} }],
  scatter: [{ inputs: [real(100, 300), whole(100, 1920), real(1920, 300)], attrs: { mode: "add" } }],
  oneHot: [{ inputs: [whole(1485, 300)], attrs: { depth: 1485 } }],
  linear: [{ inputs: [real(12, 512), real(512, 512), real(512)], attrs: { activation: "relu" } }],
  gruCell: [{
    inputs: [real(12, 256), real(12, 256), real(256, 768), real(256, 768), real(768), real(768)],
    attrs: {},
  }],
  lstm: [{ inputs: [real(10, 8, 512), real(8, 128), real(8, 128), real(128, 512)], attrs: { fused: true } }],
  convGru: [{
    inputs: [
      ...[real(1, 12, 16, 32), real(1, 12, 16, 32), real(3, 3, 32, 2), real(3, 3, 32, 2), real(2)],
      ...[real(3, 3, 32, 32), real(3, 3, 32, 32), real(32)],
    ],
    attrs: { activation: "relu" },
  }],
  convGruJoined: [{
    inputs: [
      ...[real(1, 12, 16, 32), real(1, 12, 16, 32), real(3, 3, 32, 36), real(3, 3, 32, 4), real(36)],
      real(3, 3, 32, 32),
    ],
    attrs: { activation: "relu", gates: 1 },
  }],
  addRelu: [{ inputs: [real(...STATES), real(...STATES), real(...STATES)], attrs: {} }],
  weightedSum: [{
    inputs: [real(...STATES), real(...STATES), real(...STATES)],
    attrs: { factors: [1, 0.5, 2], scale: 0.5 },
  }],
  exampleWeights: [{ inputs: [real(...SCORES), whole(1485, 300), null], attrs: { least: 0.5 } }],
  conv2dBank: [{
    inputs: [real(12, 7, 7, 32), real(8, 3, 3, 32, 32), real(8, 32), real(12, 7, 7, 32)],
    attrs: { entries: Array.from({ length: 12 }, (_, i) => i >> 1), dilation: 1, activation: "relu" },
  }],
  maxPool2d: [{ inputs: [FEATURES], attrs: POOLED }],
  avgPool2d: [{ inputs: [FEATURES], attrs: POOLED }],
  batchNorm: [{ inputs: [FEATURES, ...normalised()], attrs: { epsilon: 1e-3 } }],
  batchNormInference: [{ inputs: [FEATURES, ...normalised(), real(64), positive(64)], attrs: { epsilon: 1e-3 } }],
  layerNorm: [{ inputs: [real(...STATES), real(512), real(512)], attrs: { axes: [1], epsilon: 1e-3 } }],
  groupNorm: [{ inputs: [FEATURES, ...normalised()], attrs: { groups: 8, epsilon: 1e-3 } }],
  dropout: [{
    inputs: [real(...STATES), { shape: [1], dtype: "u32", range: [0, 1000] }],
    attrs: { rate: 0.5, seed: 1 },
  }],
  cropAndResize: [{
    inputs: [FEATURES, within(0, 1, BOXES, 4), whole(1, BOXES)],
    attrs: { size: [7, 7], extrapolationValue: 0 },
  }],
  resizeBilinear: [{ inputs: [FEATURES], attrs: { size: [75, 125], mode: "asymmetric" } }],
  roiAlign: [{
    inputs: [FEATURES, within(0, 600, BOXES, 4), whole(1, BOXES)],
    attrs: { size: [7, 7], spatialScale: 1 / 16, samplingRatio: 2, aligned: true },
  }],
  pasteRegions: [{ inputs: [real(12, 7, 7, 64), within(0, 20, 12, 4)], attrs: { size: [16, 24], images: 1 } }],
  propagate: [{ inputs: [real(40, 64), real(3, 64, 64)], attrs: { graph: graph(40, 3) } }],
};
