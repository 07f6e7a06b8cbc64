/** Training of IEP-Ref: the generator, the engine, or both by REINFORCE (iep-ref.md, 6). */
import { UserError } from "../../../engine/base/user_error.ts";
import { readVocabulary } from "../../../datasets/refplus/encoding/tokens.ts";
import { Device, EngineError, loadTensors, saveTensors, schedules } from "../../../engine/mod.ts";
import { LossLog, type LossWindow } from "../../run/loss_log.ts";
import { Interrupted, type TrainHooks } from "../../run/hooks.ts";
import type { RunFolder } from "../../run/run_folder.ts";
import { sayNewRules } from "../../run/version.ts";
import type { RefplusConfig } from "./config.ts";
import { sameFrame } from "../data_spec.ts";
import { checkpointTensors, factsMetadata, readRefplusCheckpoint, withAllCounts } from "../checkpoint.ts";
import { BatchOrder } from "./order.ts";
import { Samples } from "./samples.ts";
import {
  innerSteps,
  learnersOf,
  measuresOf,
  type Session,
  startingModels,
  update,
  validated,
  type Validation,
} from "./session.ts";

/** Where a run goes on. */
interface Progress {
  /** Updates done. */
  step: number;
  /** REINFORCE's moving baseline. */
  baseline: number;
}

/**
 * Trains as the folder's settings say, from its newest checkpoint if it has one. Returns the last validation; null where
 * there are no held-out expressions.
 *
 * @throws {Interrupted} after the signal is aborted and all is saved.
 * @throws {UserError} for missing or mismatched files, or a loss that is no number.
 */
export async function trainRefplus(
  folder: RunFolder<RefplusConfig>,
  hooks: TrainHooks = {},
): Promise<Validation | null> {
  const { config } = folder;
  const say = hooks.onMessage ?? (() => {});
  const newest = await folder.newestCheckpoint((path, reason) => say(`skipped ${path}: ${reason}`));
  const checkpoint = newest === null ? null : await readRefplusCheckpoint(newest);
  const vocabulary = checkpoint?.vocabulary ?? await readVocabulary(config.data.vocabulary);
  const withPictures = config.step !== "pg";
  const { trainRefexps, trainFeatures, trainSamples, valRefexps, valFeatures, valSamples } = config.data;
  using train = await Samples.open(trainRefexps, withPictures ? trainFeatures : null, vocabulary, trainSamples);
  using held = valRefexps === null
    ? null
    : await Samples.open(valRefexps, withPictures ? valFeatures : null, vocabulary, valSamples);
  const frame = withPictures ? { features: train.shape!, extractor: train.extractor, masks: train.maskSize } : null;
  if (checkpoint) sameFrame(frame, checkpoint);
  if (held && frame) {
    sameFrame({ features: held.shape!, extractor: held.extractor, masks: held.maskSize }, {
      frame,
      path: trainRefexps,
    });
  }
  const inner = await innerSteps(config, train, vocabulary);
  await using device = await Device.open({ adapter: config.adapter });
  say(`adapter: ${device.title}`);
  using models = await startingModels(device, config, vocabulary, frame, checkpoint);
  using learners = learnersOf(config, models);
  const session: Session = {
    config: { ...config, ...models.sizes },
    models,
    optimisers: learners.optimisers,
    generatorSteps: learners.generatorSteps,
    vocabulary,
    frame,
    train,
    held,
    inner,
  };
  if (!checkpoint) return await runSteps(folder, session, { step: 0, baseline: 0 }, { names: [], rows: [] }, hooks);
  const { step, baseline, bytes, path } = checkpoint;
  const { window } = loadTensors(bytes, checkpointTensors(models, session.optimisers), path, {
    complete: (tensors) => withAllCounts(tensors, session.optimisers),
  });
  say(`resuming after step ${step}`);
  sayNewRules(say, path, config);
  return await runSteps(folder, session, { step, baseline }, JSON.parse(window), hooks);
}

/** An engine that finds nothing after so many updates may never do. */
const DEAD_AFTER = 200;

