/** Evaluation with regions left out: accuracy of a model that sees only some objects of an image. */
import type { LoadedImage } from "../../../datasets/images/loader.ts";
import { RandomStream } from "../../../engine/base/random.ts";
import type { RegionDataset } from "../../../datasets/types.ts";
import { type EvaluationHooks, score } from "./evaluate.ts";
import { type Metrics, regionMetrics } from "./metrics.ts";
import type { RegionModel } from "../contract.ts";
import type { TrainConfig } from "../config.ts";

const STREAM = 0x4d15;

/** The image with a random share of its regions left out, at least one kept; the same regions for every model. */
export function withoutRegions(image: LoadedImage, share: number): LoadedImage {
  const count = image.labels.length;
  const kept = Math.max(Math.min(1, count), Math.round(count * (1 - share)));
  const order = new RandomStream(image.index, STREAM).permutation(count);
  const rows = [...order.slice(0, kept)].sort((a, b) => a - b);
  return {
    ...image,
    boxes: Float32Array.from(rows.flatMap((r) => [...image.boxes.subarray(4 * r, 4 * r + 4)])),
    labels: Int32Array.from(rows, (r) => image.labels[r]),
  };
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
