/** Training steps of the program generator on annotated programs. */
import { Replays } from "../../../engine/internal.ts";
import { type Optimiser, reshape, type Tensor } from "../../../engine/mod.ts";
import type { UnreadLosses } from "../../run/loss_log.ts";
import type { ProgramGenerator, Sequences } from "./program_generator.ts";
import { SequenceSlots } from "./sequence_inputs.ts";

/** Steps of one run; batches of equal sizes are replayed. */
export class GeneratorSteps implements Disposable {
  readonly #generator: ProgramGenerator;
  readonly #replays: Replays<SequenceSlots>;

  /** Trains `generator` by `optimiser`; both stay their owner's. */
  constructor(generator: ProgramGenerator, optimiser: Optimiser) {
    const { device } = generator;
    this.#generator = generator;
    // Batches of like lengths come in some hundred sizes, with little memory each.
    this.#replays = new Replays(device, (room): Tensor => {
      using scope = device.scope();
      const loss = generator.lossOn(room);
      loss.backward();
      optimiser.step();
      generator.zeroGrad();
      return scope.keep(reshape(loss.detach(), [1]));
    }, { most: 512 });
  }

  /** Tensors that recorded steps keep alive. */
  get tensors(): number {
    return this.#replays.tensors;
  }

  /** One update on expressions and their programs; the loss is still on the device. */
  run(refexps: Sequences, programs: Sequences): UnreadLosses {
    const sizes = { count: refexps.count, words: refexps.length, tokens: programs.length };
    const values = this.#replays.run(
      `${sizes.count} × ${sizes.words} → ${sizes.tokens}`,
      () => new SequenceSlots(this.#generator.device, sizes),
      (room) => room.write(refexps, programs),
    );
    return { names: ["loss"], values };
  }

  /** Frees what was recorded. */
  [Symbol.dispose](): void {
    this.#replays[Symbol.dispose]();
  }
}
