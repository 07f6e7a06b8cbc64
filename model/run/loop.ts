/** The training loop that every kind of run goes through: rate, update, log, validation, checkpoint, interrupt. */
import { setImmediate } from "node:timers/promises";
import { type Device, EngineError, type NonFinite, type Tensor } from "../../engine/mod.ts";
import { type LoopStart, notFinite, saveRunCheckpoint } from "./checkpoint.ts";
import { BestTracker } from "./best.ts";
import type { RunConfig } from "./run_config.ts";
import { Interrupted, type TrainHooks } from "./hooks.ts";
import { LossLog, type Measures, type StepLosses } from "./logs/loss_log.ts";
import { anywhere, leads } from "./ranks/ranks.ts";
import type { RunFolder } from "./run_folder.ts";
import { beginSession } from "./sessions.ts";

/** A kind of run in the loop, with its models and data, which it owns. The loop knows neither images nor programs. */
export interface Learner extends AsyncDisposable {
  readonly device: Device;
  /** Model and data, on a line. */
  readonly title: string;
  /** Learning rate of the update with this number, counted from 0. */
  rate(step: number): number;
  /** One update; its losses may still be on the device. */
  update(step: number): StepLosses | Promise<StepLosses>;
  /** Tensors of a checkpoint. */
  tensors(): Map<string, Tensor>;
  /** Facts of a checkpoint beside its tensors, such as a position in the data. */
  facts(): Readonly<Record<string, string>>;
  /** Tensors that captured steps keep alive, which are no leak. */
  captured(): number;
  /** The first weight that is not finite any more, and the updates since; null where all are. Waits for the device. */
  nonFinite?(): Promise<NonFinite | null>;
  /** Figures recorded from a window's mean losses; by default these. */
  derive?(means: Measures, step: number): Measures | Promise<Measures>;
  /** Measures of held-out data, for the log; null where there is none. */
  validate?(step: number): Promise<Measures | null>;
}

/**
 * Runs the updates a run still lacks, or as many as it takes until its validations have not become better for long enough.
 * Records, checkpoints and losses are those of a run that was never stopped.
 *
 * @throws {Interrupted} after the signal is aborted and all is saved.
 * @throws {UserError} for a loss that is no number, before anything of it is saved.
 */
export async function runLoop(
  folder: RunFolder<RunConfig>,
  learner: Learner,
  start: LoopStart,
  hooks: TrainHooks = {},
): Promise<void> {
  const { steps, displayEvery, validateEvery, checkpointEvery } = folder.config;
  let { step } = start;
  await folder.keepSettings();
  if (step > 0) folder.removeOld(step);
  const best = new BestTracker(folder.config, start.best ?? null);
  if (step >= steps || best.exhausted) return;
  const dueAt = (at: number) => ({
    display: at % displayEvery === 0,
    validate: typeof validateEvery === "number" && at % validateEvery === 0,
  });
  const before = dueAt(step);
  // Records of losses have a rate, those of a validation have none.
  const { ranks } = hooks, writes = leads(ranks);
  using log = writes
    ? LossLog.open(folder, step, start.window, (r) => !("rate" in r ? before.display : before.validate))
    : LossLog.silent(start.window);
  // Earlier checkpoints count the records that end a run too.
  if (writes && start.records !== undefined && ![log.records, log.found].includes(start.records)) {
    hooks.onMessage?.(
      `${folder.file("metrics.jsonl")}: is not as it was after step ${step}; the run goes on, but its log has gaps`,
    );
  }
  const reached = writes ? beginSession(folder, learner.device.title, step) : () => {};
  let atRest: number | undefined;
  while (step < steps && !best.exhausted) {
    log.add(await learner.update(step));
    step++;
    // An update whose inputs are ready never waits: yield, so that a signal is seen.
    await setImmediate();
    // Ranks stop after the same step, whichever was asked to first.
    const stopping = await anywhere(ranks, hooks.signal?.aborted ?? false), last = step === steps;
    const due = dueAt(step), display = due.display || last;
    const checkpoint = stopping || last || step % checkpointEvery === 0;
    const validate = due.validate || last && typeof validateEvery === "number";
    if (display || checkpoint || validate) await readLosses(log, learner, step);
    const record = (): Promise<void> =>
      log.record(
        step,
        learner.rate(step - 1),
        async (means) => finite(await learner.derive?.(means, step) ?? means, step),
        // A run that goes on to more steps records as one that never ended here.
        { goesOn: !due.display },
      );
    if (display) await record();
    let improved = false;
    if (validate) {
      const measures = await learner.validate?.(step);
      if (measures) log.note(step, measures, { ends: !due.validate });
      // That of a run's end may be the best, but a run that goes on to more steps has not waited for it.
      if (measures) improved = best.take(step, measures, { extra: !due.validate });
    }
    // Its last step is logged wherever a run ends.
    if (best.exhausted && !display) await record();
    if (display || checkpoint || validate) {
      atRest = checkMemory(learner.device.memory.liveTensors - learner.captured(), atRest);
    }
    hooks.onStep?.(step, steps, log.latest);
    const whole = checkpoint || best.exhausted;
    if (whole || improved) {
      const as = [...improved ? ["best"] as const : [], ...whole ? ["step"] as const : []];
      await saveRunCheckpoint(folder, step, log, learner, { best: best.state, as, ranks });
    }
    if (whole) await reached(step);
    if (best.exhausted && !last) hooks.onMessage?.(`stopped after step ${step}: ${best.words}`);
    if (stopping && !last && !best.exhausted) throw new Interrupted(step);
  }
}

/** Reads the losses up to `step`; throws {@link UserError} naming the first loss or weight that is not finite, and its step. */
async function readLosses(log: LossLog, learner: Learner, step: number): Promise<void> {
  const [fault] = await Promise.all([learner.nonFinite?.(), log.read()]);
  const { names, rows } = log.window, first = fault ? step - fault.steps + 1 : Infinity;
  for (const [i, row] of rows.entries()) {
    const at = step - rows.length + i + 1, wrong = row.findIndex((value) => !Number.isFinite(value));
    // The loss of a step comes before its update.
    if (at > first || wrong < 0) continue;
    throw notFinite(
      `${names[wrong] ?? "the loss"} is ${row[wrong]} at step ${at}, at a rate of ${learner.rate(at - 1)}`,
    );
  }
  if (!fault) return;
  throw notFinite(
    `"${fault.name}", its gradient or the optimiser's state is not finite after step ${first}, at a rate of ` +
      `${learner.rate(first - 1)}`,
  );
}

/** The figures of a record. Throws {@link UserError} naming one that is not finite. */
function finite(figures: Measures, step: number): Measures {
  const wrong = Object.entries(figures).find(([, value]) => !Number.isFinite(value));
  if (wrong) throw notFinite(`${wrong[0]} is ${wrong[1]} after step ${step}`);
  return figures;
}

/**
 * Leak check: between steps, with all losses read, the same number of tensors is alive each time, but for those of captured
 * steps. Returns that number.
 */
function checkMemory(alive: number, before: number | undefined): number {
  if (before === undefined || alive === before) return alive;
  throw new EngineError(`internal: training leaks, ${alive} tensors are alive between steps, ${before} were before`);
}
