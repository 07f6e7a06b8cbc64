/** Training a region classifier: data, steps, checkpoints, evaluation, the run folder. */
import { type LoadedImage, Loader } from "../datasets/loader.ts";
import { openDataset } from "../datasets/open.ts";
import { evaluationOrder, trainingOrder } from "../datasets/schedule.ts";

import type { RegionDataset } from "../datasets/types.ts";
import {
  crossEntropy,
  Device,
  EngineError,
  loadTensors,
  saveTensors,
  schedules,
  SGD,
  type Tensor,
  tensorsOf,
} from "../engine/mod.ts";
import { BaselineClassifier } from "./baseline.ts";
import { scoreSplit } from "./evaluate.ts";
import { gallery } from "./gallery.ts";
import { LossLog } from "./loss_log.ts";
import { type Results, resultsOf, saveResults } from "./results.ts";
import { buildModel, loaderOptions } from "./setup.ts";
import type { TrainConfig } from "./run/config.ts";
import type { RunFolder } from "./run/run_folder.ts";

/** What a caller may watch and stop. */
export interface TrainHooks {
  /** A line worth telling: adapter, resume point, skipped images. */
  readonly onMessage?: (text: string) => void;
  /** After every step: steps done, of how many, and the latest mean loss read back. */
  readonly onStep?: (done: number, of: number, loss: number) => void;
  /** While evaluating: images done, of how many. */
  readonly onEvaluate?: (done: number, of: number) => void;
  /** Aborting it finishes the step, saves and throws {@link Interrupted}. */
  readonly signal?: AbortSignal;
}

/** Training was stopped on request; everything up to `step` is saved. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** Steps done and saved. */
  readonly step: number;

  /** After `step` steps. */
  constructor(step: number) {
    super(`stopped after step ${step}; everything is saved, --resume goes on from there`);
    this.step = step;
  }
}

/** Everything a checkpoint holds: weights and optimiser state; step and loss window are its metadata. */
function checkpointTensors(model: BaselineClassifier, optimiser: SGD): Map<string, Tensor> {
  const tensors = tensorsOf(model.parameters(), "model.");
  for (const [name, tensor] of optimiser.state) tensors.set(`optimiser.${name}`, tensor);
  return tensors;
}

/** The loss of one image, its gradient, the update; returns the loss, unread. */
export function trainStep(model: BaselineClassifier, optimiser: SGD, image: LoadedImage): Tensor {
  const { device } = model;
  using scope = device.scope();
  const labels = device.tensor(image.labels as Int32Array<ArrayBuffer>);
  const loss = crossEntropy(model.forward(image), labels);
  loss.backward();
  optimiser.step();
  model.zeroGrad();
  return scope.keep(loss.detach()).unscoped();
}

/** Trains as the folder's settings say, from its newest checkpoint if it has one, and evaluates at the end. */
export async function trainModel(folder: RunFolder, hooks: TrainHooks = {}): Promise<Results> {
  const { config } = folder;
  const say = hooks.onMessage ?? (() => {});
  const train = await openSplit(config, config.dataset.trainSplit);
  const test = await openSplit(config, config.dataset.testSplit);
  await using device = await Device.open({ adapter: config.adapter });
  say(`adapter: ${device.info.description}${device.info.isFallback ? " (software)" : ""}, kernels: ${device.profile}`);
  using model = buildModel(device, config, train.classes.length);
  using optimiser = makeOptimiser(device, model, config);
  const onBroken = (path: string, reason: string): void => say(`skipped ${path}: ${reason}`);
  const checkpoint = await folder.newestCheckpoint(onBroken);
  const loader = new Loader(train, { ...loaderOptions(config), onBroken });
  try {
    let step = 0;
    let position = 0;
    let window: number[] = [];
    if (checkpoint) {
      const metadata = loadTensors(await Deno.readFile(checkpoint), checkpointTensors(model, optimiser), checkpoint);
      step = Number(metadata.step);
      position = Number(metadata.position);
      window = JSON.parse(metadata.window ?? "[]");
      say(`resuming after step ${step}`);
    } else if (config.model.calibrate) {
      await calibrate(model, loader, train, config);
    }
    await runSteps(folder, model, optimiser, loader, train, { step, position, window }, hooks);
  } finally {
    loader.close();
  }
  return await evaluateModel(model, test, folder, hooks);
}

/** A split of the data set a run names. */
export async function openSplit(config: TrainConfig, split: "train" | "val" | "test"): Promise<RegionDataset> {
  const { dataset, data, skipBroken } = config.dataset;
  return await openDataset({ dataset, split, skipBroken, ...(data === null ? {} : { data }) });
}

