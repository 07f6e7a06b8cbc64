/** Sums of the gradients of several backward passes, for updates by their mean. */
import text from "../../shaders/optim_sum.wgsl" with { type: "text" };
import { ArgumentError } from "../base/errors.ts";
import { described, expectFinite } from "../base/given.ts";
import type { Device } from "../device.ts";
import { isDevice, storageOf } from "../friends.ts";
import { kernel } from "../gpu/kernel.ts";
import type { NamedParameter } from "../nn/parameter.ts";
import { mayRun } from "../ops/lib/choice.ts";
import { fill } from "../ops/lib/fill.ts";
import { GROUP, indexLib } from "../ops/lib/library.ts";
import { minimum, slice, square, sum } from "../ops/mod.ts";
import type { Tensor } from "../tensor.ts";
import { GROUPED, halves, insideLib, placesLib, SMALL, workgroupsOf } from "./groups.ts";
import { layoutOf, UsedFlags } from "./used.ts";

const parts = [indexLib, insideLib, placesLib, { file: "optim_sum.wgsl", text }] as const;
const oneKernel = kernel("add_gradient", ...parts);
const groupKernel = kernel("add_gradients", ...parts);
const countKernel = kernel("count_gradients", ...parts);

/** A mean of gradients: what a sum holds, divided. */
export interface GradientMean {
  /** The sum. */
  readonly sum: GradientSum;
  /** Number that the sum is divided by: that of the gradients added, wherever they were. */
  readonly of: number;
}

/**
 * A sum of whole gradients: each backward pass gives its own, which is added when it is complete. So the sum has the same bits
 * wherever its parts are computed, as long as they are added in the same order. It is one row of numbers, {@link GradientSum.values},
 * which programs that train together may exchange.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, GradientSum, nn, SGD } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using layer = new nn.Linear(device, { inputs: 1, outputs: 1, seed: 1, init: nn.init.ones, bias: false });
 * using sgd = new SGD(device, layer.trainable(), { rate: 0.25 });
 * using total = new GradientSum(device, sgd.parameters);
 * using scope = device.scope();
 * for (const x of [1, 3]) {
 *   layer.forward(device.tensor([[x]])).backward();
 *   total.add();
 *   layer.zeroGrad();
 * }
 * // 1 less a quarter of the mean of 1 and 3.
 * sgd.step({ sum: total, of: 2 });
 * total.clear();
 * deepStrictEqual([...await layer.weight.data()], [0.5]);
 * ```
 */
export class GradientSum implements Disposable {
  /**
   * f32 [n]: each parameter's sum, from a multiple of four on, then for each parameter, and each entry of banks, the number of
   * gradients that were added.
   */
  readonly values: Tensor;
  /** Parameters whose gradients are added. */
  readonly parameters: readonly NamedParameter[];
  readonly #device: Device;
  readonly #used: UsedFlags;
  /** The first four of each parameter. */
  readonly #places = new Map<NamedParameter, number>();
  readonly #counts: number;
  /** Numbers of all parameters, with what lies between them. */
  readonly #size: number;

