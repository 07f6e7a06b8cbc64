/** Training of IEP-Ref: the generator, the engine, or both by REINFORCE (papers/iep-ref.md#training). */
import { UserError } from "../../../engine/base/user_error.ts";
import { exists } from "../../../engine/base/files.ts";
import { digest } from "../../../datasets/refplus/encoding/encode.ts";
import { type Vocabulary } from "../../../datasets/refplus/encoding/tokens.ts";
import { readVocabulary } from "../../../datasets/refplus/encoding/vocabulary_file.ts";
import {
  type Device,
  loadTensors,
  type NonFinite,
  type Schedule,
  schedules,
  type Tensor,
} from "../../../engine/mod.ts";
import { openDevice } from "../../run/run_config.ts";
import type { TrainHooks } from "../../run/hooks.ts";
import { type Learner, runLoop } from "../../run/loop.ts";
import type { Measures, StepLosses } from "../../run/logs/loss_log.ts";
import { sayDevices } from "../../run/ranks/devices.ts";
import type { Ranks } from "../../run/ranks/ranks.ts";
import { announce } from "../../run/ranks/runs.ts";
import { type OpenOptions, openRun, type TrainingKind } from "../../run/open_run.ts";
import type { RunFolder } from "../../run/run_folder.ts";
import { REFPLUS_RUNS, type RefplusConfig } from "./config.ts";
import { assertSameSpec } from "../data_spec.ts";
import {
  checkedRefplus,
  checkpointTensors,
  describeRefplus,
  type RefplusCheckpoint,
  refplusFacts,
  withAllCounts,
} from "../checkpoint.ts";
import { BatchOrder } from "./order.ts";
import { Samples } from "./samples.ts";
import {
  learnersOf,
  measuresOf,
  nodeSupervision,
  startingModels,
  type TrainingState,
  update,
  validated,
  type Validation,
} from "./training_state.ts";

/**
 * Trains by the settings of a run's folder, from its newest checkpoint if it has one. Returns the last validation; null where
 * there are no held-out expressions.
 *
 * @throws {Interrupted} after the signal is aborted and all is saved.
 * @throws {UserError} for missing or mismatched files, or a loss that is no number.
 */
export async function trainRefplus(
  folder: RunFolder<RefplusConfig>,
  hooks: TrainHooks = {},
): Promise<Validation | null> {
  const { ranks } = hooks;
  if (ranks) expectParts(folder.config, ranks);
  await announce(ranks, folder);
  const { learner, start } = await openRun(folder, REFPLUS_TRAINING, hooks);
  await using _learner = learner;
  await runLoop(folder, learner, start, hooks);
  return await learner.lastValidation();
}

/** Throws {@link UserError} unless each rank has a part of a batch. */
function expectParts({ batch, accumulate }: RefplusConfig, { size }: Ranks): void {
  if (accumulate >= size) return;
  throw new UserError(
    batch < size
      ? `batch: ${batch} expressions do not make a part for each of ${size} ranks; give --batch_size ${size} --accumulate ${size}`
      : `accumulate: ${accumulate} parts of a batch are not enough for ${size} ranks; give --accumulate ${size}, or a multiple`,
  );
}

async function open(
  config: RefplusConfig,
  checkpoint: RefplusCheckpoint | null,
  { hooks = {}, repeat = Infinity, kernels }: OpenOptions = {},
): Promise<RefplusLearner> {
  const report = hooks.onMessage ?? (() => {});
  const vocabulary = await vocabularyOf(config, checkpoint);
  const withPictures = config.stage !== "pg";
  const { trainRefexps, trainFeatures, trainSamples, valRefexps, valFeatures, valSamples } = config.data;
  await using stack = new AsyncDisposableStack();
  const train = stack.use(
    await Samples.open(trainRefexps, withPictures ? trainFeatures : null, vocabulary, trainSamples),
  );
  const val = valRefexps === null
    ? null
    : stack.use(await Samples.open(valRefexps, withPictures ? valFeatures : null, vocabulary, valSamples));
  const spec = withPictures ? { features: train.shape!, extractor: train.extractor, masks: train.maskSize } : null;
  if (checkpoint) assertSameSpec(spec, checkpoint);
  if (val && spec) {
    assertSameSpec({ features: val.shape!, extractor: val.extractor, masks: val.maskSize }, {
      spec,
      path: trainRefexps,
    });
  }
  const supervision = await nodeSupervision(config, train, vocabulary);
  const device = stack.use(await openDevice(config, { kernels }));
  await sayDevices(device, hooks);
  const models = stack.use(await startingModels(device, config, vocabulary, spec, checkpoint, report));
  const learners = stack.use(learnersOf(config, models));
  const state: TrainingState = {
    config: { ...config, ...models.sizes },
    models,
    optimisers: learners.optimisers,
    generatorUpdates: learners.generatorUpdates,
    updates: learners.updates,
    vocabulary,
    spec,
    train,
    val,
    supervision,
    ranks: hooks.ranks,
  };
  if (checkpoint) {
    loadTensors(checkpoint.bytes, checkpointTensors(models, learners.optimisers), checkpoint.path, {
      complete: (tensors) => withAllCounts(tensors, learners.optimisers),
    });
  }
  return new RefplusLearner(state, { hooks, repeat, baseline: checkpoint?.baseline ?? 0, owned: stack.move() });
}

