/** Training a region classifier: data, steps, checkpoints, evaluation, the run folder. */
import { type LoadedImage, Loader } from "../../datasets/images/loader.ts";
import { edgeCounts, fitKnowledge, type Knowledge, readKnowledgeFile } from "../../datasets/knowledge/knowledge.ts";
import { type OpenHooks, openingMessages } from "../../datasets/index/cache.ts";
import { openDataset } from "../../datasets/open.ts";
import { DATASET_ROWS } from "../../datasets/registry.ts";
import { trainingOrder, type TrainingOrderOptions } from "../../datasets/images/schedule.ts";
import type { RegionDataset } from "../../datasets/types.ts";
import { withUpdateCounts } from "../../engine/internal.ts";
import {
  Adam,
  Device,
  EngineError,
  loadTensors,
  type Optimiser,
  type Schedule,
  schedules,
  SGD,
  type Tensor,
  tensorsOf,
} from "../../engine/mod.ts";
import { evaluateModel } from "./evaluation/evaluate.ts";
import { BEGINNING, startOf } from "../run/checkpoint.ts";
import { type Learner, runLoop } from "../run/loop.ts";
import type { Measures, UnreadLosses } from "../run/loss_log.ts";
import { planLines, runCost } from "./experiments/cost_estimate.ts";
import type { Results } from "./evaluation/results.ts";
import type { RegionModel } from "./contract.ts";
import { type Checkpoint, readCheckpoint, regionFacts } from "./checkpoint.ts";
import { buildModel, loaderOptions } from "./build.ts";
import { TrainSteps } from "./train_steps.ts";
import type { TrainConfig } from "./config.ts";
import type { TrainHooks } from "../run/hooks.ts";
import { sayNewRules } from "../run/version.ts";
import { applyWeights, readStartingWeights } from "../weights/weights_file.ts";
import type { RunFolder } from "../run/run_folder.ts";

/** Trains as the folder's settings say, from its newest checkpoint if it has one, and evaluates at the end. */
export async function trainModel(folder: RunFolder<TrainConfig>, hooks: TrainHooks = {}): Promise<Results> {
  const { config } = folder;
  const say = hooks.onMessage ?? (() => {});
  const opening = openingMessages(say);
  const train = await openSplit(config, config.dataset.trainSplit, opening);
  const test = await openSplit(config, config.dataset.testSplit, opening);
  await using device = await Device.open({ adapter: config.adapter });
  device.halfSaves = config.precision === "mixed";
  say(`adapter: ${device.title}`);
  const onBroken = (path: string, reason: string): void => say(`skipped ${path}: ${reason}`);
  const newest = await folder.newestCheckpoint(onBroken);
  const checkpoint = newest === null ? null : await readCheckpoint(newest);
  // A run goes on with the knowledge it began with, whatever became of the file.
  const knowledge = checkpoint ? checkpoint.knowledge : await knowledgeOf(config, train.classes, say);
  if (knowledge && !checkpoint && config.model.name !== "baseline") say(describe(knowledge));
  using model = buildModel(device, config, train.classes.length, knowledge);
  using optimiser = makeOptimiser(device, model, config);
  const loader = new Loader(train, { ...loaderOptions(config), onBroken });
  try {
    await using learner = new RegionLearner(config, { model, optimiser, loader, train, knowledge });
    if (checkpoint) {
      learner.restore(checkpoint);
      say(`resuming after step ${checkpoint.step}`);
      sayNewRules(say, checkpoint.path, config);
    } else {
      if (config.model.weights !== null) say(applyWeights(model, await readStartingWeights(config.model.weights)));
      const image = await firstImage(loader, train, config);
      if (config.model.calibrate) model.calibrate(image);
      if (hooks.plan) {
        const cost = await runCost(model, optimiser, test, image);
        for (const text of planLines({ config, train, image, cost, adapter: device.info.description })) say(text);
      }
    }
    await runLoop(folder, learner, checkpoint ? startOf(checkpoint) : BEGINNING, hooks);
  } finally {
    loader.close();
  }
  return await evaluateModel(model, test, folder, hooks);
}

/** Parts that a region classifier learns with. */
interface Parts {
  readonly model: RegionModel;
  readonly optimiser: Optimiser;
  readonly loader: Loader;
  readonly train: RegionDataset;
  readonly knowledge: Knowledge | null;
}

