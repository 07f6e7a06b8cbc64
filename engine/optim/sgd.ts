/** Stochastic gradient descent. */
import { expectFinite, expectOptions, type NamesOf } from "../base/given.ts";
import type { Device } from "../device.ts";
import type { NamedParameter } from "../nn/parameter.ts";
import { Optimiser, type OptimiserOptions, OPTIONS } from "./optim.ts";
import { sgdRule } from "./update.ts";

const SGD_OPTIONS: NamesOf<OptimiserOptions & { readonly momentum?: number }> = { ...OPTIONS, momentum: true };

/**
 * Stochastic gradient descent with classical momentum: v ← m·v + g + λ·w, w ← w − rate·v.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, nn, SGD } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using layer = new nn.Linear(device, { inputs: 1, outputs: 1, seed: 1, init: nn.init.ones, bias: false });
 * using sgd = new SGD(device, layer.trainable(), { rate: 0.25, momentum: 0.5 });
 * using scope = device.scope();
 * layer.forward(device.tensor([[2]])).backward();
 * sgd.step();
 * sgd.step();
 * deepStrictEqual([...await layer.weight.data()], [-0.25]);
 * layer.zeroGrad();
 * ```
 */
export class SGD extends Optimiser {
  /** `momentum` defaults to 0. */
  constructor(
    device: Device,
    parameters: readonly NamedParameter[],
    options: OptimiserOptions & { readonly momentum?: number },
  ) {
    expectOptions("SGD", options, SGD_OPTIONS);
    const { momentum = 0 } = options;
    expectFinite("SGD", "momentum", momentum, { least: 0 });
    const constants = { momentum, beta2: 0, epsilon: 0 };
    super(device, parameters, options, { rule: sgdRule, constants, decoupled: false, state: ["velocity"] });
  }
}
