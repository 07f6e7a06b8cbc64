/** Updates of the program generator on annotated programs. */
import { type Optimiser, reshape, StepCache, type Tensor } from "../../../engine/mod.ts";
import type { UnreadLosses } from "../../run/loss_log.ts";
import type { ProgramGenerator, Sequences } from "./program_generator.ts";
import { StaticSequences } from "./sequence_inputs.ts";

/** Updates of one run; each batch size is captured once and replayed. */
export class GeneratorUpdates implements Disposable {
  readonly #generator: ProgramGenerator;
  readonly #cache: StepCache<StaticSequences>;

  /** Trains `generator` by `optimiser`; both stay their owner's. */
  constructor(generator: ProgramGenerator, optimiser: Optimiser) {
    const { device } = generator;
    this.#generator = generator;
    // Batches of similar lengths have some hundred sizes, with little memory each.
    this.#cache = new StepCache(device, (inputs): Tensor => {
      using scope = device.scope();
      const loss = generator.lossOn(inputs);
      loss.backward();
      optimiser.step();
      generator.zeroGrad();
      return scope.keep(reshape(loss.detach(), [1]));
    }, { maxEntries: 512 });
  }

  /** Tensors that captured updates keep alive. */
  get tensors(): number {
    return this.#cache.tensors;
  }

  /** One update on expressions and their programs; the loss is still on the device. */
  run(refexps: Sequences, programs: Sequences): UnreadLosses {
    const sizes = { count: refexps.count, words: refexps.length, tokens: programs.length };
    const values = this.#cache.run(
      `${sizes.count} × ${sizes.words} → ${sizes.tokens}`,
      () => new StaticSequences(this.#generator.device, sizes),
      (inputs) => inputs.write(refexps, programs),
    );
    return { names: ["loss"], values };
  }

  /** Frees the captured updates. */
  [Symbol.dispose](): void {
    this.#cache[Symbol.dispose]();
  }
}
