/** What the commands of `itera refplus` have in common. */
import { Progress } from "../terminal/output.ts";

/** Switches as the reference has them. */
export const SWITCH = ["0", "1"] as const;

/** One bar after another, each named by what is being done. */
export class Stages implements Disposable {
  #stage = "";
  #progress: Progress | undefined;

  /** `done` of `of` units of a stage are done. */
  update(stage: string, unit: string, done: number, of: number, detail = ""): void {
    if (stage !== this.#stage) {
      this[Symbol.dispose]();
      this.#progress = new Progress(stage, unit);
      this.#stage = stage;
    }
    this.#progress!.update(done, of, detail);
  }

  /** Ends the bar. */
  [Symbol.dispose](): void {
    this.#progress?.[Symbol.dispose]();
  }
}