  /** A sum of nothing, for the `parameters` of an optimiser; they stay their owner's. */
  constructor(device: Device, parameters: readonly NamedParameter[]) {
    if (!isDevice(device)) {
      throw new ArgumentError(`GradientSum: the device is an open Device, not ${described(device)}`);
    }
    if (!Array.isArray(parameters)) {
      throw new ArgumentError(`GradientSum: parameters are those of an optimiser, not ${described(parameters)}`);
    }
    this.#device = device;
    this.parameters = parameters;
    let fours = 0;
    for (const parameter of parameters) {
      this.#places.set(parameter, fours);
      fours += Math.ceil(parameter.tensor.size / 4);
    }
    const layout = layoutOf(parameters);
    this.#size = 4 * fours;
    this.#counts = layout.size;
    this.#used = new UsedFlags(device, layout);
    this.values = device.zeros([this.#size + layout.size]).unscoped();
  }

  /**
   * Adds the gradients that the parameters hold, times `weight`, and leaves them there. Only records work.
   *
   * @throws {ArgumentError} for a weight that is no finite number.
   */
  add(weight = 1): void {
    const device = this.#device;
    expectFinite("GradientSum.add", "the weight", weight);
    const held = this.parameters.filter(({ tensor }) => tensor.grad && tensor.size > 0);
    const limit = mayRun(device, groupKernel) ? device.kernels === "cpu" ? SMALL : Infinity : -1;
    const together = held.filter(({ tensor }) => tensor.size <= limit);
    for (let i = 0; i < together.length; i += GROUPED) this.#addGroup(together.slice(i, i + GROUPED), weight);
    for (const parameter of held) if (!together.includes(parameter)) this.#addOne(parameter, weight);
    device.run(countKernel, {
      bind: { used: this.#used.of(this.parameters), counts: this.values },
      params: { ...NOTHING, ...halves("size", [this.#counts]), ...halves("place", [this.#size]) },
      grid: device.grid(this.#counts, GROUP),
    });
    storageOf(this.values).version++;
  }

  #addOne(parameter: NamedParameter, weight: number): void {
    const { tensor: { size, grad } } = parameter;
    this.#device.run(oneKernel, {
      bind: { gradient0: grad, total: this.values },
      params: { ...NOTHING, ...halves("size", [size]), ...halves("place", [this.placeOf(parameter)]), weight },
      grid: this.#device.grid(Math.ceil(size / 4), GROUP),
    });
  }

  #addGroup(own: readonly NamedParameter[], weight: number): void {
    const { params, groups } = workgroupsOf(own.map(({ tensor }) => tensor.size));
    // Memory that is only read may be bound for parameters that are not there too.
    const gradients = Array.from({ length: GROUPED }, (_, i) => (own[i] ?? own[0]).tensor.grad);
    this.#device.run(groupKernel, {
      bind: { total: this.values, ...Object.fromEntries(gradients.map((gradient, i) => [`gradient${i}`, gradient])) },
      params: { ...params, ...halves("place", own.map((parameter) => this.placeOf(parameter))), weight },
      grid: this.#device.grid(groups * GROUP, GROUP),
    });
  }

  /** Begins a new sum. Only records work. */
  clear(): void {
    fill(this.values, 0);
    storageOf(this.values).version++;
  }

  /** The first four of a parameter's sum, counted in fours of {@link GradientSum.values}. */
  placeOf(parameter: NamedParameter): number {
    return this.#places.get(parameter)!;
  }

  /** The first count of gradients in {@link GradientSum.values}. */
  get countPlace(): number {
    return this.#size;
  }

  /** The factor [1] of the sum in a mean of `count` gradients whose joint norm is at most `limit`; without one, it is 1 / `count`. */
  factor(count: number, limit?: number): Tensor {
    const device = this.#device, share = device.full([1], 1 / count);
    if (limit === undefined) return share;
    const total = sum(square(slice(this.values, [0], [this.#size]))).reshape([1]).add(1e-30);
    return share.mul(minimum(device.full([1], limit).div(total.sqrt().mul(share)), 1));
  }

  /** Frees the sum. */
  [Symbol.dispose](): void {
    this.values.dispose();
    this.#used[Symbol.dispose]();
  }
}

/** Parameters of a dispatch that has none. */
const NOTHING = { ...halves("first", []), ...halves("size", []), ...halves("place", []), weight: 1 };

/** A mean as an optimiser of these parameters takes it; null where none is given. Throws {@link ArgumentError}. */
export function sumFor(
  mean: GradientMean | undefined,
  parameters: readonly NamedParameter[],
): GradientMean | null {
  if (mean === undefined) return null;
  const { sum, of } = mean ?? {};
  if (!(sum instanceof GradientSum)) {
    throw new ArgumentError(`an optimiser's step: the sum is a GradientSum, not ${described(sum)}`);
  }
  if (sum.parameters !== parameters) {
    throw new ArgumentError(
      "an optimiser's step: the sum is of other parameters; make it of those of the optimiser, as new GradientSum(device, optimiser.parameters)",
    );
  }
  expectFinite("an optimiser's step", "the number of gradients in the mean", of, { above: 0 });
  return { sum, of };
}
