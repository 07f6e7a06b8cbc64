/** Progress of checks, where their results are printed only at the end. */
import { Progress } from "../terminal/output.ts";
import type { Checked } from "./check.ts";

/** Sees what a run of checks comes to. */
export interface Watcher {
  /** Takes the number of reports to come. */
  planned(count: number): void;
  /** Takes a report. */
  report(report: Checked): void;
}

/** Progress of several runs as one, shown once all of them have said how much they check. */
export class CheckProgress implements Watcher, Disposable {
  readonly #bar: Progress;
  #waiting: number;
  #total = 0;
  #done = 0;

  /** Progress of `runs` runs of checks; `bar` shows it. */
  constructor(runs: number, bar: Progress = new Progress("checked", "ops")) {
    this.#waiting = runs;
    this.#bar = bar;
  }

  planned(count: number): void {
    this.#waiting--;
    this.#total += count;
    this.#show();
  }

  report({ subject, kernels }: Pick<Checked, "subject" | "kernels">): void {
    this.#done++;
    this.#show(`${subject}, ${kernels}`);
  }

  #show(detail = ""): void {
    if (this.#waiting === 0) this.#bar.update(this.#done, this.#total, detail);
  }

  [Symbol.dispose](): void {
    this.#bar[Symbol.dispose]();
  }
}

/** The line in which a process says how far it is, where its standard error is no terminal. */
const LINE = /^checked (\d+)\/(\d+) {2}/;

/** Ops done and ops in all that a line of a process reports; null for another line. */
export function progressIn(line: string): readonly [done: number, of: number] | null {
  const found = LINE.exec(line);
  return found ? [Number(found[1]), Number(found[2])] : null;
}