function makeOptimiser(device: Device, model: BaselineClassifier, { optimiser: o }: TrainConfig): SGD {
  return new SGD(device, model.trainable(), {
    rate: o.rate,
    momentum: o.momentum,
    weightDecay: o.weightDecay,
    biasRateFactor: o.doubleBias ? 2 : 1,
    ...(o.clipNorm === null ? {} : { clipNorm: o.clipNorm }),
  });
}

async function runSteps(
  folder: RunFolder,
  model: BaselineClassifier,
  optimiser: SGD,
  loader: Loader,
  train: RegionDataset,
  from: { readonly step: number; readonly position: number; readonly window: readonly number[] },
  hooks: TrainHooks,
): Promise<void> {
  const { config } = folder;
  const order = { seed: config.seed, flip: config.flip };
  let { step, position } = from;
  if (step >= config.steps) return;
  using log = LossLog.open(folder, step, from.window);
  const save = async (): Promise<void> => {
    log.sync();
    const metadata = {
      step: String(step),
      position: String(position),
      window: JSON.stringify(log.window),
      classes: JSON.stringify(train.classes),
    };
    await folder.saveCheckpoint(step, await saveTensors(checkpointTensors(model, optimiser), metadata));
  };
  const { rate, decaySteps, decayFactor } = config.optimiser;
  const { device } = model;
  let atRest: number | undefined;
  const schedule = schedules.steps(rate, decaySteps, decayFactor);
  for await (const image of loader.run(trainingOrder(train, { ...order, first: position }))) {
    optimiser.rate = schedule(step);
    log.add(trainStep(model, optimiser, image));
    step++;
    position = image.position + 1;
    const stopping = hooks.signal?.aborted ?? false;
    const display = step % config.displayEvery === 0;
    const checkpoint = stopping || step % config.checkpointEvery === 0 || step === config.steps;
    if (display || checkpoint) await log.read();
    if (display) await log.write(step, optimiser.rate, decayLoss(config, model));
    if (display || checkpoint) atRest = checkMemory(device, atRest);
    hooks.onStep?.(step, config.steps, log.latest);
    if (checkpoint) await save();
    if (stopping && step < config.steps) throw new Interrupted(step);
    if (step === config.steps) break;
  }
}

/** Between steps, with all losses read, the same tensors are alive each time; returns how many. */
function checkMemory(device: Device, before: number | undefined): number {
  const { liveTensors } = device.memory;
  if (before !== undefined && liveTensors !== before) {
    throw new EngineError(
      `internal: training leaks, ${liveTensors} tensors are alive between steps, ${before} were before`,
    );
  }
  return liveTensors;
}

/** ½ λ Σ w² over decayed weights, as a tensor: the regulariser of the reported total loss. */
function decayLoss(config: TrainConfig, model: BaselineClassifier): Tensor {
  const { device } = model;
  return device.noGrad(() => {
    using scope = device.scope();
    let total = device.zeros([]);
    for (const { tensor, decay } of model.parameters()) if (decay) total = total.add(tensor.mul(tensor).sum());
    return scope.keep(total.mul(0.5 * config.optimiser.weightDecay)).unscoped();
  });
}

/** Random weights have no statistics yet: the first image of the training order gives them to the frozen normalisation. */
async function calibrate(
  model: BaselineClassifier,
  loader: Loader,
  train: RegionDataset,
  config: TrainConfig,
): Promise<void> {
  for await (const image of loader.run(trainingOrder(train, { seed: config.seed, flip: config.flip, first: 0 }))) {
    model.calibrate(image);
    break;
  }
}

/** Images in a report. */
const SHOWN = 12;

/** Scores `test` with the model, saves results and report in the folder, and returns them. */
export async function evaluateModel(
  model: BaselineClassifier,
  test: RegionDataset,
  folder: RunFolder,
  hooks: TrainHooks = {},
): Promise<Results> {
  const onBroken = (path: string, reason: string): void => hooks.onMessage?.(`skipped ${path}: ${reason}`);
  const loader = new Loader(test, { ...loaderOptions(folder.config), onBroken });
  try {
    const shown: LoadedImage[] = [];
    const images = loader.run(evaluationOrder(test));
    const scores = await scoreSplit(model, images, test.classes.length, (done, image) => {
      if (shown.length < SHOWN && image.labels.length > 0) shown.push(image);
      hooks.onEvaluate?.(done, test.size);
    });
    const results = resultsOf(folder.config.model.name, scores, test);
    await saveResults(results, test, folder, await gallery(shown, scores, test));
    return results;
  } finally {
    loader.close();
  }
}
