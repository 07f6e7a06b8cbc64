/** Measures on held-out images, for the log of a training run and the choice of its best checkpoint. */
import { Loader } from "../../../datasets/images/loader.ts";
import { type Entry, evaluationOrder } from "../../../datasets/images/schedule.ts";
import type { RegionDataset } from "../../../datasets/types.ts";
import { loaderOptions } from "../build.ts";
import { ofFirst, type Ranks, shareOf } from "../../run/ranks/ranks.ts";
import type { TrainConfig, VALIDATED } from "../config.ts";
import type { RegionModel } from "../contract.ts";
import { type Metrics, regionMetrics } from "./metrics.ts";
import { scoreSplit } from "./score.ts";
import { scoresOnFirst } from "./shared_scores.ts";

/** Images that are scored where no share is named: enough to see a model learn, few enough to cost little. */
const IMAGES = 24;

/** A measure of the metrics by its name. */
const MEASURES: Readonly<Record<typeof VALIDATED[number], (metrics: Metrics) => number>> = {
  val_accuracy: ({ perInstance }) => perInstance.ac,
  val_ap: ({ perInstance }) => perInstance.ap,
  val_class_accuracy: ({ perClass }) => perClass.ac,
  val_class_ap: ({ perClass }) => perClass.ap,
};

/**
 * Accuracy of the model's answer on the regions of some of a split's images, and the measure that the settings name; null where
 * these images have no regions. Ranks share the images out, and all get the measures.
 */
export async function heldOutMeasures(
  model: RegionModel,
  dataset: RegionDataset,
  config: TrainConfig,
  ranks?: Ranks | null,
): Promise<Record<string, number> | null> {
  const classes = dataset.classes.length, { share, metric } = config.validation;
  const entries = [...evaluationOrder(dataset)];
  const order = share === null ? entries.slice(0, IMAGES) : spread(entries, share);
  // An image that cannot be read is named by the evaluation at the end.
  const loader = new Loader(dataset, { ...loaderOptions(config), onBroken: () => {} });
  try {
    const own = await scoreSplit(model, loader.run(shareOf(ranks, order)), classes);
    const scores = ranks ? await scoresOnFirst(ranks, own, order, dataset) : own;
    return await ofFirst(ranks, () => {
      const { outputs, labels } = scores!;
      if (labels.length === 0) return null;
      const metrics = regionMetrics(outputs.at(-1)!.probabilities, labels, classes);
      const names = new Set<keyof typeof MEASURES>(["val_accuracy", ...metric === null ? [] : [metric]]);
      return Object.fromEntries([...names].map((name) => [name, MEASURES[name](metrics)]));
    });
  } finally {
    loader.close();
  }
}

/** A share of a list, at least one, spread evenly over it. */
export function spread(all: readonly Entry[], share: number): Entry[] {
  const count = Math.max(1, Math.round(share * all.length));
  return Array.from({ length: Math.min(count, all.length) }, (_, i) => all[Math.floor(i * all.length / count)]);
}
