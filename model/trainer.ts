/** Training a region classifier: data, steps, checkpoints, evaluation, the run folder. */
import { type LoadedImage, Loader } from "../datasets/loader.ts";
import { openDataset } from "../datasets/open.ts";
import { evaluationSchedule, trainingSchedule } from "../datasets/schedule.ts";
import type { RegionDataset } from "../datasets/types.ts";
import {
  crossEntropy,
  Device,
  loadTensors,
  saveTensors,
  schedules,
  SGD,
  type Tensor,
  tensorsOf,
} from "../engine/mod.ts";
import { BaselineClassifier } from "./baseline.ts";
import { scoreSplit } from "./evaluate.ts";
import { LossLog } from "./loss_log.ts";
import { buildModel, loaderOptions } from "./setup.ts";
import { type Results, summarise } from "./results.ts";
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

/** Everything a checkpoint holds: weights, optimiser state and, as metadata, step and position. */
async function checkpointBytes(
  model: BaselineClassifier,
  optimiser: SGD,
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  return await saveTensors(checkpointTensors(model, optimiser), metadata);
}

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

/** Trains as `config` says into `folder`, from its newest checkpoint if it has one, and evaluates at the end. */
export async function trainModel(config: TrainConfig, folder: RunFolder, hooks: TrainHooks = {}): Promise<Results> {
  const say = hooks.onMessage ?? (() => {});
  const train = await openDataset({ ...config.dataset, split: config.dataset.trainSplit, seed: config.seed });
  const test = await openDataset({ ...config.dataset, split: config.dataset.testSplit, seed: config.seed });
  await using device = await Device.open({ adapter: config.adapter });
  say(`adapter: ${device.info.description}${device.info.isFallback ? " (software)" : ""}, kernels: ${device.profile}`);
  using model = buildModel(device, config, train.classes.length);
  const { optimiser: o } = config;
  using optimiser = new SGD(device, model.trainable(), {
    rate: o.rate,
    momentum: o.momentum,
    weightDecay: o.weightDecay,
    biasRateFactor: o.doubleBias ? 2 : 1,
    ...(o.clipNorm === null ? {} : { clipNorm: o.clipNorm }),
  });
  const onBroken = (path: string, reason: string): void => say(`skipped ${path}: ${reason}`);
  const loader = new Loader(train, { ...loaderOptions(config), onBroken });
  try {
    const checkpoint = await folder.newestCheckpoint();
    let step = 0;
    let window: number[] = [];
    if (checkpoint) {
      const metadata = loadTensors(await Deno.readFile(checkpoint), checkpointTensors(model, optimiser), checkpoint);
      step = Number(metadata.step);
      window = JSON.parse(metadata.window ?? "[]");
      say(`resuming after step ${step}`);
    } else {
      await calibrate(model, loader, train, config);
    }
    await using log = await LossLog.open(folder, step, window);
    const rate = schedules.steps(o.rate, o.decaySteps, o.decayFactor);
    const save = async (): Promise<void> => {
      const metadata = {
        step: String(step),
        window: JSON.stringify(log.window),
        classes: JSON.stringify(train.classes),
      };
      await folder.saveCheckpoint(step, await checkpointBytes(model, optimiser, metadata));
    };
    const order = trainingSchedule(train, {
      seed: config.seed,
      flip: config.flip,
      first: step,
      steps: config.steps - step,
    });
    for await (const image of loader.run(order)) {
      optimiser.rate = rate(step);
      log.add(trainStep(model, optimiser, image));
      step++;
      const checkpointDue = step % config.checkpointEvery === 0 || step === config.steps;
      if (step % config.displayEvery === 0 || checkpointDue || hooks.signal?.aborted) await log.read();
      if (step % config.displayEvery === 0) await log.write(step, optimiser.rate, decayLoss(config, model));
      hooks.onStep?.(step, config.steps, log.latest);
      if (checkpointDue || hooks.signal?.aborted) await save();
      if (hooks.signal?.aborted && step < config.steps) throw new Interrupted(step);
    }
    await log.close();
    return await evaluate(model, test, config, folder, hooks);
  } finally {
    loader.close();
  }
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
  const first = trainingSchedule(train, { seed: config.seed, flip: false, first: 0, steps: 1 });
  for await (const image of loader.run(first)) model.calibrate(image);
}

async function evaluate(
  model: BaselineClassifier,
  test: RegionDataset,
  config: TrainConfig,
  folder: RunFolder,
  hooks: TrainHooks,
): Promise<Results> {
  const onBroken = (path: string, reason: string): void => hooks.onMessage?.(`skipped ${path}: ${reason}`);
  const loader = new Loader(test, { ...loaderOptions(config), onBroken });
  try {
    const scores = await scoreSplit(
      model,
      loader.run(evaluationSchedule(test)),
      test.classes.length,
      (done) => hooks.onEvaluate?.(done, test.size),
    );
    return await summarise(scores, test, config, folder);
  } finally {
    loader.close();
  }
}
