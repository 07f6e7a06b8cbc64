/** Accuracy on a few held-out images, for the log of a training run. */
import { Loader } from "../../../datasets/images/loader.ts";
import { evaluationOrder } from "../../../datasets/images/schedule.ts";
import type { RegionDataset } from "../../../datasets/types.ts";
import { loaderOptions } from "../build.ts";
import type { TrainConfig } from "../config.ts";
import type { RegionModel } from "../contract.ts";
import { regionMetrics } from "./metrics.ts";
import { scoreSplit } from "./score.ts";

/** Images that are scored: enough to see a model learn, few enough to cost little. */
const IMAGES = 24;

/** Share of the regions of a split's first images that the model's answer has right; null where they have none. */
export async function heldOutAccuracy(
  model: RegionModel,
  dataset: RegionDataset,
  config: TrainConfig,
): Promise<number | null> {
  const classes = dataset.classes.length;
  // An image that cannot be read is named by the evaluation at the end.
  const loader = new Loader(dataset, { ...loaderOptions(config), onBroken: () => {} });
  try {
    const { outputs, labels } = await scoreSplit(model, loader.run(first(evaluationOrder(dataset))), classes);
    return labels.length === 0 ? null : regionMetrics(outputs.at(-1)!.probabilities, labels, classes).perInstance.ac;
  } finally {
    loader.close();
  }
}

function* first<T>(entries: Iterable<T>): Generator<T> {
  let left = IMAGES;
  for (const entry of entries) {
    if (left-- === 0) return;
    yield entry;
  }
}
