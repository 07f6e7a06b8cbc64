/** From a run's settings to a model and a loader's options. */
import type { Knowledge } from "../../datasets/knowledge/knowledge.ts";
import type { ScaleOptions } from "../../datasets/images/preprocess.ts";
import type { LoaderOptions } from "../../datasets/images/loader.ts";
import type { Device } from "../../engine/mod.ts";
import type { TrainConfig } from "./config.ts";
import type { RegionModel } from "./contract.ts";
import { buildRegionModel } from "./models.ts";

/** The classifier `config` describes, with random weights from its seed; `knowledge` is for models that use it. */
export function buildModel(
  device: Device,
  { model: { name, resnet, cropSize, maxPool, reasoning, options }, seed }: Pick<TrainConfig, "model" | "seed">,
  classes: number,
  knowledge: Knowledge | null,
): RegionModel {
  return buildRegionModel(name, device, {
    classes,
    resnet,
    cropSize,
    maxPool,
    reasoning,
    knowledge,
    options,
    seed,
  });
}

/** Size and normalisation of images by `config`. */
export function imageScale({ image }: Pick<TrainConfig, "image">): ScaleOptions {
  return { target: image.shortSide, max: image.longSide, normalise: image.normalise };
}

/** Options of the image loader by `config`. */
export function loaderOptions(config: Pick<TrainConfig, "image" | "dataset">): LoaderOptions {
  const { image, dataset } = config;
  return {
    scale: imageScale(config),
    prefetch: image.prefetch,
    workers: image.workers,
    budget: image.budget * 2 ** 20,
    silence: image.silence * 1000,
    skipBroken: dataset.skipBroken,
  };
}
