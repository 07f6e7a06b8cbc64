/** Training of IEP-Ref: the generator, the engine, or both by REINFORCE (papers/iep-ref.md#training). */
import { UserError } from "../../../engine/base/user_error.ts";
import { readVocabulary } from "../../../datasets/refplus/encoding/tokens.ts";
import { Device, loadTensors, type Schedule, schedules, type Tensor } from "../../../engine/mod.ts";
import type { TrainHooks } from "../../run/hooks.ts";
import { type Learner, runLoop } from "../../run/loop.ts";
import type { Measures, StepLosses } from "../../run/loss_log.ts";
import { type OpenOptions, openRun, type TrainingKind } from "../../run/open_run.ts";
import type { RunFolder } from "../../run/run_folder.ts";
import { REFPLUS_RUNS, type RefplusConfig } from "./config.ts";
import { sameFrame } from "../data_spec.ts";
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
  innerSteps,
  learnersOf,
  measuresOf,
  type Session,
  startingModels,
  update,
  validated,
  type Validation,
} from "./session.ts";

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
  const { learner, start } = await openRun(folder, REFPLUS_TRAINING, hooks);
  await using _learner = learner;
  await runLoop(folder, learner, start, hooks);
  return await learner.lastValidation();
}

async function open(
  config: RefplusConfig,
  checkpoint: RefplusCheckpoint | null,
  { hooks = {}, repeat = Infinity }: OpenOptions = {},
): Promise<RefplusLearner> {
  const say = hooks.onMessage ?? (() => {});
  const vocabulary = checkpoint?.vocabulary ?? await readVocabulary(config.data.vocabulary);
  const withPictures = config.step !== "pg";
  const { trainRefexps, trainFeatures, trainSamples, valRefexps, valFeatures, valSamples } = config.data;
  await using stack = new AsyncDisposableStack();
  const train = stack.use(
    await Samples.open(trainRefexps, withPictures ? trainFeatures : null, vocabulary, trainSamples),
  );
  const held = valRefexps === null
    ? null
    : stack.use(await Samples.open(valRefexps, withPictures ? valFeatures : null, vocabulary, valSamples));
  const frame = withPictures ? { features: train.shape!, extractor: train.extractor, masks: train.maskSize } : null;
  if (checkpoint) sameFrame(frame, checkpoint);
  if (held && frame) {
    sameFrame({ features: held.shape!, extractor: held.extractor, masks: held.maskSize }, {
      frame,
      path: trainRefexps,
    });
  }
  const inner = await innerSteps(config, train, vocabulary);
  const device = stack.use(await Device.open({ adapter: config.adapter }));
  say(`adapter: ${device.title}`);
  const models = stack.use(await startingModels(device, config, vocabulary, frame, checkpoint, say));
  const learners = stack.use(learnersOf(config, models));
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
  if (checkpoint) {
    loadTensors(checkpoint.bytes, checkpointTensors(models, learners.optimisers), checkpoint.path, {
      complete: (tensors) => withAllCounts(tensors, learners.optimisers),
    });
  }
  return new RefplusLearner(session, { hooks, repeat, baseline: checkpoint?.baseline ?? 0, owned: stack.move() });
}

/** An engine that finds nothing after so many updates may never do. */
const DEAD_AFTER = 200;

/** Either model of IEP-Ref, or both, in the training loop. */
class RefplusLearner implements Learner {
  readonly device: Device;
  readonly title: string;
  readonly #session: Session;
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
    session: Session,
    { hooks, repeat, baseline, owned }: {
      readonly hooks: TrainHooks;
      /** Number of batches that come again and again. */
      readonly repeat: number;
      readonly baseline: number;
      readonly owned: AsyncDisposableStack;
    },
  ) {
    const { config, models, train } = session, { rate, decaySteps, decayFactor, warmupSteps } = config.optimiser;
    const dropping = schedules.steps(rate, decaySteps, decayFactor);
    this.device = (models.engine ?? models.generator)!.device;
    this.title = `${config.step} by ${config.batch} expressions`;
    this.#session = session;
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
    const { config, optimisers: { generator, engine } } = this.#session, rate = this.rate(step);
    if (generator) generator.rate = rate;
    if (engine) engine.rate = config.step === "joint" ? rate * config.reinforce.engineRate : rate;
    const progress = { step, baseline: this.#baseline };
    const losses = await update(this.#session, this.#order.batch(step % this.#repeat), progress);
    this.#baseline = progress.baseline;
    return losses;
  }

  tensors(): Map<string, Tensor> {
    return checkpointTensors(this.#session.models, this.#session.optimisers);
  }

  facts(): Readonly<Record<string, string>> {
    const { config, vocabulary, frame } = this.#session;
    return refplusFacts(config, { vocabulary, frame, baseline: this.#baseline });
  }

  captured(): number {
    return this.#session.generatorSteps?.tensors ?? 0;
  }

  /** Intersections and unions, averaged over a window's updates, as one number. */
  derive({ intersection, union, ...means }: Measures, step: number): Measures {
    if (union === undefined) return means;
    const iou = union === 0 ? 0 : intersection / union;
    if (iou === 0 && step >= DEAD_AFTER && !this.#dead) {
      this.#dead = true;
      this.#hooks.onMessage?.(
        `by step ${step} no pixel is found: a ReLU before the scores may be dead; try another --seed`,
      );
    }
    return { ...means, iou };
  }

  async validate(step: number): Promise<Measures | null> {
    this.#validation = await validated(this.#session, step, this.#hooks);
    return this.#validation && measuresOf(this.#validation);
  }

  /** The newest measures of held-out expressions, taken now where there are none; null without such expressions. */
  async lastValidation(): Promise<Validation | null> {
    return this.#validation ?? await validated(this.#session, this.#session.config.steps, this.#hooks);
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
