/** What the commands of `itera refplus` have in common. */
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { Progress } from "./output.ts";

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

/** A flag's number. */
export function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It is not a number.");
  return value;
}

/** A flag's whole number from 1 on. */
export function toSize(text: string): number {
  const value = toNumber(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("It is not a whole number from 1.");
  return value;
}

/** A flag's whole number from 1 on, or −1. */
export function toCount(text: string): number {
  return Number(text) === -1 ? -1 : toSize(text);
}
