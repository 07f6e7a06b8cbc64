/** Batch normalisation, with the batch's statistics or with fixed ones. */
import text from "../../shaders/norm.wgsl" with { type: "text" };
import { expectOptions } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { contextOf, storageOf } from "../friends.ts";
import { type Kernel, kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType } from "../op.ts";
import { formatShape, sameShape } from "../shape.ts";
import type { Tensor, TensorMeta } from "../tensor.ts";
import { reshape } from "./layout.ts";
import { GROUP, indexLib } from "./lib/library.ts";
import { momentsOfFours, normalisesFours, runFours, sumsOfFours } from "./norm_fours.ts";
import { mean, sum } from "./reduce.ts";

const parts = [indexLib, { file: "norm.wgsl", text }] as const;
const normaliseKernel = kernel("normalise", ...parts);
const deviationKernel = kernel("squared_deviation", ...parts);
const gammaTermsKernel = kernel("gamma_terms", ...parts);
const inputGradKernel = kernel("input_grad", ...parts);
const frozenGradKernel = kernel("input_grad_frozen", ...parts);

interface Attrs {
  readonly epsilon: number;
}

function run(which: Kernel, bind: Record<string, Tensor>, y: Tensor, channels: number, epsilon: number): Tensor {
  y.device.run(which, {
    bind: { ...bind, y },
    params: { count: y.size, channels, rows: y.size / channels, epsilon },
    grid: y.device.grid(y.size, GROUP),
  });
  return y;
}

function check(op: string, x: TensorMeta, perChannel: readonly (TensorMeta | null)[]): number {
  expectDType(op, "the input", x, "f32");
  const channels = x.shape.at(-1) ?? 0;
  for (const t of perChannel) {
    if (x.shape.length < 1 || channels < 1 || !sameShape(t!.shape, [channels])) {
      throw new ShapeError(
        `${op}: input ${formatShape(x.shape)} wants [${channels}] per channel, got ${formatShape(t!.shape)}`,
      );
    }
  }
  return channels;
}

const rows = (x: Tensor, channels: number): Tensor => reshape(x, [x.size / channels, channels]);

/** Copies a small result into the output made for it. */
function into(y: Tensor, x: Tensor): void {
  contextOf(y.device).copy(storageOf(x).buffer, 0, storageOf(y).buffer, 0, y.size * 4);
}

const batchNormOp = defineOp<Attrs>({
  name: "batchNorm",
  family: "normalisation",
  infer: ([x, gamma, beta]) => {
    const channels = check("batchNorm", x!, [gamma, beta]);
    if (x!.shape.includes(0)) {
      throw new ShapeError(`batchNorm: a batch of shape ${formatShape(x!.shape)} has no statistics`);
    }
    return [
      { shape: x!.shape, dtype: "f32" },
      { shape: [channels], dtype: "f32" },
      { shape: [channels], dtype: "f32" },
    ];
  },
  forward: ([x, gamma, beta], { epsilon }, [y, average, variance], device) => {
    const channels = gamma!.size;
    if (normalisesFours(device, channels)) {
      momentsOfFours(x!, channels, average, variance);
      runFours("normalise", { x: x!, gamma: gamma!, beta: beta!, mean: average, variance }, y, channels, epsilon);
      return;
    }
    into(average, mean(rows(x!, channels), 0));
    const squares = run(deviationKernel, { x: x!, mean: average }, x!.device.empty(x!.shape), channels, epsilon);
    into(variance, mean(rows(squares, channels), 0));
    run(normaliseKernel, { x: x!, gamma: gamma!, beta: beta!, mean: average, variance }, y, channels, epsilon);
  },
  constantOutputs: [1, 2],
  saves: () => ({ inputs: [0, 1], outputs: [1, 2] }),
  backward: (call) => {
    const [x, gamma, average, variance] = [call.input(0), call.input(1), call.output(1), call.output(2)];
    const dy = call.grads[0]!;
    const channels = gamma.size;
    const { epsilon } = call.attrs;
    if (normalisesFours(x.device, channels)) {
      const [dgamma, dbeta] = sumsOfFours({ x, dy, mean: average, variance }, channels, epsilon);
      const dx = call.needs[0] ? x.device.empty(x.shape) : null;
      if (dx) runFours("inputGrad", { x, gamma, mean: average, variance, dy, dgamma, dbeta }, dx, channels, epsilon);
      return [dx, dgamma, dbeta];
    }
    const terms = run(gammaTermsKernel, { x, dy, mean: average, variance }, x.device.empty(x.shape), channels, epsilon);
    const dgamma = sum(rows(terms, channels), 0);
    const dbeta = sum(rows(dy, channels), 0);
    const bind = { x, gamma, mean: average, variance, dy, dgamma, dbeta };
    const dx = call.needs[0] ? run(inputGradKernel, bind, x.device.empty(x.shape), channels, epsilon) : null;
    return [dx, dgamma, dbeta];
  },
  samples: () =>
    [[6, 4], [2, 3, 5, 7], [1, 4, 4, 1], [130, 3], [9, 131, 12], [4099, 4]].map((shape) => ({
      inputs: [{ shape }, { shape: [shape.at(-1)!], range: [0.5, 1.5] }, { shape: [shape.at(-1)!] }],
      attrs: { epsilon: 1e-3 },
    })),
  bad: [{
    inputs: [{ shape: [2, 3] }, { shape: [4] }, { shape: [3] }],
    attrs: { epsilon: 1e-5 },
    message: /wants \[3\]/,
  }, {
    inputs: [{ shape: [0, 3] }, { shape: [3] }, { shape: [3] }],
    attrs: { epsilon: 1e-5 },
    message: /has no statistics/,
  }],
});

