/** Training at a terminal: bars, Ctrl-C, and the results printed at the end. */
import { join } from "node:path";
import { newConfig } from "../../model/regions/config.ts";
import { compare } from "../../model/regions/experiments/comparison.ts";
import type { Experiment, MemberResults } from "../../model/regions/experiments/experiment.ts";
import { comparisonTables, saveComparison } from "../../model/regions/experiments/experiment_report.ts";
import { distanceTable, type Results, resultsTable } from "../../model/regions/evaluation/results.ts";
import { duration } from "../../engine/base/duration.ts";
import { Interrupted, type TrainHooks } from "../../model/run/hooks.ts";
import { currentRanks } from "../ranks/current.ts";
import { Stopped } from "./failure.ts";
import { fact, notice, Progress, table } from "./output.ts";

/** Units in which bars count. */
export interface Units {
  readonly training: string;
  readonly evaluating: string;
}

/** Units of the module network's trainings. */
export const UPDATES: Units = { training: "updates", evaluating: "expressions" };

/** Units of a region classifier: images, or the steps of batches. */
export function unitsOf(batch: number): Units {
  return { training: batch > 1 ? "steps" : "images", evaluating: "images" };
}

/**
 * Runs `work` with hooks that draw bars, counted in `units`. Ctrl-C, or the end of the
 * terminal, finishes the step and saves; a second one stops at once.
 * Throws {@link Stopped} after Ctrl-C.
 */
export async function training<T>(work: (hooks: TrainHooks) => Promise<T>, units = unitsOf(1)): Promise<T> {
  const stop = new AbortController();
  let bars = newBars(units);
  const signals = Deno.build.os === "windows" ? ["SIGINT"] as const : ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const ignore = (): void => {
    for (const signal of signals) Deno.removeSignalListener(signal, interrupt);
  };
  const interrupt = (): void => {
    // Without a listener the next signal ends the process as the system does it; an orderly exit in the middle of the
    // device's work would have the driver's threads run into memory that is gone.
    ignore();
    stop.abort();
    bars.training.notice("stopping after this step; press Ctrl-C again to stop at once");
  };
  for (const signal of signals) Deno.addSignalListener(signal, interrupt);
  const start = performance.now();
  try {
    const result = await work({
      signal: stop.signal,
      ranks: currentRanks(),
      onMessage: (text) => bars.training.notice(text),
      onStep: (done, of, loss) => {
        if (bars.evaluated) {
          bars.close();
          bars = newBars(units);
        }
        bars.training.update(done, of, Number.isFinite(loss) ? `loss ${loss.toFixed(4)}` : "");
      },
      onEvaluate: (done, of) => {
        if (stop.signal.aborted) {
          throw new Stopped("stopped while evaluating; the training is saved, --resume evaluates");
        }
        bars.evaluated = true;
        bars.evaluating.update(done, of);
      },
    });
    bars.close();
    notice(`done in ${duration((performance.now() - start) / 1000)}`);
    return result;
  } catch (error) {
    if (error instanceof Interrupted) throw new Stopped(error.message, { cause: error });
    throw error;
  } finally {
    bars.close();
    ignore();
  }
}

/** Bars of one run; the next run of an experiment gets new ones. */
function newBars(units: Units) {
  const bars = {
    training: new Progress("training", units.training),
    evaluating: new Progress("evaluating", units.evaluating),
  };
  const close = (): void => Object.values(bars).forEach((bar) => bar[Symbol.dispose]());
  return { ...bars, evaluated: false, close };
}

/** Trains what an experiment still lacks; returns the results of all its runs. */
export async function trainExperiment(experiment: Experiment): Promise<MemberResults[]> {
  fact("experiment", experiment.path);
  const { batch } = newConfig([{ source: experiment.path, value: experiment.members[0].settings }]);
  return await training((hooks) =>
    experiment.run(hooks, ({ folder }, index) => {
      notice(`run ${index + 1} of ${experiment.members.length}: ${folder}`);
    }), unitsOf(batch));
}

/** Trains what an experiment still lacks, prints the comparison and writes it down. */
export async function runExperiment(experiment: Experiment): Promise<void> {
  const done = await trainExperiment(experiment), comparison = compare(done);
  await saveComparison(experiment, comparison, done);
  for (const part of comparisonTables(comparison)) table(part);
  fact("report", join(experiment.path, "report.html"));
}

/** Prints the results of one run. */
export function printResults(results: Results): void {
  table(resultsTable(results));
  const distances = distanceTable(results);
  if (distances) table(distances);
}
