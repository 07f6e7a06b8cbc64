/**
 * Small random inputs chosen for a reference, on which its tape gradient is held against differences. An op that has none
 * here is checked on small ones of its own samples.
 */
import type { Random } from "../../support/random.ts";
import type { Attrs, Values } from "../../../engine/testing/reference/mod.ts";

/** One call of a reference. */
export interface Case {
  readonly inputs: readonly (Values | null)[];
  readonly attrs: Attrs;
}

/** Cases by op name, for those that have some. */
export function referenceCases(random: Random): Readonly<Record<string, readonly Case[]>> {
  const real = (shape: readonly number[], low = -1, high = 1): Values => {
    const size = shape.reduce((a, b) => a * b, 1);
    return { shape, data: Float64Array.from(random.reals(size, low, high)) };
  };
  const whole = (shape: readonly number[], low: number, high: number): Values => ({
    shape,
    data: random.integers(shape.reduce((a, b) => a * b, 1), low, high),
  });
  const unary = (low = -2, high = 2, attrs: Attrs = {}): Case[] => [
    { inputs: [real([3, 2], low, high)], attrs },
    { inputs: [real([], low, high)], attrs },
  ];
  const binary = (low = -2, high = 2): Case[] => [
    { inputs: [real([2, 3], low, high), real([2, 3], low, high)], attrs: {} },
    { inputs: [real([2, 1, 3], low, high), real([4, 1], low, high)], attrs: {} },
    { inputs: [real([], low, high), real([2], low, high)], attrs: {} },
  ];
  const reduction: Case[] = [
    { inputs: [real([2, 3, 4])], attrs: { axes: [1], keepDims: true } },
    { inputs: [real([2, 3, 4])], attrs: { axes: [0, -1], keepDims: false } },
    { inputs: [real([3])], attrs: { axes: [0], keepDims: false } },
  ];
  const window = { stride: [2, 1], padding: [[1, 0], [0, 1]] };
  const boxes = (count: number, height: number, width: number): Values => {
    const box = real([count, 4], 0, 1);
    return { shape: box.shape, data: box.data.map((v, i) => v * (i % 2 === 0 ? height : width)) };
  };
  const spans = (count: number): Values => {
    const box = real([count, 4], -1, 2);
    return { shape: box.shape, data: box.data.map((v, i) => i % 4 < 2 ? v : v + 3) };
  };
  const along: Case[] = [
    { inputs: [real([2, 3, 4], -3, 3)], attrs: { axis: 1 } },
    { inputs: [real([5], -3, 3)], attrs: { axis: -1 } },
  ];
  const gru = (gates: number): Values[] => [
    real([1, 3, 4, 2]),
    real([1, 3, 4, 3]),
    real([3, 3, 2, 2 * gates]),
    real([3, 3, 3, 2 * gates]),
    real([2 * gates]),
    real([3, 3, 2, 3]),
    real([3, 3, 3, 3]),
    real([3]),
  ];
  const gruCell = [real([2, 3]), real([2, 4]), real([3, 12]), real([4, 12])];
  return {
    neg: unary(),
    abs: unary(),
    exp: unary(),
    log: unary(0.2, 3),
    sqrt: unary(0.2, 3),
    tanh: unary(),
    sigmoid: unary(),
    relu: unary(),
    square: unary(),
    reciprocal: unary(0.5, 2),
    affine: unary(-2, 2, { scale: 1.7, shift: -0.3 }),
    powScalar: [
      ...unary(0.3, 2, { exponent: 2.5 }),
      ...unary(0.3, 2, { exponent: -1.5 }),
      ...unary(0.3, 2, { exponent: 0 }),
      ...unary(0.3, 2, { exponent: 1 }),
    ],
    sin: unary(),
    cos: unary(),
    clamp: unary(-2, 2, { low: -0.5, high: 0.7 }),
    add: binary(),
    sub: binary(),
    mul: binary(),
    div: binary(0.5, 2),
    maximum: binary(),
    minimum: binary(),
    pow: binary(0.4, 2),
    where: [{ inputs: [whole([2, 1], 0, 2), real([2, 3]), real([3])], attrs: {} }],
    sum: reduction,
    mean: reduction,
    max: reduction,
    matmul: [
      { inputs: [real([2, 3]), real([3, 4])], attrs: { transposeA: false, transposeB: false } },
      { inputs: [real([2, 1, 3, 2]), real([5, 4, 3])], attrs: { transposeA: true, transposeB: true } },
    ],
    einsum: [
      { inputs: [real([2, 3, 2]), real([2, 2, 4])], attrs: { spec: "bij,bjk->bki" } },
      { inputs: [real([2, 3]), real([3, 4])], attrs: { spec: "ij,jk" } },
      { inputs: [real([2, 3, 4])], attrs: { spec: "abc->ca" } },
    ],
    linear: (["none", "relu", "tanh", "sigmoid"] as const).flatMap((activation) => [
      { inputs: [real([2, 3]), real([3, 4]), real([4])], attrs: { activation } },
      { inputs: [real([2, 2, 3]), real([3, 1]), null], attrs: { activation } },
    ]),
    conv2d: [
      {
        inputs: [real([2, 5, 4, 2]), real([3, 2, 2, 3]), null, null, null],
        attrs: { ...window, dilation: [1, 2], activation: "none" },
      },
      {
        inputs: [real([1, 5, 4, 2]), real([3, 2, 2, 2]), real([2]), real([2]), real([1, 2, 4, 2])],
        attrs: { ...window, dilation: [1, 1], activation: "relu" },
      },
    ],
    conv2dBank: [
      {
        inputs: [real([3, 3, 4, 2]), real([2, 3, 3, 2, 3]), real([2, 3]), real([3, 3, 4, 3])],
        attrs: { entries: [0, 1, 1], dilation: 2, activation: "tanh" },
      },
    ],
    maxPool2d: [{ inputs: [real([2, 5, 4, 2])], attrs: { ...window, size: [3, 2] } }],
    avgPool2d: [{ inputs: [real([2, 5, 4, 2])], attrs: { ...window, size: [3, 2] } }],
    batchNorm: [{ inputs: [real([4, 2, 3]), real([3]), real([3])], attrs: { epsilon: 1e-3 } }],
    batchNormInference: [
      { inputs: [real([4, 3]), real([3]), real([3]), real([3]), real([3], 0.5, 2)], attrs: { epsilon: 1e-3 } },
    ],
    softmax: along,
    logSoftmax: along,
    crossEntropy: (["mean", "sum", "none"] as const).flatMap((reduction) => [
      { inputs: [real([4, 5], -3, 3), whole([4], -1, 5), null], attrs: { reduction, smoothing: 0 } },
      {
        inputs: [real([4, 5], -3, 3), whole([4], 0, 5), real([4], 0, 2)],
        attrs: { reduction, smoothing: 0.2, ignored: 3 },
      },
    ]),
    bceWithLogits: (["mean", "sum", "none"] as const).map((reduction) => (
      { inputs: [real([2, 3], -3, 3), real([2, 3], 0, 1)], attrs: { reduction } }
    )),
    cropAndResize: [
      {
        inputs: [real([2, 5, 6, 2]), real([3, 4], -0.2, 1.2), whole([3], 0, 2)],
        attrs: { size: [3, 2], extrapolationValue: 0.5 },
      },
      {
        inputs: [real([1, 4, 4, 1]), real([2, 4], 0, 1), whole([2], 0, 1)],
        attrs: { size: [1, 1], extrapolationValue: 0 },
      },
    ],
    pasteRegions: [
      { inputs: [real([4, 3, 2, 2]), spans(4)], attrs: { size: [5, 4] } },
      { inputs: [real([2, 1, 1, 1]), spans(2)], attrs: { size: [3, 3] } },
      { inputs: [real([4, 2, 3, 1]), spans(4)], attrs: { size: [4, 5], images: 2 } },
    ],
    roiAlign: [true, false].map((aligned) => ({
      inputs: [real([2, 6, 7, 2]), boxes(3, 12, 14), whole([3], 0, 2)],
      attrs: { size: [2, 3], spatialScale: 0.5, samplingRatio: 2, aligned },
    })),
    resizeBilinear: (["asymmetric", "halfPixel", "alignCorners"] as const).flatMap((mode) => [
      { inputs: [real([1, 3, 4, 2])], attrs: { size: [5, 2], mode } },
      { inputs: [real([1, 3, 4, 1])], attrs: { size: [1, 7], mode } },
    ]),
    gruCell: [
      { inputs: [...gruCell, real([12]), real([12])], attrs: {} },
      { inputs: [...gruCell, null, null], attrs: {} },
    ],
    lstm: [{ inputs: [real([2, 2, 8]), real([2, 2]), real([2, 2]), real([2, 8])], attrs: {} }],
    convGru: [
      { inputs: gru(1), attrs: { activation: "relu" } },
      { inputs: gru(3), attrs: { activation: "tanh" } },
    ],
    gather: [{ inputs: [real([4, 3]), whole([2, 3], -1, 5)], attrs: {} }],
    embedding: [{ inputs: [real([4, 3]), whole([5], 0, 4)], attrs: {} }],
    propagate: [
      {
        inputs: [real([3, 2]), real([3, 2, 2])],
        attrs: {
          graph: {
            rows: 2,
            cols: 3,
            relations: [
              { rowPtr: [0, 2, 3], colIdx: [0, 2, 1], values: [0.5, -1, 2] },
              { rowPtr: [0, 0, 0], colIdx: [], values: [] },
              { rowPtr: [0, 0, 3], colIdx: [0, 1, 2], values: [1, 0.25, 0.75] },
            ],
          },
        },
      },
    ],
    concat: [{ inputs: [real([2, 3]), real([2, 1]), real([2, 0])], attrs: { axis: 1 } }],
    slice: [{ inputs: [real([4, 3])], attrs: { begin: [1, 0], size: [2, 2] } }],
    split: [{ inputs: [real([2, 5])], attrs: { sizes: [2, 0, 3], axis: 1 } }],
    pad: [{ inputs: [real([2, 3])], attrs: { padding: [[1, 0], [0, 2]], value: 3 } }],
    reshape: [{ inputs: [real([2, 3])], attrs: { shape: [3, 2] } }],
    transpose: [{ inputs: [real([2, 3, 4])], attrs: { perm: [2, 0, 1] } }],
    tile: [{ inputs: [real([2, 3])], attrs: { reps: [2, 2] } }],
    cast: [{ inputs: [real([2, 3])], attrs: { dtype: "f32" } }],
  };
}
