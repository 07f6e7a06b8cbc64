/** Work and cost of a run, estimated before it begins from its settings, its data and a measured step. */
import type { LoadedImage } from "../../../datasets/images/loader.ts";
import type { RegionDataset } from "../../../datasets/types.ts";
import type { Optimiser } from "../../../engine/mod.ts";
import type { RegionModel } from "../contract.ts";
import type { TrainConfig } from "../config.ts";

/** Seconds and bytes of a run. */
export interface RunCost {
  /** Of the loss and its gradient for one image. */
  readonly stepSeconds: number;
  /** Most device memory held at once. */
  readonly peakBytes: number;
  /** Of one checkpoint. */
  readonly checkpointBytes: number;
  /** Of the saved scores of the test split. */
  readonly scoresBytes: number;
}

/** Steps timed after one that compiles and allocates. */
const TIMED = 2;

/**
 * Runs the loss and its gradient on one image; weights, optimiser and random state stay as they are.
 */
export async function measureStep(model: RegionModel, image: LoadedImage): Promise<number> {
  const { device } = model;
  const run = async (): Promise<void> => {
    using _scope = device.scope();
    const { total } = model.loss(image, device.tensor(image.labels));
    total.backward();
    model.zeroGrad();
    await total.item();
  };
  await run();
  const start = performance.now();
  for (let i = 0; i < TIMED; i++) await run();
  return (performance.now() - start) / 1000 / TIMED;
}

/** Estimated cost of the run, by a step on `image`. */
export async function runCost(
  model: RegionModel,
  optimiser: Optimiser,
  test: RegionDataset,
  image: LoadedImage,
): Promise<RunCost> {
  const stepSeconds = await measureStep(model, image);
  const tensors = [...[...model.parameters()].map(({ tensor }) => tensor), ...optimiser.state.values()];
  let regions = 0;
  for (let i = 0; i < test.size; i++) regions += test.record(i).labels.length;
  const outputs = model.device.noGrad(() => {
    using _scope = model.device.scope();
    return model.predict(image).length;
  });
  return {
    stepSeconds,
    peakBytes: model.device.memory.peakBytes,
    checkpointBytes: tensors.reduce((sum, tensor) => sum + 4 * tensor.size, 0),
    scoresBytes: 4 * regions * test.classes.length * outputs,
  };
}

/** The estimate in words, a line for each figure. */
export function estimateLines(
  { config, train, image, cost, adapter }: {
    readonly config: TrainConfig;
    readonly train: RegionDataset;
    readonly image: LoadedImage;
    readonly cost: RunCost;
    readonly adapter: string;
  },
): string[] {
  const { steps, batch, optimiser, model, checkpointKeep, validation } = config;
  const kept = checkpointKeep + (validation.metric === null ? 0 : 1);
  const { stepSeconds, peakBytes, checkpointBytes, scoresBytes } = cost;
  const drops = optimiser.decaySteps.filter((step) => step < steps).map((step) => step.toLocaleString("en"));
  const epochs = batch * steps / (train.size * (config.flip ? 2 : 1));
  const from = model.weights === null ? "random weights, which the published figures do not begin from" : model.weights;
  return [
    `${model.name} on ${train.name} ${train.split}: ${train.size.toLocaleString("en")} images, ` +
    `${train.classes.length - 1} classes, from ${from}`,
    `${steps.toLocaleString("en")} steps of ${batch === 1 ? "one image" : `${batch} images`} (${
      epochs.toPrecision(3)
    } epochs${config.flip ? " with mirrored copies" : ""}), rate ${optimiser.rate}${
      drops.length > 0 ? `, times ${optimiser.decayFactor} after ${drops.join(" and ")}` : ""
    }`,
    // One more while the newest is being written.
    `disk: ${inBytes((kept + 1) * checkpointBytes)} for ${kept} checkpoints, ` +
    `${inBytes(scoresBytes)} for the test split's scores`,
    `memory: ${inBytes(peakBytes)} at an image of ${image.height}×${image.width} with ${image.labels.length} regions`,
    `time: ${inTime(steps * batch * stepSeconds)} at ${Math.round(1000 * batch * stepSeconds)} ms a step on ${adapter}`,
  ];
}

function inBytes(count: number): string {
  return count < 2 ** 30 ? `${Math.ceil(count / 2 ** 20)} MiB` : `${(count / 2 ** 30).toFixed(1)} GiB`;
}

function inTime(seconds: number): string {
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} minutes`;
  return seconds < 48 * 3600 ? `${(seconds / 3600).toFixed(1)} hours` : `${(seconds / 86400).toFixed(1)} days`;
}
