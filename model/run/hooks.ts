/** Watching and stopping a training run. */
import type { Ranks } from "./ranks/ranks.ts";

/** Callbacks of a training run, and its signal to stop. */
export interface TrainHooks {
  /** Called with lines worth printing: adapter, resume point, skipped images. */
  readonly onMessage?: (text: string) => void;
  /** After every step: steps done, of how many, and the latest mean loss read back. */
  readonly onStep?: (done: number, of: number, loss: number) => void;
  /** While evaluating: images done, of how many. */
  readonly onEvaluate?: (done: number, of: number) => void;
  /** Aborting it finishes the step, saves and throws {@link Interrupted}. */
  readonly signal?: AbortSignal;
  /** Before a run begins, measure a step and print the estimated work and cost; default false. */
  readonly estimate?: boolean;
  /** Processes that train together, this one among them; null or absent where it is alone. */
  readonly ranks?: Ranks | null;
}

/** Training was stopped on request; everything up to `step` is saved. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** Steps done and saved. */
  readonly step: number;

  /** After `step` steps. */
  constructor(step: number) {
    super(`stopped after step ${step}; everything is saved, --resume goes on from there`);
    this.step = step;
  }
}
