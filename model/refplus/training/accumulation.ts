/** Gradients of an update that is made in parts: each part's is whole before it is added to those before it. */
import { GradientSum, type Module, type Optimiser, type Tensor } from "../../../engine/mod.ts";
import { sumOver } from "../../run/ranks/exchange.ts";
import type { Ranks } from "../../run/ranks/ranks.ts";

/**
 * Updates of a model by the gradients of parts. Where there is one, its gradients are taken as they are.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, nn, SGD } from "../../../engine/mod.ts";
 * import { Accumulation } from "./accumulation.ts";
 *
 * await using device = await Device.open();
 * using layer = new nn.Linear(device, { inputs: 1, outputs: 1, seed: 1, init: nn.init.ones, bias: false });
 * using sgd = new SGD(device, layer.trainable(), { rate: 0.25 });
 * using updates = new Accumulation(layer, sgd);
 * using _scope = device.scope();
 * // Means of three samples and of one: three quarters of 1 and a quarter of 5.
 * for (const [x, samples] of [[1, 3], [5, 1]]) {
 *   layer.forward(device.tensor([[x]])).backward();
 *   updates.add(samples, { more: true });
 * }
 * updates.step(4);
 * deepStrictEqual([...await layer.weight.data()], [0.5]);
 * ```
 */
export class Accumulation implements Disposable {
  readonly #model: Module;
  readonly #optimiser: Optimiser;
  #sum: GradientSum | null = null;
  #added = false;

  /** Updates `model` by `optimiser`; both stay their owner's. */
  constructor(model: Module, optimiser: Optimiser) {
    this.#model = model;
    this.#optimiser = optimiser;
  }

  /** Takes the gradients that the model holds now, times `weight`, as a part's; `more` is true where it is one of several. */
  add(weight: number, { more }: { readonly more: boolean }): void {
    if (!more) return;
    this.#total().add(weight);
    this.#added = true;
    this.#model.zeroGrad();
  }

  #total(): GradientSum {
    return this.#sum ??= new GradientSum(this.#model.device, this.#optimiser.parameters);
  }

  /** The update, by the sum of the parts divided by `of`; of one part, by its gradients. */
  step(of: number): void {
    if (this.#added) {
      this.#optimiser.step({ sum: this.#sum!, of });
      this.#sum!.clear();
    } else this.#optimiser.step();
    this.#added = false;
    this.#model.zeroGrad();
  }

  /**
   * The update by the sum of what all `ranks` added, each of which may have added nothing, divided by `of`; `others` become sums
   * over the ranks too.
   */
  async stepWith(ranks: Ranks, of: number, ...others: readonly Tensor[]): Promise<void> {
    await sumOver(ranks, this.#total(), ...others);
    this.#added = true;
    this.step(of);
  }

  /** Frees the sum. */
  [Symbol.dispose](): void {
    this.#sum?.[Symbol.dispose]();
    this.#sum = null;
  }
}