async function runSteps(
  folder: RunFolder<RefplusConfig>,
  session: Session,
  progress: Progress,
  window: LossWindow,
  hooks: TrainHooks,
): Promise<Validation | null> {
  const { config, models, optimisers, train } = session;
  const order = batchOrder(config, train);
  using log = LossLog.open(folder, progress.step, window);
  const { rate, decaySteps, decayFactor, warmupSteps } = config.optimiser;
  const dropping = schedules.steps(rate, decaySteps, decayFactor);
  const schedule = warmupSteps > 0 ? schedules.warmup(warmupSteps, dropping) : dropping;
  const device = (models.engine ?? models.generator)!.device;
  let atRest: number | undefined, validation: Validation | null = null, dead = false;
  while (progress.step < config.steps) {
    const current = schedule(progress.step);
    if (optimisers.generator) optimisers.generator.rate = current;
    if (optimisers.engine) {
      optimisers.engine.rate = config.step === "joint" ? current * config.reinforce.engineRate : current;
    }
    log.add(await update(session, order.batch(progress.step), progress));
    const step = ++progress.step;
    const stopping = hooks.signal?.aborted ?? false, last = step === config.steps;
    const display = step % config.displayEvery === 0;
    const checkpoint = stopping || last || step % config.checkpointEvery === 0;
    const validate = last || step % config.validateEvery === 0;
    if (display || checkpoint || validate) await readLosses(log, step);
    if (display) {
      const { iou } = log.record(step, schedule(step - 1), derived);
      if (iou === 0 && step >= DEAD_AFTER && !dead) {
        dead = true;
        hooks.onMessage?.(
          `by step ${step} no pixel is found: a ReLU before the scores may be dead; try another --seed`,
        );
      }
    }
    if (validate) {
      validation = await validated(session, step, hooks);
      if (validation) log.note(step, measuresOf(validation));
    }
    const alive = device.memory.liveTensors - (session.generatorSteps?.tensors ?? 0);
    if (display || checkpoint || validate) atRest = checkMemory(alive, atRest);
    hooks.onStep?.(step, config.steps, log.latest);
    if (checkpoint) await save(folder, session, progress, log);
    if (stopping && !last) throw new Interrupted(step);
  }
  return validation ?? await validated(session, progress.step, hooks);
}

/** The batches of a run. */
export function batchOrder({ seed, batch, data }: RefplusConfig, train: Samples): BatchOrder {
  const lengths = Array.from({ length: train.size }, (_, i) => train.lengths(i));
  const { shuffle, likeLengths, curriculum } = data;
  try {
    return new BatchOrder(lengths, { seed, batch, shuffle, likeLengths, curriculum });
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(`data.curriculum: ${error.message}`);
    throw error;
  }
}

/** Intersections and unions, averaged over a window's updates, as one number. */
function derived({ intersection, union, ...means }: Record<string, number>): Record<string, number> {
  return union === undefined ? means : { ...means, iou: union === 0 ? 0 : intersection / union };
}

async function save(
  folder: RunFolder<RefplusConfig>,
  session: Session,
  { step, baseline }: Progress,
  log: LossLog,
): Promise<void> {
  const { config, models, optimisers, vocabulary, frame } = session;
  log.sync();
  const metadata = {
    ...factsMetadata({ step, baseline, config, vocabulary, frame }),
    window: JSON.stringify(log.window),
  };
  await folder.saveCheckpoint(step, await saveTensors(checkpointTensors(models, optimisers), metadata));
}

/** Reads the losses. Throws {@link UserError} when they are no numbers any more, before anything of it is saved. */
async function readLosses(log: LossLog, step: number): Promise<void> {
  await log.read();
  if (Number.isFinite(log.latest) || log.window.rows.length === 0) return;
  throw new UserError(
    `the loss is ${log.latest} by step ${step}: lower optimiser.rate or bound gradients by optimiser.clipNorm; ` +
      "checkpoints saved before are whole",
  );
}

/** Between steps, with all losses read, the same tensors are alive each time but those of recorded steps; returns how many. */
function checkMemory(alive: number, before: number | undefined): number {
  if (before === undefined || alive === before) return alive;
  throw new EngineError(`internal: training leaks, ${alive} tensors are alive between steps, ${before} were before`);
}
