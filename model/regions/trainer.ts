/** Training a region classifier: data, steps, checkpoints, evaluation, the run folder. */
import { type LoadedImage, Loader } from "../../datasets/images/loader.ts";
import { edgeCounts, fitKnowledge, type Knowledge, readKnowledgeFile } from "../../datasets/knowledge/knowledge.ts";
import { type OpenHooks, openingMessages } from "../../datasets/index/cache.ts";
import { classDifference, matchClasses, requireRegions } from "../../datasets/match_classes.ts";
import { openDataset } from "../../datasets/open.ts";
import { DATASET_ROWS } from "../../datasets/registry.ts";
import { sampleSizes } from "../../datasets/images/sample_sizes.ts";
import { trainingOrder, type TrainingOrderOptions } from "../../datasets/images/schedule.ts";
import type { RegionDataset } from "../../datasets/types.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { withUpdateCounts } from "../../engine/internal.ts";
import {
  Adam,
  type Device,
  EngineError,
  loadTensors,
  type NonFinite,
  type Optimiser,
  type Schedule,
  schedules,
  SGD,
  type Tensor,
  tensorsOf,
} from "../../engine/mod.ts";
import { evaluateModel } from "./evaluation/evaluate.ts";
import { heldOutMeasures } from "./evaluation/held_out.ts";
import { parseRunCheckpoint } from "../run/checkpoint.ts";
import { type Learner, runLoop } from "../run/loop.ts";
import type { Measures, UnreadLosses } from "../run/logs/loss_log.ts";
import { estimateLines, runCost } from "./experiments/cost_estimate.ts";
import type { Results } from "./evaluation/results.ts";
import type { RegionModel } from "./contract.ts";
import { checkedRegions, type Checkpoint, describeRegions, regionFacts } from "./checkpoint.ts";
import { inParts, inPasses } from "./batches.ts";
import { buildModel, loaderOptions } from "./build.ts";
import { TrainSteps } from "./train_steps.ts";
import { REGION_RUNS, type TrainConfig } from "./config.ts";
import { openDevice } from "../run/run_config.ts";
import type { TrainHooks } from "../run/hooks.ts";
import { checkpointOfFirst } from "../run/ranks/exchange.ts";
import type { Ranks } from "../run/ranks/ranks.ts";
import { sayDevices } from "../run/ranks/devices.ts";
import { announce } from "../run/ranks/runs.ts";
import { type OpenOptions, openRun, type TrainingKind } from "../run/open_run.ts";
import { applyWeights } from "../weights/apply_weights.ts";
import { readStartingWeights } from "../weights/weights_file.ts";
import type { RunFolder } from "../run/run_folder.ts";

/** Trains as the folder's settings say, from its newest checkpoint if it has one, and evaluates at the end. */
export async function trainModel(folder: RunFolder<TrainConfig>, hooks: TrainHooks = {}): Promise<Results> {
  const { config } = folder, { ranks } = hooks;
  const say = hooks.onMessage ?? (() => {});
  if (ranks) expectShares(config, ranks);
  await announce(ranks, folder);
  const opened = await openSplit(config, config.dataset.testSplit, openingMessages(say));
  // What only the last table would meet is found before the first step.
  if (!config.dataset.skipBroken) await sampleSizes(opened, "all");
  const { learner, start, begins } = await openRun(folder, REGION_TRAINING, hooks);
  await using _learner = learner;
  const test = matchClasses(opened, learner.classes, `${opened.name} ${config.dataset.trainSplit}`, say);
  if (begins && hooks.estimate && !(ranks && ranks.rank > 0)) {
    for (const text of await learner.estimate(test)) say(text);
  }
  await runLoop(folder, learner, start, hooks);
  await learner.endUpdates();
  const best = config.validation.metric === null ? null : await checkpointOfFirst(
    ranks,
    () => folder.bestCheckpoint((path, reason) => say(`skipped ${path}: ${reason}`)),
  );
  if (!best) return await evaluateModel(learner.model, test, folder, hooks);
  loadTensors(best.bytes, tensorsOf(learner.model.parameters(), "model."), best.path, { allowExtra: true });
  return await evaluateModel(
    learner.model,
    test,
    folder,
    hooks,
    checkedRegions(parseRunCheckpoint(best, [REGION_RUNS])),
  );
}

