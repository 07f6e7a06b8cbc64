/** Training steps of the program generator on annotated programs. */
import { type Optimiser, reshape, StepCache, type Tensor } from "../../../engine/mod.ts";
import type { UnreadLosses } from "../../run/loss_log.ts";
import type { ProgramGenerator, Sequences } from "./program_generator.ts";
import { StaticSequences } from "./sequence_inputs.ts";

/** Steps of one run; batches of equal sizes are replayed. */
export class GeneratorSteps implements Disposable {
  readonly #generator: ProgramGenerator;
  readonly #cache: StepCache<StaticSequences>;

  /** Trains `generator` by `optimiser`; both stay their owner's. */
  constructor(generator: ProgramGenerator, optimiser: Optimiser) {
    const { device } = generator;
    this.#generator = generator;
    // Batches of like lengths come in some hundred sizes, with little memory each.
    this.#cache = new StepCache(device, (inputs): Tensor => {
      using scope = device.scope();
      const loss = generator.lossOn(inputs);
      loss.backward();
      optimiser.step();
      generator.zeroGrad();
      return scope.keep(reshape(loss.detach(), [1]));
    }, { maxEntries: 512 });
  }

  /** Tensors that recorded steps keep alive. */
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

  /** Frees what was recorded. */
  [Symbol.dispose](): void {
    this.#cache[Symbol.dispose]();
  }
}
