/** Training a region classifier: data, steps, checkpoints, evaluation, the run folder. */
import { setImmediate } from "node:timers/promises";
import { type LoadedImage, Loader } from "../../datasets/images/loader.ts";
import { contextKnowledge } from "../../datasets/context/knowledge.ts";
import { edgeCounts, fitKnowledge, type Knowledge, readKnowledgeFile } from "../../datasets/knowledge/knowledge.ts";
import { type OpenHooks, openingMessages } from "../../datasets/index/cache.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { openDataset } from "../../datasets/open.ts";
import { trainingOrder, type TrainingOrderOptions } from "../../datasets/images/schedule.ts";
import type { RegionDataset } from "../../datasets/types.ts";
import {
  Adam,
  Device,
  EngineError,
  loadTensors,
  type Optimiser,
  saveTensors,
  schedules,
  SGD,
  type Tensor,
  tensorsOf,
  withUpdateCounts,
} from "../../engine/mod.ts";
import { evaluateModel } from "./evaluation/evaluate.ts";
import { LossLog, type LossWindow } from "../run/loss_log.ts";
import { planLines, runCost } from "./experiments/cost_estimate.ts";
import type { Results } from "./evaluation/results.ts";
import type { RegionModel } from "./contract.ts";
import { factsMetadata, readCheckpoint } from "./checkpoint.ts";
import { buildModel, loaderOptions } from "./build.ts";
import { TrainSteps } from "./train_steps.ts";
import type { TrainConfig } from "./config.ts";
import { Interrupted, type TrainHooks } from "../run/hooks.ts";
import { sayNewRules } from "../run/version.ts";
import { applyWeights, readStartingWeights } from "../weights/weights_file.ts";
import type { RunFolder } from "../run/run_folder.ts";

/** Everything a checkpoint holds: weights and optimiser state; step and loss window are its metadata. */
function checkpointTensors(model: RegionModel, optimiser: Optimiser): Map<string, Tensor> {
  const tensors = tensorsOf(model.parameters(), "model.");
  for (const [name, tensor] of optimiser.state) tensors.set(`optimiser.${name}`, tensor);
  return tensors;
}

/** Trains as the folder's settings say, from its newest checkpoint if it has one, and evaluates at the end. */
export async function trainModel(folder: RunFolder, hooks: TrainHooks = {}): Promise<Results> {
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
    let step = 0;
    let position = 0;
    let window: LossWindow = { names: [], rows: [] };
    if (checkpoint) {
      const metadata = loadTensors(checkpoint.bytes, checkpointTensors(model, optimiser), checkpoint.path, {
        complete: (tensors) => withUpdateCounts(tensors, optimiser, "optimiser."),
      });
      step = checkpoint.step;
      position = Number(metadata.position);
      window = JSON.parse(metadata.window);
      say(`resuming after step ${step}`);
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
    const start = { step, position, window };
    await runSteps(folder, model, optimiser, loader, { train, knowledge }, start, hooks);
  } finally {
    loader.close();
  }
  return await evaluateModel(model, test, folder, hooks);
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

/** What is known of `classes`: the graph file of the settings, what the drawn scenes bring, or nothing. */
export async function knowledgeOf(
  { dataset }: TrainConfig,
  classes: readonly string[],
  say: (text: string) => void = () => {},
): Promise<Knowledge | null> {
  if (dataset.knowledge === null) return dataset.dataset === "context" ? contextKnowledge() : null;
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

async function runSteps(
  folder: RunFolder,
  model: RegionModel,
  optimiser: Optimiser,
  loader: Loader,
  { train, knowledge }: { readonly train: RegionDataset; readonly knowledge: Knowledge | null },
  from: { readonly step: number; readonly position: number; readonly window: LossWindow },
  hooks: TrainHooks,
): Promise<void> {
  const { config } = folder;
  let { step, position } = from;
  if (step >= config.steps) return;
  using log = LossLog.open(folder, step, from.window);
  using updates = new TrainSteps(model, optimiser);
  const save = async (): Promise<void> => {
    log.sync();
    const metadata = {
      ...factsMetadata({ step, config, classes: train.classes, knowledge }),
      position: String(position),
      window: JSON.stringify(log.window),
    };
    await folder.saveCheckpoint(step, await saveTensors(checkpointTensors(model, optimiser), metadata));
  };
  const { rate, decaySteps, decayFactor, warmupSteps } = config.optimiser;
  const { device } = model;
  let atRest: number | undefined;
  const steps = schedules.steps(rate, decaySteps, decayFactor);
  const schedule = warmupSteps > 0 ? schedules.warmup(warmupSteps, steps) : steps;
  for await (const image of loader.run(trainingOrder(train, orderOf(config, position)))) {
    optimiser.rate = schedule(step);
    log.add(updates.run(image));
    step++;
    position = image.position + 1;
    // Images wait ready, so nothing else here would let a signal through before the next reading.
    await setImmediate();
    const stopping = hooks.signal?.aborted ?? false;
    const display = step % config.displayEvery === 0;
    const checkpoint = stopping || step % config.checkpointEvery === 0 || step === config.steps;
    if (display || checkpoint) await readLosses(log, step, optimiser.rate);
    if (display) await log.write(step, optimiser.rate, decayLoss(config, model));
    if (display || checkpoint) atRest = checkMemory(device.memory.liveTensors - updates.tensors, atRest);
    hooks.onStep?.(step, config.steps, log.latest);
    if (checkpoint) await save();
    if (stopping && step < config.steps) throw new Interrupted(step);
    if (step === config.steps) break;
  }
}

/** Reads the losses. Throws {@link UserError} when they are no numbers any more, before anything of it is saved. */
async function readLosses(log: LossLog, step: number, rate: number): Promise<void> {
  await log.read();
  if (Number.isFinite(log.latest)) return;
  throw new UserError(
    `the loss is ${log.latest} by step ${step}, at a rate of ${rate}: lower optimiser.rate, lengthen ` +
      "optimiser.warmupSteps or bound gradients by optimiser.clipNorm; checkpoints saved before are whole",
  );
}

/** Between steps, with all losses read, the same tensors are alive each time but those of recorded steps; returns how many. */
function checkMemory(alive: number, before: number | undefined): number {
  if (before !== undefined && alive !== before) {
    throw new EngineError(`internal: training leaks, ${alive} tensors are alive between steps, ${before} were before`);
  }
  return alive;
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
