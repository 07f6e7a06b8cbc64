/** Layer and group normalisation: rows by their own statistics. */
import text from "../../shaders/row_norm.wgsl" with { type: "text" };
import { expectOptions } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { kernel } from "../gpu/kernel.ts";
import { type BackwardCall, type BadSample, defineOp, expectDType, expectTensor, type Op, type Sample } from "../op.ts";
import { formatShape, normaliseAxes, sameShape, type Shape, sizeOf } from "../shape.ts";
import type { Tensor, TensorMeta } from "../tensor.ts";
import { reshape, transpose } from "./layout.ts";
import { byRows } from "./lib/choice.ts";
import { GROUP, indexLib, rowAloneLib, rowKernels, scalarLib } from "./lib/library.ts";
import { sum } from "./reduce.ts";

const parts = [indexLib, { file: "row_norm.wgsl", text }] as const;
const normaliseKernels = rowKernels("normalise_rows", ...parts);
const gradKernels = rowKernels("rows_grad", ...parts);
const gammaTermsKernel = kernel("gamma_terms", scalarLib, rowAloneLib, ...parts);

/** Rows as the kernels see them. */
interface Rows {
  readonly rows: number;
  readonly length: number;
  /** Rows of a sample that take turns at its channels, `run` at a time. */
  readonly groups: number;
  readonly run: number;
  /** Shape of gamma and beta. */
  readonly affine: Shape;
}

/** The parts in which one normalisation differs from the other. */
interface Kind<A> {
  readonly name: string;
  /** The rows of x; throws {@link ShapeError} where there are none to make. */
  readonly rowsOf: (x: TensorMeta, attrs: A) => Rows;
  readonly samples: readonly Sample<A>[];
  readonly bad: readonly BadSample<A>[];
}

function define<A extends { readonly epsilon: number }>({ name, rowsOf, samples, bad }: Kind<A>): Op<A> {
  const shared = (attrs: A, { rows, length, groups, run }: Rows, gamma: Tensor | null, beta: Tensor | null) => ({
    params: { rows, length, groups, run, epsilon: attrs.epsilon },
    constants: {
      GROUPED: Number(groups > 1 || run < length),
      HAS_GAMMA: Number(gamma !== null),
      HAS_BETA: Number(beta !== null),
    },
  });
  const byRow = (kernels: typeof gradKernels, { device }: Tensor, { rows, length }: Rows) => {
    return byRows(device, kernels, { rows, grouped: device.kernels === "gpu" && length >= 32 });
  };
  const inputGrad = (call: BackwardCall<A>, dy: Tensor, rows: Rows): Tensor => {
    const [x, gamma] = [call.input(0), call.optionalInput(1)], dx = dy.device.empty(dy.shape);
    const { kernel, grid } = byRow(gradKernels, dy, rows);
    const bind = { x, gamma, dy, means: call.output(1), scales: call.output(2), y: dx };
    dy.device.run(kernel, { bind, ...shared(call.attrs, rows, gamma, null), grid });
    return dx;
  };
  const gammaGrad = (call: BackwardCall<A>, dy: Tensor, rows: Rows): Tensor => {
    const terms = dy.device.empty(dy.shape);
    const bind = { x: call.input(0), dy, means: call.output(1), scales: call.output(2), y: terms };
    dy.device.run(gammaTermsKernel, {
      bind,
      ...shared(call.attrs, rows, null, null),
      grid: dy.device.grid(dy.size, GROUP),
    });
    return overRows(terms, rows);
  };
  return defineOp<A>({
    name,
    family: "normalisation",
    infer: ([x, gamma, beta], attrs) => {
      for (const [what, t] of [["the input", x], ["gamma", gamma], ["beta", beta]] as const) {
        if (t) expectDType(name, what, t, "f32");
      }
      const { rows, length, affine } = rowsOf(x!, attrs);
      if (length === 0) throw new ShapeError(`${name}: rows of no elements in ${formatShape(x!.shape)} have no mean`);
      for (const t of [gamma, beta]) {
        if (!t || sameShape(t.shape, affine)) continue;
        throw new ShapeError(
          `${name}: input ${formatShape(x!.shape)} wants gamma and beta ${formatShape(affine)}, got ${
            formatShape(t.shape)
          }`,
        );
      }
      return [x!.shape, [rows], [rows]].map((shape) => ({ shape, dtype: "f32" }));
    },
    forward: ([x, gamma, beta], attrs, [y, row_mean, row_scale], device) => {
      const rows = rowsOf(x!, attrs), { kernel, grid } = byRow(normaliseKernels, y, rows);
      const bind = { x: x!, gamma: gamma!, beta: beta!, y, row_mean, row_scale };
      device.run(kernel, { bind, ...shared(attrs, rows, gamma, beta), grid });
    },
    constantOutputs: [1, 2],
    saves: ([x, gamma]) => x || gamma ? { inputs: x ? [0, 1] : [0], outputs: [1, 2] } : {},
    backward: (call) => {
      const dy = call.grads[0]!, rows = rowsOf(call.inputMetas[0]!, call.attrs);
      return [
        call.needs[0] ? inputGrad(call, dy, rows) : null,
        call.needs[1] ? gammaGrad(call, dy, rows) : null,
        call.needs[2] ? overRows(dy, rows) : null,
      ];
    },
    samples: () => samples,
    bad,
  });
}