/** The vocabulary of a run; once it has begun its checkpoints hold it, and a file that is still there must be the same. */
async function vocabularyOf(
  { data: { vocabulary: path } }: RefplusConfig,
  checkpoint: RefplusCheckpoint | null,
): Promise<Vocabulary> {
  if (!checkpoint) return await readVocabulary(path);
  if (await exists(path) && await digest(await readVocabulary(path)) !== await digest(checkpoint.vocabulary)) {
    throw new UserError(
      `${path}: is another vocabulary than the run's; go on with the one it began with, or begin a new run by --name`,
    );
  }
  return checkpoint.vocabulary;
}

/** Updates after which an engine that finds no foreground is reported. */
const DEAD_AFTER = 200;

/** The models of a stage in the training loop. */
class RefplusLearner implements Learner {
  readonly device: Device;
  readonly title: string;
  readonly #state: TrainingState;
  readonly #hooks: TrainHooks;
  readonly #repeat: number;
  readonly #owned: AsyncDisposableStack;
  readonly #order: BatchOrder;
  readonly #schedule: Schedule;
  /** REINFORCE's moving baseline. */
  #baseline: number;
  #dead = false;
  #validation: Validation | null = null;

  constructor(
    state: TrainingState,
    { hooks, repeat, baseline, owned }: {
      readonly hooks: TrainHooks;
      /** Number of batches that recur. */
      readonly repeat: number;
      readonly baseline: number;
      readonly owned: AsyncDisposableStack;
    },
  ) {
    const { config, models, train } = state, { rate, decaySteps, decayFactor, warmupSteps } = config.optimiser;
    const dropping = schedules.steps(rate, decaySteps, decayFactor);
    this.device = (models.engine ?? models.generator)!.device;
    this.title = `${config.stage} by ${config.batch} expressions`;
    this.#state = state;
    this.#hooks = hooks;
    this.#repeat = repeat;
    this.#baseline = baseline;
    this.#owned = owned;
    this.#order = batchOrder(config, train);
    this.#schedule = warmupSteps > 0 ? schedules.warmup(warmupSteps, dropping) : dropping;
  }

  rate(step: number): number {
    return this.#schedule(step);
  }

  async update(step: number): Promise<StepLosses> {
    const { config, optimisers: { generator, engine } } = this.#state, rate = this.rate(step);
    if (generator) generator.rate = rate;
    if (engine) engine.rate = config.stage === "joint" ? rate * config.reinforce.engineRate : rate;
    const progress = { step, baseline: this.#baseline };
    const losses = await update(this.#state, this.#order.batch(step % this.#repeat), progress);
    this.#baseline = progress.baseline;
    return losses;
  }

  tensors(): Map<string, Tensor> {
    return checkpointTensors(this.#state.models, this.#state.optimisers);
  }

  facts(): Readonly<Record<string, string>> {
    const { config, vocabulary, spec } = this.#state;
    return refplusFacts(config, { vocabulary, spec, baseline: this.#baseline });
  }

  async nonFinite(): Promise<NonFinite | null> {
    const { generator, engine } = this.#state.optimisers;
    const [a, b] = await Promise.all([generator?.nonFinite(), engine?.nonFinite()]);
    return a && (!b || a.steps >= b.steps) ? a : b ?? null;
  }

  captured(): number {
    return this.#state.generatorUpdates?.tensors ?? 0;
  }

  /** Intersections and unions, averaged over a window's updates, as one number. */
  derive({ intersection, union, ...means }: Measures, step: number): Measures {
    if (union === undefined) return means;
    const iou = union === 0 ? 0 : intersection / union;
    if (iou === 0 && step >= DEAD_AFTER && !this.#dead) {
      this.#dead = true;
      this.#hooks.onMessage?.(
        `after ${step} updates no foreground is found: a ReLU before the scores may be dead; try another --seed`,
      );
    }
    return { ...means, iou };
  }

  async validate(step: number): Promise<Measures | null> {
    this.#validation = await validated(this.#state, step, this.#hooks);
    return this.#validation && measuresOf(this.#validation);
  }

  /** The newest measures of held-out expressions, taken now where there are none; null without such expressions. */
  async lastValidation(): Promise<Validation | null> {
    return this.#validation ?? await validated(this.#state, this.#state.config.steps, this.#hooks);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

/** Training of the module network. */
export const REFPLUS_TRAINING: TrainingKind<RefplusConfig, RefplusCheckpoint, RefplusLearner> = {
  ...REFPLUS_RUNS,
  check: checkedRefplus,
  open,
  describe: describeRefplus,
};

/** The batches of a run. */
function batchOrder({ seed, batch, data }: RefplusConfig, train: Samples): BatchOrder {
  const lengths = Array.from({ length: train.size }, (_, i) => train.lengths(i));
  const { shuffle, likeLengths, curriculum } = data;
  try {
    return new BatchOrder(lengths, { seed, batch, shuffle, likeLengths, curriculum });
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(`data.curriculum: ${error.message}`);
    throw error;
  }
}
