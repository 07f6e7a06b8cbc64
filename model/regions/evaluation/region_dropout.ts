/** Evaluation with regions left out: accuracy of a model that sees only some objects of an image. */
import type { LoadedImage } from "../../../datasets/images/loader.ts";
import { RandomStream } from "../../../engine/base/random.ts";
import type { RegionDataset } from "../../../datasets/types.ts";
import { type EvaluationHooks, score } from "./evaluate.ts";
import { type Metrics, regionMetrics } from "./metrics.ts";
import type { RegionModel } from "../contract.ts";
import type { TrainConfig } from "../config.ts";

const STREAM = 0x4d15;

/** Rows of the regions of image `index` that are left without a random share of its `count`, at least one. */
export function keptRegions(index: number, count: number, share: number): number[] {
  const kept = Math.max(Math.min(1, count), Math.round(count * (1 - share)));
  const order = new RandomStream(index, STREAM).permutation(count);
  return [...order.slice(0, kept)].sort((a, b) => a - b);
}

/** The image with the regions of `rows` alone. */
export function onlyRegions(image: LoadedImage, rows: readonly number[]): LoadedImage {
  return {
    ...image,
    boxes: Float32Array.from(rows.flatMap((r) => [...image.boxes.subarray(4 * r, 4 * r + 4)])),
    labels: Int32Array.from(rows, (r) => image.labels[r]),
  };
}

/** The image with a random share of its regions left out, at least one kept; the same regions for every model. */
export function withoutRegions(image: LoadedImage, share: number): LoadedImage {
  return onlyRegions(image, keptRegions(image.index, image.labels.length, share));
}

/** Metrics of the answer for the regions that are left. */
export async function evaluateWithDropout(
  model: RegionModel,
  test: RegionDataset,
  config: TrainConfig,
  share: number,
  hooks: EvaluationHooks,
): Promise<Metrics> {
  const { outputs, labels, classes } = await score(model, test, config, hooks, (image) => withoutRegions(image, share));
  return regionMetrics(outputs.at(-1)!.probabilities, labels, classes);
}
