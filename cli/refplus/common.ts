/** Helpers shared by the commands of `itera refplus`. */
import { Progress } from "../terminal/output.ts";

/** Values of switches, as in the reference. */
export const SWITCH = ["0", "1"] as const;

/** Progress bars, one after another, each with the name of a phase. */
export class Phases implements Disposable {
  #phase = "";
  #progress: Progress | undefined;

  /** `done` of `of` units of a phase are done. */
  update(phase: string, unit: string, done: number, of: number, detail = ""): void {
    if (phase !== this.#phase) {
      this[Symbol.dispose]();
      this.#progress = new Progress(phase, unit);
      this.#phase = phase;
    }
    this.#progress!.update(done, of, detail);
  }

  /** Ends the bar. */
  [Symbol.dispose](): void {
    this.#progress?.[Symbol.dispose]();
  }
}
