/** From a run's settings to a model and a loader's options. */
import type { LoaderOptions } from "../datasets/loader.ts";
import type { Device } from "../engine/mod.ts";
import { BaselineClassifier } from "./baseline.ts";
import type { TrainConfig } from "./run/config.ts";

/** The classifier `config` describes, with random weights from its seed. */
export function buildModel(device: Device, { model, seed }: TrainConfig, classes: number): BaselineClassifier {
  const { resnet, cropSize, maxPool } = model;
  return new BaselineClassifier(device, { classes, resnet, cropSize, maxPool, seed });
}

/** How images are prepared for `config`. */
export function loaderOptions({ image, dataset }: TrainConfig): LoaderOptions {
  return {
    scale: { target: image.shortSide, max: image.longSide },
    prefetch: image.prefetch,
    workers: image.workers,
    skipBroken: dataset.skipBroken,
  };
}