/** Sum over all that shares an element of gamma or beta. */
function overRows(x: Tensor, { affine }: Rows): Tensor {
  return reshape(sum(reshape(x, [x.size / sizeOf(affine), sizeOf(affine)]), 0), affine);
}

const layerNormOp = define<{ readonly axes: readonly number[]; readonly epsilon: number }>({
  name: "layerNorm",
  rowsOf: ({ shape }, { axes }) => {
    const first = shape.length - axes.length;
    if (axes.length === 0 || axes.some((axis, i) => axis !== first + i)) {
      throw new ShapeError(`layerNorm: axes [${axes}] of ${formatShape(shape)} are not its last ones`);
    }
    const affine = shape.slice(first);
    return { rows: sizeOf(shape.slice(0, first)), length: sizeOf(affine), groups: 1, run: sizeOf(affine), affine };
  },
  samples: ([
    [[7], [0], true, true],
    [[5, 1], [1], true, true],
    [[5, 41], [1], true, true],
    [[3, 4, 24], [2], true, true],
    [[3, 4, 24], [1, 2], true, true],
    [[2, 3, 130], [2], false, true],
    [[67, 9], [1], true, false],
    [[3, 33], [1], false, false],
    [[0, 4], [1], true, true],
  ] as const).map(([shape, axes, gamma, beta]) => {
    const affine = axes.map((axis) => shape[axis]!);
    return {
      inputs: [{ shape }, gamma ? { shape: affine, range: [0.5, 1.5] } : null, beta ? { shape: affine } : null],
      attrs: { axes, epsilon: 1e-3 },
    };
  }),
  bad: [
    { inputs: [{ shape: [2, 3] }, { shape: [2] }, null], attrs: { axes: [1], epsilon: 1e-5 }, message: /\[3\], got/ },
    { inputs: [{ shape: [2, 3] }, null, null], attrs: { axes: [0], epsilon: 1e-5 }, message: /not its last/ },
    { inputs: [{ shape: [2, 0] }, null, null], attrs: { axes: [1], epsilon: 1e-5 }, message: /have no mean/ },
  ],
});

