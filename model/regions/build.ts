/** From a run's settings to a model and a loader's options. */
import type { Knowledge } from "../../datasets/knowledge/knowledge.ts";
import { UserError } from "../../engine/base/user_error.ts";
import type { LoaderOptions } from "../../datasets/images/loader.ts";
import type { Device } from "../../engine/mod.ts";
import { BaselineClassifier } from "./baseline.ts";
import { type ClassKnowledge, classKnowledge } from "./reasoning/knowledge.ts";
import { ReasoningClassifier } from "./reasoning/reasoner.ts";
import type { RegionModel } from "./contract.ts";
import type { TrainConfig } from "./config.ts";

/** The classifier `config` describes, with random weights from its seed; `knowledge` is for modes with a graph. */
export function buildModel(
  device: Device,
  { model, seed }: TrainConfig,
  classes: number,
  knowledge: Knowledge | null,
): RegionModel {
  const { name, resnet, cropSize, maxPool, reasoning } = model;
  const options = { classes, resnet, cropSize, maxPool, seed };
  if (name === "baseline") return new BaselineClassifier(device, options);
  let known: ClassKnowledge;
  try {
    known = classKnowledge(knowledge, classes, reasoning.graph.classEdges, seed);
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(`model.reasoning.graph.classEdges: ${error.message}`);
    throw error;
  }
  return new ReasoningClassifier(device, { ...options, mode: name, reasoning, knowledge: known });
}

/** How images are prepared for `config`. */
export function loaderOptions({ image, dataset }: TrainConfig): LoaderOptions {
  return {
    scale: { target: image.shortSide, max: image.longSide, normalise: image.normalise },
    prefetch: image.prefetch,
    workers: image.workers,
    skipBroken: dataset.skipBroken,
  };
}
