/** Dropout with counter-based masks. */
import text from "../../shaders/dropout.wgsl" with { type: "text" };
import { expectNumber, expectOptions } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { storageOf } from "../friends.ts";
import { kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType, expectTensor } from "../op.ts";
import type { Tensor } from "../tensor.ts";
import { fill } from "./lib/fill.ts";
import { GROUP, indexLib, randomLib } from "./lib/library.ts";

const parts = [indexLib, randomLib, { file: "dropout.wgsl", text }] as const;
const dropoutKernel = kernel("dropout", ...parts);
const countKernel = kernel("count_step", ...parts);

interface Attrs {
  readonly rate: number;
  readonly seed: number;
}

function run(x: Tensor, step: Tensor, y: Tensor, { rate, seed }: Attrs): void {
  x.device.run(dropoutKernel, {
    bind: { x, step, y },
    params: { count: x.size, seed, rate },
    grid: x.device.grid(x.size, GROUP),
  });
}

const dropoutOp = defineOp<Attrs>({
  name: "dropout",
  family: "normalisation",
  infer: ([x, step], { rate }) => {
    expectDType("dropout", "the input", x!, "f32");
    expectDType("dropout", "the step", step!, "u32");
    if (!(rate >= 0 && rate < 1)) throw new ShapeError(`dropout: rate ${rate} is not in [0, 1)`);
    return [{ shape: x!.shape, dtype: "f32" }];
  },
  forward: ([x, step], attrs, [y]) => run(x!, step!, y, attrs),
  constantInputs: [1],
  saves: () => ({ inputs: [1] }),
  backward: (call) => {
    const dx = call.grads[0]!.device.empty(call.grads[0]!.shape);
    run(call.grads[0]!, call.input(1), dx, call.attrs);
    return [dx, null];
  },
  samples: (random) =>
    [[], [7], [33, 31], [0]].map((shape) => ({
      inputs: [{ shape }, { shape: [1], dtype: "u32", range: [0, 1000] }],
      attrs: { rate: 0.1 + 0.8 * random(), seed: Math.floor(random() * 1e6) },
    })),
  bad: [{
    inputs: [{ shape: [2] }, { shape: [1], dtype: "u32" }],
    attrs: { rate: 1, seed: 0 },
    message: /not in \[0, 1\)/,
  }],
});

/** Options of {@link dropout}. */
export interface DropoutOptions {
  /** Share of elements set to 0, in [0, 1). */
  readonly rate: number;
  /** Key of the random numbers. */
  readonly seed: number;
  /** Second key: the training step, or a u32 tensor of one element that a captured step reads afresh. */
  readonly step: number | Tensor;
}

/**
 * x with a random share of its elements set to 0 and the others scaled by 1 / (1 − rate).
 *
 * ```ts
 * import { deepStrictEqual, notDeepStrictEqual } from "node:assert/strict";
 * import { Device, dropout } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.ones([1000]);
 * const y = await dropout(x, { rate: 0.75, seed: 1, step: 0 }).data();
 * deepStrictEqual([...new Set(y)].sort(), [0, 4]);
 * deepStrictEqual(await dropout(x, { rate: 0.75, seed: 1, step: 0 }).data(), y);
 * notDeepStrictEqual(await dropout(x, { rate: 0.75, seed: 1, step: 1 }).data(), y);
 * ```
 */
export function dropout(x: Tensor, options: DropoutOptions): Tensor {
  expectTensor("dropout", x);
  expectOptions("dropout", options, { rate: true, seed: true, step: true });
  const { rate, seed, step } = options;
  expectNumber("dropout", "rate", rate);
  expectNumber("dropout", "seed", seed);
  if (typeof step !== "number") expectTensor("dropout", step, "the step, where it is no number,");
  if (typeof step !== "number") return dropoutOp([x, step], { rate, seed })[0];
  const counter = x.device.empty([1], "u32");
  fill(counter, step);
  const y = dropoutOp([x, counter], { rate, seed })[0];
  counter.dispose();
  return y;
}

/** Counts a step (u32 [1]) on, in place. */
export function countStep(step: Tensor): void {
  step.device.run(countKernel, { bind: { steps: step }, grid: [1, 1, 1] });
  storageOf(step).version++;
}
