/** Adam and AdamW. */
import { ArgumentError } from "../base/errors.ts";
import { described, expectFinite, expectFlag, expectOptions, type NamesOf } from "../base/given.ts";
import type { Device } from "../device.ts";
import type { NamedParameter } from "../nn/parameter.ts";
import { Optimiser, type OptimiserOptions, OPTIONS } from "./optim.ts";
import { adamRule } from "./update.ts";

/** Options of {@link Adam}. */
export interface AdamOptions extends OptimiserOptions {
  /** Decay of both moments; default 0.9 and 0.999. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Take `rate · weightDecay · w` off the weights instead of adding to the gradient: AdamW; default false. */
  readonly decoupledDecay?: boolean;
}

/** Throws {@link ArgumentError} unless `betas` are a pair of numbers in [0, 1). */
function expectBetas(betas: unknown): void {
  if (!Array.isArray(betas) || betas.length !== 2) {
    const found = Array.isArray(betas) ? `a list of ${betas.length}` : described(betas);
    throw new ArgumentError(`Adam: betas are a pair of numbers, not ${found}`);
  }
  for (const beta of betas) expectFinite("Adam", "each of betas", beta, { least: 0, below: 1 });
}

const ADAM_OPTIONS: NamesOf<AdamOptions> = { ...OPTIONS, betas: true, epsilon: true, decoupledDecay: true };

/**
 * Adam (Kingma and Ba, 2015), or AdamW (Loshchilov and Hutter, 2019) with `decoupledDecay`. Each parameter counts its own
 * updates, as in PyTorch; the counts are on the device, so a captured step counts on.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Adam, Device, nn } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using layer = new nn.Linear(device, { inputs: 1, outputs: 1, seed: 1, init: nn.init.ones, bias: false });
 * using adam = new Adam(device, layer.trainable(), { rate: 0.25 });
 * using scope = device.scope();
 * layer.forward(device.tensor([[2]])).backward();
 * adam.step();
 * layer.zeroGrad();
 * // The first step is as long as the rate, whatever the gradient.
 * ok(Math.abs((await layer.weight.data())[0] - 0.75) < 1e-6);
 * ```
 */
export class Adam extends Optimiser {
  /** Moments start at zero. */
  constructor(device: Device, parameters: readonly NamedParameter[], options: AdamOptions) {
    expectOptions("Adam", options, ADAM_OPTIONS);
    const { betas = [0.9, 0.999], epsilon = 1e-8, decoupledDecay = false } = options;
    expectBetas(betas);
    expectFinite("Adam", "epsilon", epsilon, { least: 0 });
    expectFlag("Adam", "decoupledDecay", decoupledDecay);
    const [momentum, beta2] = betas;
    const constants = { momentum, beta2, epsilon };
    super(device, parameters, options, {
      rule: adamRule,
      constants,
      decoupled: decoupledDecay,
      state: ["first", "second"],
    });
  }
}

/** Options of {@link AdamW}; `weightDecay` defaults to 0.01. */
export type AdamWOptions = Omit<AdamOptions, "decoupledDecay">;

const ADAMW_OPTIONS: NamesOf<AdamWOptions> = { ...OPTIONS, betas: true, epsilon: true };

/**
 * {@link Adam} with decoupled weight decay (Loshchilov and Hutter, 2019), 0.01 by default as in PyTorch. Unlike there,
 * only parameters whose `decay` is set are decayed: by default those whose name ends in `weight`, so neither biases nor
 * γ and β.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { AdamW, Device, nn } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using layer = new nn.Linear(device, { inputs: 1, outputs: 1, seed: 1, init: nn.init.ones, bias: false });
 * using adam = new AdamW(device, layer.trainable(), { rate: 0.25, weightDecay: 0.5 });
 * using scope = device.scope();
 * layer.forward(device.tensor([[2]])).backward();
 * adam.step();
 * layer.zeroGrad();
 * // An eighth of the weight decays, and the first step is as long as the rate.
 * ok(Math.abs((await layer.weight.data())[0] - 0.625) < 1e-6);
 * ```
 */
export class AdamW extends Adam {
  /** Moments start at zero. */
  constructor(device: Device, parameters: readonly NamedParameter[], options: AdamWOptions) {
    expectOptions("AdamW", options, ADAMW_OPTIONS);
    const { weightDecay = 0.01 } = options;
    super(device, parameters, { ...options, weightDecay, decoupledDecay: true });
  }
}