/** A normalised batch with the statistics it was normalised by. */
export interface BatchNormResult {
  /** γ · (x − mean) / √(variance + ε) + β. */
  readonly y: Tensor;
  /** Mean over all axes but the last, [C]; carries no gradient. */
  readonly mean: Tensor;
  /** Biased variance over all axes but the last, [C]; carries no gradient. */
  readonly variance: Tensor;
}

/**
 * Batch normalisation with the batch's own statistics; x [..., C], gamma and beta [C].
 *
 * ```ts
 * import { deepStrictEqual, ok } from "node:assert/strict";
 * import { batchNorm, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.tensor([[1, 10], [3, 30]]);
 * const { y, mean, variance } = batchNorm(x, device.ones([2]), device.zeros([2]));
 * deepStrictEqual([[...await mean.data()], [...await variance.data()]], [[2, 20], [1, 100]]);
 * ok((await y.data()).every((v, i) => Math.abs(v - [-1, -1, 1, 1][i]) < 1e-5));
 * ```
 */
export function batchNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  options: { readonly epsilon?: number } = {},
): BatchNormResult {
  expectOptions("batchNorm", options, { epsilon: true });
  const [y, average, variance] = batchNormOp([x, gamma, beta], { epsilon: options.epsilon ?? 1e-5 });
  return { y, mean: average, variance };
}

const inferenceOp = defineOp<Attrs>({
  name: "batchNormInference",
  family: "normalisation",
  infer: ([x, ...perChannel]) => {
    check("batchNormInference", x!, perChannel);
    return [{ shape: x!.shape, dtype: "f32" }];
  },
  forward: ([x, gamma, beta, average, variance], { epsilon }, [y], device) => {
    const bind = { x: x!, gamma: gamma!, beta: beta!, mean: average!, variance: variance! };
    if (normalisesFours(device, gamma!.size)) runFours("normalise", bind, y, gamma!.size, epsilon);
    else run(normaliseKernel, bind, y, gamma!.size, epsilon);
  },
  constantInputs: [3, 4],
  saves: (needs) => ({ inputs: [...needs[1] ? [0] : [], 1, 3, 4] }),
  backward: (call) => {
    const [gamma, average, variance] = [call.input(1), call.input(3), call.input(4)];
    const dy = call.grads[0]!;
    const channels = gamma.size;
    const { epsilon } = call.attrs;
    const { device } = dy, inFours = normalisesFours(device, channels);
    const dx = () => {
      if (!inFours) return run(frozenGradKernel, { dy, gamma, variance }, device.empty(dy.shape), channels, epsilon);
      const grad = device.empty(dy.shape);
      runFours("frozenGrad", { dy, gamma, variance }, grad, channels, epsilon);
      return grad;
    };
    if (inFours && call.needs[1] && dy.size > 0) {
      const bind = { x: call.input(0), dy, mean: average, variance };
      const [dgamma, dbeta] = sumsOfFours(bind, channels, epsilon);
      return [call.needs[0] ? dx() : null, dgamma, call.needs[2] ? dbeta : null, null, null];
    }
    const dgamma = () => {
      const bind = { x: call.input(0), dy, mean: average, variance };
      return sum(rows(run(gammaTermsKernel, bind, device.empty(dy.shape), channels, epsilon), channels), 0);
    };
    return [
      call.needs[0] ? dx() : null,
      call.needs[1] ? dgamma() : null,
      call.needs[2] ? sum(rows(dy, channels), 0) : null,
      null,
      null,
    ];
  },
  samples: () =>
    [[6, 4], [2, 3, 5, 7], [0, 3]].map((shape) => {
      const channel = { shape: [shape.at(-1)!] };
      return {
        inputs: [{ shape }, channel, channel, channel, { ...channel, range: [0.2, 2] }],
        attrs: { epsilon: 1e-3 },
      };
    }),
  bad: [{
    inputs: [{ shape: [2, 3] }, { shape: [3] }, { shape: [3] }, { shape: [2] }, { shape: [3] }],
    attrs: { epsilon: 1e-5 },
    message: /wants \[3\]/,
  }],
});

/**
 * Batch normalisation with fixed statistics; x [..., C], the rest [C]. No gradient goes to the statistics.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { batchNormInference, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const [x, gamma, beta] = [device.tensor([[1], [5]]), device.tensor([3]), device.tensor([10])];
 * const [mean, variance] = [device.tensor([1]), device.tensor([4])];
 * const y = await batchNormInference(x, gamma, beta, mean, variance).data();
 * ok(Math.abs(y[0] - 10) < 1e-4 && Math.abs(y[1] - 16) < 1e-4);
 * ```
 */
export function batchNormInference(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  average: Tensor,
  variance: Tensor,
  options: { readonly epsilon?: number } = {},
): Tensor {
  expectOptions("batchNormInference", options, { epsilon: true });
  return inferenceOp([x, gamma, beta, average, variance], { epsilon: options.epsilon ?? 1e-5 })[0];
}