/** Throws {@link UserError} unless each rank has the same number of a step's images. */
function expectShares({ batch, dataset }: TrainConfig, { size }: Ranks): void {
  if (batch % size !== 0) {
    const below = Math.floor(batch / size) * size, fits = below > 0 ? `${below} or ${below + size}` : String(size);
    throw new UserError(
      `batch: ${batch} images a step do not make equal shares of ${size} ranks; give --batch ${fits}`,
    );
  }
  if (dataset.skipBroken) {
    throw new UserError(
      "dataset.skipBroken: ranks cannot leave out images, for their shares would differ; mend or remove what `itera data check` names",
    );
  }
}

async function open(
  config: TrainConfig,
  checkpoint: Checkpoint | null,
  { hooks = {}, repeat = Infinity, kernels }: OpenOptions = {},
): Promise<RegionLearner> {
  const say = hooks.onMessage ?? (() => {});
  const train = await openSplit(config, config.dataset.trainSplit, openingMessages(say));
  const difference = checkpoint && classDifference(train.classes, checkpoint.classes, "the run");
  if (difference) {
    throw new UserError(
      `${train.name} ${train.split}: has ${difference}; go on with the data the run began with, or begin a new one by --name`,
    );
  }
  if (!checkpoint && !config.dataset.skipBroken) await sampleSizes(train, "with regions");
  await using stack = new AsyncDisposableStack();
  const device = stack.use(await openDevice(config, { kernels }));
  device.halfSaves = config.precision === "mixed";
  await sayDevices(device, hooks);
  // A run goes on with the knowledge it began with, whatever became of the file.
  const knowledge = checkpoint ? checkpoint.knowledge : await knowledgeOf(config, train.classes, say);
  if (knowledge && !checkpoint && config.model.name !== "baseline") say(describeKnowledge(knowledge));
  const model = stack.use(buildModel(device, config, train.classes.length, knowledge));
  if (config.stack && !model.stacks) {
    throw new UserError(`stack: ${config.model.name} takes images one by one; leave the setting out`);
  }
  const optimiser = stack.use(makeOptimiser(device, model, config));
  const onBroken = (path: string, reason: string): void => say(`skipped ${path}: ${reason}`);
  const loader = new Loader(train, { ...loaderOptions(config), onBroken });
  stack.defer(() => loader.close());
  const parts = {
    model,
    optimiser,
    loader,
    train,
    knowledge,
    position: checkpoint?.position ?? 0,
    repeat,
    ranks: hooks.ranks,
  };
  if (checkpoint) {
    loadTensors(checkpoint.bytes, stateOf(parts), checkpoint.path, {
      complete: (tensors) => withUpdateCounts(tensors, optimiser, "optimiser."),
    });
  } else {
    if (config.model.weights !== null) {
      const { classEdges, regionEdges } = config.model.reasoning.graph;
      const edges = { classEdges: classEdges ?? knowledge?.types ?? [], regionEdges };
      const names = { classes: train.classes, ...edges, vectors: (knowledge?.dim ?? 0) > 0 };
      say(applyWeights(model, await readStartingWeights(config.model.weights), names));
    }
    if (config.model.calibrate) model.calibrate(await firstImage(parts, config));
  }
  return new RegionLearner(config, parts, stack.move());
}

/** The parts of a learner. */
interface Parts {
  readonly model: RegionModel;
  readonly optimiser: Optimiser;
  readonly loader: Loader;
  readonly train: RegionDataset;
  readonly knowledge: Knowledge | null;
  /** Place in the order of images of the first one. */
  readonly position: number;
  /** Number of images that come again and again. */
  readonly repeat: number;
  readonly ranks?: Ranks | null | undefined;
}

/** A region classifier in the training loop: an image an update, or a batch of them. */
class RegionLearner implements Learner {
  readonly device: Device;
  readonly title: string;
  readonly #config: TrainConfig;
  readonly #parts: Parts;
  readonly #owned: AsyncDisposableStack;
  readonly #updates: TrainSteps;
  readonly #schedule: Schedule;
  /** Place in the order of images of the next one. */
  #position: number;
  #images: AsyncIterator<LoadedImage> | null = null;
  /** The split that accuracy is measured on, once it is opened. */
  #heldOut: RegionDataset | null = null;

  constructor(config: TrainConfig, parts: Parts, owned: AsyncDisposableStack) {
    const { rate, decaySteps, decayFactor, warmupSteps } = config.optimiser;
    const steps = schedules.steps(rate, decaySteps, decayFactor);
    this.device = parts.model.device;
    this.title = `${config.model.name} on ${parts.train.name}`;
    this.#config = config;
    this.#parts = parts;
    this.#owned = owned;
    this.#position = parts.position;
    this.#updates = new TrainSteps(parts.model, parts.optimiser);
    this.#schedule = warmupSteps > 0 ? schedules.warmup(warmupSteps, steps) : steps;
  }

