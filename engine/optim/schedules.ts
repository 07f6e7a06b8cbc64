/** Learning rates that change with the step. */
import { ShapeError } from "../base/errors.ts";
import { expectFinite, expectFunction, expectNumbers } from "../base/given.ts";

/** Learning rate as a function of the step, counted from 0. */
export type Schedule = (step: number) => number;

/**
 * Schedules by name.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { schedules } from "@itera/itera/engine";
 *
 * deepStrictEqual([0, 9, 10].map(schedules.steps(1, [10], 0.5)), [1, 1, 0.5]);
 * deepStrictEqual([0, 4].map(schedules.cosine(1, 4)), [1, 0]);
 * deepStrictEqual([0, 1, 2].map(schedules.warmup(2, schedules.constant(1))), [0.5, 1, 1]);
 * ```
 */
export const schedules: {
  readonly constant: (rate: number) => Schedule;
  readonly steps: (rate: number, boundaries: readonly number[], factor?: number) => Schedule;
  readonly cosine: (rate: number, steps: number) => Schedule;
  readonly warmup: (steps: number, then: Schedule) => Schedule;
} = {
  /** The same rate throughout. */
  constant: (rate) => {
    expectFinite("schedules.constant", "rate", rate);
    return () => rate;
  },
  /** `rate`, times `factor` (0.1) once for every boundary already reached. */
  steps: (rate, boundaries, factor = 0.1) => {
    expectFinite("schedules.steps", "rate", rate);
    expectNumbers("schedules.steps", "boundaries", boundaries);
    expectFinite("schedules.steps", "factor", factor);
    return (step) => rate * factor ** boundaries.filter((b) => step >= b).length;
  },
  /** Half a cosine from `rate` to 0 over `steps`. */
  cosine: (rate, steps) => {
    expectFinite("schedules.cosine", "rate", rate);
    expectFinite("schedules.cosine", "steps", steps);
    if (!(steps > 0)) throw new ShapeError(`cosine: ${steps} steps`);
    return (step) => rate * 0.5 * (1 + Math.cos(Math.PI * Math.min(step, steps) / steps));
  },
  /** Rises linearly over the first `steps`, then follows another schedule. */
  warmup: (steps, then) => {
    expectFinite("schedules.warmup", "steps", steps);
    expectFunction("schedules.warmup", "what follows", then);
    return (step) => then(step) * Math.min(1, (step + 1) / Math.max(1, steps));
  },
};
