/** Shares of the time budget by phase, and the list of items for which no time was left. */
import { firstLine } from "../peers/open.ts";
import type { PhaseName } from "./options.ts";
import type { Report } from "./report.ts";

/** A piece of work that is done or not done as a whole. */
export interface Item {
  readonly name: string;
  /** `deadline` is when its phase should end, on the clock of `performance.now()`. */
  readonly run: (deadline: number) => Promise<void>;
}

/** A part of the run. */
export interface Phase {
  readonly name: PhaseName;
  /** Share of the time, relative to the other phases'. What a phase leaves goes to those after it. */
  readonly weight: number;
  /** Items that run side by side; 1 by default: what is timed wants the machine to itself. */
  readonly together?: number;
  readonly items: () => Item[] | Promise<Item[]>;
  /** Called when the phase is over, with whatever it found. */
  readonly done?: () => void;
}

/** An item that cannot be done on this machine, which is no failure. */
export class Skip extends Error {
  /** Name that distinguishes it from other errors. */
  override readonly name = "Skip";
}

/** Runs the phases in order until `end`; fills `notRun` and `failures`. Times are those of `now`, in ms. */
export async function runPhases(
  phases: readonly Phase[],
  end: number,
  report: Pick<Report, "notRun" | "failures">,
  { now = () => performance.now(), progress = (_: string): void => {} } = {},
): Promise<void> {
  const timeUp = Symbol();
  let timer: ReturnType<typeof setTimeout> | undefined, isUp = false;
  const up = new Promise<typeof timeUp>((resolve) => timer = setTimeout(resolve, end - now(), timeUp));
  up.then(() => isUp = true);
  // A timer may be early by the clock.
  const past = (time: number): boolean => isUp || now() >= time;
  for (const [at, phase] of phases.entries()) {
    const deadline = deadlineOf(phases.slice(at).map(({ weight }) => weight), now(), end);
    const leave = (name: string, why: string): void => void report.notRun.push({ phase: phase.name, name, why });
    const attempt = async <T>(name: string, work: () => Promise<T> | T): Promise<T | undefined> => {
      try {
        const result = await Promise.race([work(), up]);
        if (result !== timeUp) return result as T;
        leave(name, "cut off at the end of the time budget");
      } catch (error) {
        if (error instanceof Skip) leave(name, error.message);
        else report.failures.push({ phase: phase.name, name, message: firstLine(error) });
      }
    };
    if (past(end)) {
      leave("everything", "no time was left");
      continue;
    }
    const queue = [...await attempt("everything", phase.items) ?? []];
    const work = async (): Promise<void> => {
      for (let item = queue.shift(); item; item = queue.shift()) {
        const { name, run } = item;
        if (past(deadline)) {
          leave(name, "no time was left");
          continue;
        }
        progress(`${phase.name}: ${name}`);
        await attempt(name, () => run(deadline));
      }
    };
    await Promise.all(Array.from({ length: phase.together ?? 1 }, work));
    phase.done?.();
  }
  clearTimeout(timer);
}

/** Time at which the first of several phases should end, so that each gets its share of the time until `end`. */
export function deadlineOf(weights: readonly number[], now: number, end: number): number {
  return now + Math.max(0, end - now) * weights[0] / weights.reduce((sum, weight) => sum + weight, 0);
}