/** A region classifier in the training loop: one image an update. */
class RegionLearner implements Learner, AsyncDisposable {
  readonly device: Device;
  readonly #config: TrainConfig;
  readonly #parts: Parts;
  readonly #updates: TrainSteps;
  readonly #schedule: Schedule;
  /** Place in the order of images of the next one. */
  #position = 0;
  #images: AsyncIterator<LoadedImage> | null = null;

  constructor(config: TrainConfig, parts: Parts) {
    const { rate, decaySteps, decayFactor, warmupSteps } = config.optimiser;
    const steps = schedules.steps(rate, decaySteps, decayFactor);
    this.device = parts.model.device;
    this.#config = config;
    this.#parts = parts;
    this.#updates = new TrainSteps(parts.model, parts.optimiser);
    this.#schedule = warmupSteps > 0 ? schedules.warmup(warmupSteps, steps) : steps;
  }

  /** Goes on where a checkpoint was saved. */
  restore({ bytes, path, position }: Checkpoint): void {
    const { optimiser } = this.#parts;
    loadTensors(bytes, this.tensors(), path, {
      complete: (tensors) => withUpdateCounts(tensors, optimiser, "optimiser."),
    });
    this.#position = position;
  }

  rate(step: number): number {
    return this.#schedule(step);
  }

  async update(step: number): Promise<UnreadLosses> {
    const { train, loader, optimiser } = this.#parts;
    this.#images ??= loader.run(trainingOrder(train, orderOf(this.#config, this.#position)))[Symbol.asyncIterator]();
    const { value: image, done } = await this.#images.next();
    if (done) throw new EngineError("internal: an endless order ended");
    optimiser.rate = this.rate(step);
    const losses = this.#updates.run(image);
    this.#position = image.position + 1;
    return losses;
  }

  tensors(): Map<string, Tensor> {
    const { model, optimiser } = this.#parts;
    const tensors = tensorsOf(model.parameters(), "model.");
    for (const [name, tensor] of optimiser.state) tensors.set(`optimiser.${name}`, tensor);
    return tensors;
  }

  facts(): Readonly<Record<string, string>> {
    const { train: { classes }, knowledge } = this.#parts;
    return { ...regionFacts({ classes, knowledge }), position: String(this.#position) };
  }

  captured(): number {
    return this.#updates.tensors;
  }

  /** The reported total loss counts the decay of weights in. */
  async derive(means: Measures): Promise<Measures> {
    using decay = decayLoss(this.#config, this.#parts.model);
    return { ...means, total_loss: means.cross_entropy + await decay.item() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#images?.return?.();
    this.#updates[Symbol.dispose]();
  }
}

/** A split of the data set a run names. */
export async function openSplit(
  config: TrainConfig,
  split: "train" | "val" | "test",
  hooks: OpenHooks = {},
): Promise<RegionDataset> {
  const { dataset, data, lists, cache, reference, skipBroken } = config.dataset;
  return await openDataset({
    dataset,
    split,
    skipBroken,
    reference,
    ...(data === null ? {} : { data }),
    ...(lists === null ? {} : { lists }),
    ...(cache === null ? {} : { cache }),
  }, hooks);
}

/** Knowledge of `classes`: from the graph file of the settings, from the data set itself, or null. */
export async function knowledgeOf(
  { dataset }: TrainConfig,
  classes: readonly string[],
  say: (text: string) => void = () => {},
): Promise<Knowledge | null> {
  if (dataset.knowledge === null) return DATASET_ROWS[dataset.dataset].knowledge?.() ?? null;
  const { knowledge, dropped } = fitKnowledge(await readKnowledgeFile(dataset.knowledge), classes);
  if (dropped > 0) say(`${dataset.knowledge}: ${dropped} of its classes are not in the data set and were left out`);
  return knowledge;
}

/** Edge types and counts on one line. */
function describe(knowledge: Knowledge): string {
  const counts = edgeCounts(knowledge).map(({ type, edges }) => `${edges} ${type}`);
  return `knowledge graph: ${counts.join(", ") || "no edges"}`;
}

/** The optimiser of a run's settings. */
export function makeOptimiser(device: Device, model: RegionModel, { optimiser: o }: TrainConfig): Optimiser {
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
export function orderOf({ seed, flip, dataset }: TrainConfig, first: number): TrainingOrderOptions {
  return { seed, flip, first, reference: dataset.reference.dropLastEntry };
}

/** The first image of the training order: what gives random weights' frozen normalisation its statistics. */
async function firstImage(loader: Loader, train: RegionDataset, config: TrainConfig): Promise<LoadedImage> {
  for await (const image of loader.run(trainingOrder(train, orderOf(config, 0)))) return image;
  throw new EngineError("internal: an endless order ended");
}