const groupNormOp = define<{ readonly groups: number; readonly epsilon: number }>({
  name: "groupNorm",
  rowsOf: ({ shape }, { groups }) => {
    const channels = shape.at(-1) ?? 0;
    if (shape.length < 2 || !Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
      throw new ShapeError(
        `groupNorm: ${groups} groups do not share out the channels, the last axis, of ${formatShape(shape)}`,
      );
    }
    const run = channels / groups, length = sizeOf(shape.slice(1, -1)) * run;
    return { rows: shape[0] * groups, length, groups, run, affine: [channels] };
  },
  samples: ([
    [[3, 6], 2, true, true],
    [[2, 3, 5, 4], 2, true, true],
    [[2, 3, 5, 7], 7, true, false],
    [[3, 5, 6], 1, false, true],
    [[2, 7, 9, 12], 3, true, true],
    [[1, 33, 2], 2, false, false],
    [[0, 3, 4], 2, true, true],
  ] as const).map(([shape, groups, gamma, beta]) => {
    const affine = [shape.at(-1)!];
    return {
      inputs: [{ shape }, gamma ? { shape: affine, range: [0.5, 1.5] } : null, beta ? { shape: affine } : null],
      attrs: { groups, epsilon: 1e-3 },
    };
  }),
  bad: [
    { inputs: [{ shape: [2, 3, 6] }, null, null], attrs: { groups: 4, epsilon: 1e-5 }, message: /4 groups do not/ },
    { inputs: [{ shape: [4] }, null, null], attrs: { groups: 2, epsilon: 1e-5 }, message: /2 groups do not/ },
    { inputs: [{ shape: [2, 4] }, { shape: [2] }, null], attrs: { groups: 2, epsilon: 1e-5 }, message: /\[4\], got/ },
    { inputs: [{ shape: [2, 0, 4] }, null, null], attrs: { groups: 2, epsilon: 1e-5 }, message: /have no mean/ },
  ],
});

/** Result of a normalisation without its statistics, which its gradient keeps. */
function only([y, ...statistics]: readonly Tensor[]): Tensor {
  for (const tensor of statistics) tensor.dispose();
  return y;
}

/** Options of {@link layerNorm}. */
export interface LayerNormOptions {
  /** Axes normalised together, one or a list; default the last. */
  readonly axes?: number | readonly number[];
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
}

/**
 * Layer normalisation (Ba et al., 2016): γ · (x − mean) / √(variance + ε) + β, with mean and biased variance over `axes` alone.
 * Gamma and beta have the extents of those axes, in the order that x has them; without them factors are 1, shifts 0.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, layerNorm } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[1, 3], [10, 30]]);
 * using y = layerNorm(x);
 * ok([...await y.data()].every((v, i) => Math.abs(v - [-1, 1][i % 2]) < 1e-5));
 * ```
 *
 * @throws {ShapeError} for gamma or beta of another shape, and for rows without elements.
 */
export function layerNorm(
  x: Tensor,
  gamma: Tensor | null = null,
  beta: Tensor | null = null,
  options: LayerNormOptions = {},
): Tensor {
  expectTensor("layerNorm", x);
  expectOptions("layerNorm", options, { axes: true, epsilon: true });
  const { axes: wanted = -1, epsilon = 1e-5 } = options, rank = x.shape.length;
  if (rank === 0) throw new ShapeError("layerNorm: a scalar has no axis to be normalised along");
  const axes = normaliseAxes("layerNorm", wanted, rank);
  const order = [...x.shape.keys()].filter((axis) => !axes.includes(axis)).concat(axes);
  const last = axes.map((_, i) => rank - axes.length + i);
  const run = (rows: Tensor): Tensor => only(layerNormOp([rows, gamma, beta], { axes: last, epsilon }));
  if (order.every((axis, i) => axis === i)) return run(x);
  using scope = x.device.scope();
  return scope.keep(transpose(run(transpose(x, order)), order.map((_, axis) => order.indexOf(axis))));
}

/**
 * Group normalisation (Wu and He, 2018) of x [N, ..., C]: γ · (x − mean) / √(variance + ε) + β, with mean and biased variance
 * over the cells of a sample and the C / groups neighbouring channels of a group. Gamma and beta have C elements; without
 * them factors are 1, shifts 0. One group is layer normalisation of all but the first axis, C groups are instance normalisation.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, groupNorm } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([[[1, 5], [3, 9]]]);
 * using y = groupNorm(x, 2);
 * ok([...await y.data()].every((v, i) => Math.abs(v - [-1, -1, 1, 1][i]) < 1e-5));
 * ```
 *
 * @throws {ShapeError} where the groups do not share the channels out evenly, and for gamma or beta of another shape.
 */
export function groupNorm(
  x: Tensor,
  groups: number,
  gamma: Tensor | null = null,
  beta: Tensor | null = null,
  options: { readonly epsilon?: number } = {},
): Tensor {
  expectOptions("groupNorm", options, { epsilon: true });
  return only(groupNormOp([x, gamma, beta], { groups, epsilon: options.epsilon ?? 1e-5 }));
}
