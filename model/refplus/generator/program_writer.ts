/** Decoding of programs for many batches of expressions. */
import { StepCache } from "../../../engine/mod.ts";
import { type Choice, finished, type ProgramGenerator, type Sequences } from "./program_generator.ts";
import { StaticExpressions } from "./sequence_inputs.ts";

/** Decodes programs; greedy decoding is captured once for each batch size and replayed. */
export class ProgramWriter implements Disposable {
  readonly #generator: ProgramGenerator;
  readonly #cache: StepCache<StaticExpressions>;

  /** The generator stays its owner's. */
  constructor(generator: ProgramGenerator) {
    const { device } = generator;
    this.#generator = generator;
    this.#cache = new StepCache(device, (inputs) => device.noGrad(() => generator.decodeOn(inputs, "likeliest")));
  }

  /** The likeliest program of each expression. */
  async likeliest(refexps: Sequences): Promise<Sequences> {
    const { count, length } = refexps;
    const tokens = this.#cache.run(
      `${count} × ${length}`,
      () => new StaticExpressions(this.#generator.device, count, length),
      (inputs) => inputs.write(refexps),
    );
    const read = await tokens.data();
    tokens.dispose();
    return finished(read, count).programs;
  }

  /** A program of each expression, drawn. */
  async drawn(refexps: Sequences, choice: Exclude<Choice, "likeliest">): Promise<Sequences> {
    return (await this.#generator.decode(refexps, choice)).programs;
  }

  /** Frees the captured decodings. */
  [Symbol.dispose](): void {
    this.#cache[Symbol.dispose]();
  }
}