  /** Names of the classes it learns, background first. */
  get classes(): readonly string[] {
    return this.#parts.train.classes;
  }

  /** The model that learns. */
  get model(): RegionModel {
    return this.#parts.model;
  }

  rate(step: number): number {
    return this.#schedule(step);
  }

  async update(step: number): Promise<UnreadLosses> {
    const { optimiser, ranks } = this.#parts, updates = this.#updates, config = this.#config;
    optimiser.rate = this.rate(step);
    if (config.batch === 1) return updates.run(await this.#next());
    const first = this.#position, own = ranks ? { ...config, batch: config.batch / ranks.size } : config;
    for await (const part of inParts(() => this.#next(), own)) {
      for (const images of inPasses(part, config.stack)) updates.add(...images);
    }
    if (!ranks) return updates.update();
    // The place of the next image of all ranks, none of which was left out.
    this.#position = first + config.batch;
    return await updates.updateWith(ranks);
  }

  /** The next image of the order. */
  async #next(): Promise<LoadedImage> {
    this.#images ??= this.#ordered()[Symbol.asyncIterator]();
    const { value: image, done } = await this.#images.next();
    if (done) throw new EngineError("internal: an endless order ended");
    this.#position = image.position + 1;
    return image;
  }

  #ordered(): AsyncIterable<LoadedImage> {
    const images = imagesFrom(this.#parts, this.#config, this.#position), { repeat } = this.#parts;
    return repeat < Infinity ? repeated(images, repeat * this.#config.batch) : images;
  }

  tensors(): Map<string, Tensor> {
    return stateOf(this.#parts);
  }

  facts(): Readonly<Record<string, string>> {
    const { train: { classes }, knowledge } = this.#parts;
    return { ...regionFacts({ classes, knowledge }), position: String(this.#position) };
  }

  nonFinite(): Promise<NonFinite | null> {
    return this.#parts.optimiser.nonFinite();
  }

  captured(): number {
    return this.#updates.tensors;
  }

  /** The reported total loss counts the decay of weights in. */
  async derive(means: Measures): Promise<Measures> {
    using decay = decayLoss(this.#config, this.#parts.model);
    return { ...means, total_loss: means.cross_entropy + await decay.item() };
  }

  async validate(): Promise<Measures | null> {
    const config = this.#config, { model, train } = this.#parts;
    this.#heldOut ??= matchClasses(
      await openSplit(config, config.validation.split),
      this.classes,
      `${train.name} ${train.split}`,
    );
    return await heldOutMeasures(model, this.#heldOut, config, this.#parts.ranks);
  }

  /** Estimated work and cost of a run on these settings, by a measured step; a line for each figure. */
  async estimate(test: RegionDataset): Promise<string[]> {
    const { model, optimiser, train } = this.#parts, config = this.#config;
    const image = await firstImage(this.#parts, config);
    const cost = await runCost(model, optimiser, test, image);
    return estimateLines({ config, train, image, cost, adapter: this.device.info.description });
  }

  /** Frees what only updates need; the model stays. */
  async endUpdates(): Promise<void> {
    await this.#images?.return?.();
    this.#updates[Symbol.dispose]();
    this.#parts.loader.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endUpdates();
    await this.#owned.disposeAsync();
  }
}

/** Training of region classifiers. */
export const REGION_TRAINING: TrainingKind<TrainConfig, Checkpoint, RegionLearner> = {
  ...REGION_RUNS,
  check: checkedRegions,
  open,
  describe: describeRegions,
};

/** Weights and the optimiser's state, by their names in a checkpoint. */
function stateOf({ model, optimiser }: Pick<Parts, "model" | "optimiser">): Map<string, Tensor> {
  const tensors = tensorsOf(model.parameters(), "model.");
  for (const [name, tensor] of optimiser.state) tensors.set(`optimiser.${name}`, tensor);
  return tensors;
}

/** A split of the data set a run names. Throws {@link UserError}, also where none of its images has a region. */
export async function openSplit(
  config: TrainConfig,
  split: "train" | "val" | "test",
  hooks: OpenHooks = {},
): Promise<RegionDataset> {
  const { dataset, data, options, lists, cache, reference, skipBroken } = config.dataset;
  const set = await openDataset({
    dataset,
    split,
    options,
    skipBroken,
    reference,
    pictures: config.pictures,
    ...(data === null ? {} : { data }),
    ...(lists === null ? {} : { lists }),
    ...(cache === null ? {} : { cache }),
  }, hooks);
  requireRegions(set);
  return set;
}

/** Names in a message; more are counted. */
const NAMED = 5;

/** Knowledge of `classes`: from the graph file of the settings, from the data set itself, or null. */
async function knowledgeOf(
  { dataset }: TrainConfig,
  classes: readonly string[],
  say: (text: string) => void = () => {},
): Promise<Knowledge | null> {
  if (dataset.knowledge === null) return DATASET_ROWS[dataset.dataset].knowledge?.() ?? null;
  const path = dataset.knowledge, file = await readKnowledgeFile(path);
  const known = new Set(file.classes), missing = classes.slice(1).filter((name) => !known.has(name));
  if (missing.length === classes.length - 1) {
    const none = `knows none of the ${missing.length} classes (${listed(missing)})`;
    throw new UserError(`${path}: ${none}; give the graph of this data set, as itera graph build writes it`);
  }
  const { knowledge, dropped } = fitKnowledge(file, classes);
  if (dropped > 0) say(`${path}: ${dropped} of its classes are not in the data set and were left out`);
  if (missing.length > 0) {
    const lacks = `lacks ${missing.length} classes of the data set, which get neither edges nor vectors`;
    say(`${path}: ${lacks}: ${listed(missing)}`);
  }
  return knowledge;
}

function listed(names: readonly string[]): string {
  return names.slice(0, NAMED).join(", ") + (names.length > NAMED ? ", …" : "");
}

/** Edge types and counts on one line. */
function describeKnowledge(knowledge: Knowledge): string {
  const counts = edgeCounts(knowledge).map(({ type, edges }) => `${edges} ${type}`);
  return `knowledge graph: ${counts.join(", ") || "no edges"}`;
}

/** The optimiser of a run's settings. */
function makeOptimiser(device: Device, model: RegionModel, { optimiser: o }: TrainConfig): Optimiser {
  const options = {
    rate: o.rate,
    weightDecay: o.weightDecay,
    biasRateFactor: o.doubleBias ? 2 : 1,
    unused: o.unused,
    ...(o.clipNorm === null ? {} : { clipNorm: o.clipNorm }),
  };
  return o.kind === "adam"
    ? new Adam(device, model.trainable(), { ...options, betas: [o.momentum, 0.999] })
    : new SGD(device, model.trainable(), { ...options, momentum: o.momentum });
}

/** ½ λ Σ w² over decayed weights, as a tensor: the regulariser of the reported total loss. */
function decayLoss(config: TrainConfig, model: RegionModel): Tensor {
  const { device } = model;
  return device.noGrad(() => {
    using scope = device.scope();
    let total = device.zeros([]);
    for (const { tensor, decay } of model.parameters()) if (decay) total = total.add(tensor.mul(tensor).sum());
    return scope.keep(total.mul(0.5 * config.optimiser.weightDecay)).unscoped();
  });
}

/** The order of a run's images from position `first` on. */
function orderOf({ seed, flip, dataset }: TrainConfig, first: number): TrainingOrderOptions {
  return { seed, flip, first, reference: dataset.reference.dropLastEntry };
}

/** The images of training from a position on, without end; of several ranks, this one's share. */
function imagesFrom(
  { loader, train, ranks }: Pick<Parts, "loader" | "train" | "ranks">,
  config: TrainConfig,
  position: number,
): AsyncIterable<LoadedImage> {
  const order = trainingOrder(train, orderOf(config, position));
  return loader.run(ranks ? everyOther(order, ranks) : order);
}

/** Every `size`-th of an order, from the rank's own on. */
function* everyOther<T>(order: Iterable<T>, { rank, size }: Pick<Ranks, "rank" | "size">): Generator<T> {
  let at = 0;
  for (const entry of order) if (at++ % size === rank) yield entry;
}

/** The first `count` images, again and again, without loading them anew. */
async function* repeated(images: AsyncIterable<LoadedImage>, count: number): AsyncGenerator<LoadedImage> {
  const held: LoadedImage[] = [];
  for await (const image of images) if (held.push(image) === count) break;
  for (;;) yield* held;
}

/** The first image of the training order: what gives random weights' frozen normalisation its statistics. */
async function firstImage({ loader, train }: Parts, config: TrainConfig): Promise<LoadedImage> {
  for await (const image of imagesFrom({ loader, train }, config, 0)) return image;
  throw new EngineError("internal: an endless order ended");
}
