/** Updates of the program generator on annotated programs. */
import { GradientSum, type Optimiser, reshape, StepCache, type Tensor } from "../../../engine/mod.ts";
import type { UnreadLosses } from "../../run/logs/loss_log.ts";
import { sumOver } from "../../run/ranks/exchange.ts";
import type { Ranks } from "../../run/ranks/ranks.ts";
import type { ProgramGenerator, Sequences } from "./program_generator.ts";
import { StaticSequences } from "./sequence_inputs.ts";

/** Updates of one run; each batch size is captured once and replayed. */
export class GeneratorUpdates implements Disposable {
  readonly #generator: ProgramGenerator;
  readonly #optimiser: Optimiser;
  /** Whole updates. */
  readonly #updates: StepCache<StaticSequences>;
  /** Gradients of one part among several. */
  readonly #gradients: StepCache<StaticSequences>;
  #sum: GradientSum | null = null;
  /** Samples of a part, which its gradient is multiplied by. */
  #weight = 1;

  /** Trains `generator` by `optimiser`; both stay their owner's. */
  constructor(generator: ProgramGenerator, optimiser: Optimiser) {
    const { device } = generator;
    this.#generator = generator;
    this.#optimiser = optimiser;
    const cache = (learn: () => void): StepCache<StaticSequences> =>
      // Batches of similar lengths have some hundred sizes, with little memory each.
      new StepCache(device, (inputs): Tensor => {
        using scope = device.scope();
        const loss = generator.lossOn(inputs);
        loss.backward();
        learn();
        generator.zeroGrad();
        return scope.keep(reshape(loss.detach(), [1]));
      }, { maxEntries: 512 });
    this.#updates = cache(() => optimiser.step());
    this.#gradients = cache(() => this.#sum!.add(this.#weight));
  }

  /** Tensors that captured updates keep alive. */
  get tensors(): number {
    return this.#updates.tensors + this.#gradients.tensors;
  }

  /** One update on expressions and their programs; the loss is still on the device. */
  run(refexps: Sequences, programs: Sequences): UnreadLosses {
    return { names: ["loss"], values: this.#replayed(this.#updates, refexps, programs) };
  }

  /** One update by the mean over the samples of several parts, each part's gradient whole before it is added. */
  runParts(parts: readonly (readonly [refexps: Sequences, programs: Sequences])[]): UnreadLosses {
    if (parts.length === 1) return this.run(...parts[0]);
    const size = parts.reduce((sum, [{ count }]) => sum + count, 0), values = this.#addParts(parts, size);
    this.#learn(size);
    return { names: ["loss"], values };
  }

  /**
   * The same with other `ranks`, each of which has some of the parts, or none; in all there are `count` of them, of `size`
   * samples.
   */
  async runPartsWith(
    ranks: Ranks,
    parts: readonly (readonly [refexps: Sequences, programs: Sequences])[],
    { size, count }: { readonly size: number; readonly count: number },
  ): Promise<UnreadLosses> {
    // The gradient of a part that is the whole batch is taken as it is.
    const values = this.#addParts(parts, size, count === 1 ? 1 : undefined);
    await sumOver(ranks, this.#sum!, values);
    this.#learn(count === 1 ? 1 : size);
    return { names: ["loss"], values };
  }

  /** Adds the gradients of parts among `size` samples; returns their share of the loss. */
  #addParts(
    parts: readonly (readonly [refexps: Sequences, programs: Sequences])[],
    size: number,
    weight?: number,
  ): Tensor {
    const { device } = this.#generator;
    this.#sum ??= new GradientSum(device, this.#optimiser.parameters);
    using scope = device.scope();
    let values: Tensor | null = null;
    for (const [refexps, programs] of parts) {
      this.#weight = weight ?? refexps.count;
      using loss = this.#replayed(this.#gradients, refexps, programs);
      values = device.noGrad(() => {
        const own = loss.mul(refexps.count / size);
        return values ? values.add(own) : own;
      });
    }
    return scope.keep(values ?? device.zeros([1])).unscoped();
  }

  /** An update by the sum of gradients of `size` samples. */
  #learn(size: number): void {
    this.#optimiser.step({ sum: this.#sum!, of: size });
    this.#sum!.clear();
  }

  #replayed(cache: StepCache<StaticSequences>, refexps: Sequences, programs: Sequences): Tensor {
    const whole = cache === this.#gradients && this.#weight !== refexps.count;
    const sizes = { count: refexps.count, words: refexps.length, tokens: programs.length };
    return cache.run(
      // A captured part has its weight in it: the number of its samples, or 1.
      `${sizes.count} × ${sizes.words} → ${sizes.tokens}${whole ? " whole" : ""}`,
      () => new StaticSequences(this.#generator.device, sizes),
      (inputs) => inputs.write(refexps, programs),
    );
  }

  /** Frees the captured updates. */
  [Symbol.dispose](): void {
    this.#updates[Symbol.dispose]();
    this.#gradients[Symbol.dispose]();
    this.#sum?.[Symbol.dispose]();
    this.#sum = null;
  }
}
