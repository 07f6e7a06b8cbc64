/** The best validation of a run by a named measure, the checkpoint kept of it, and when a run has waited long enough for a better. */
import { z } from "../../engine/base/packages/zod.ts";
import { UserError } from "../../engine/base/user_error.ts";
import type { Measures } from "./logs/loss_log.ts";
import type { RunConfig } from "./run_config.ts";

/** The best validation so far, as a checkpoint has it. */
export interface BestSoFar {
  /** Updates done when it was measured. */
  readonly step: number;
  /** Its measure; higher is better. */
  readonly value: number;
  /** Validations since then. */
  readonly waited: number;
}

/** The same in a checkpoint's metadata. */
export const bestSchema = z.object({ step: z.int().min(0), value: z.number(), waited: z.int().min(0) });

/** A run's validations, compared by the measure that its settings name; without one nothing is kept. */
export class BestTracker {
  readonly #metric: string | null;
  readonly #patience: number;
  #state: BestSoFar | null;

  /** Goes on from what a checkpoint had; from nothing for a new run. */
  constructor({ validation }: Pick<RunConfig, "validation">, start: BestSoFar | null) {
    this.#metric = validation?.metric ?? null;
    this.#patience = validation?.patience ?? Infinity;
    this.#state = start;
  }

  /** The best so far; null before the first validation, and where no measure is named. */
  get state(): BestSoFar | null {
    return this.#state;
  }

  /** True where so many validations in a row were no better that the run ends. */
  get exhausted(): boolean {
    return this.#state !== null && this.#state.waited >= this.#patience;
  }

  /**
   * Takes a validation; returns true where it is better than all before. An `extra` one, beside those at equal distances, is
   * not waited for.
   *
   * @throws {UserError} where it lacks the measure.
   */
  take(step: number, measures: Measures, { extra = false }: { readonly extra?: boolean } = {}): boolean {
    if (this.#metric === null) return false;
    const value = measures[this.#metric];
    if (value === undefined) {
      const known = Object.keys(measures).join(", ");
      throw new UserError(`validation.metric: "${this.#metric}" is not measured; this run measures ${known}`);
    }
    const better = this.#state === null || value > this.#state.value;
    const { waited = 0 } = this.#state ?? {};
    this.#state = better ? { step, value, waited: 0 } : { ...this.#state!, waited: waited + (extra ? 0 : 1) };
    return better;
  }

  /** The end of a run that was stopped early, in words. */
  get words(): string {
    const { step, value, waited } = this.#state!;
    return `${this.#metric} has not risen for ${waited} validations: the best was ${
      value.toFixed(4)
    } after step ${step}`;
  }
}
