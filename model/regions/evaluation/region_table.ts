/** Every scored region as a row of a table, `regions.csv`. */
import { csvText } from "../../../engine/base/csv.ts";
import type { OriginalAnnotations } from "../../../datasets/types.ts";
import { likeliest, rounded, scoredRegions, type ScoredSplit } from "./scored_regions.ts";

/** Columns of a region and of the model's answer; each of its other predictions has two more. */
const COLUMNS = [
  ...["image_id", "image", "region_id", "x", "y", "width", "height", "category_id", "class"],
  ...["answer_id", "answer", "probability", "probability_of_class", "rank_of_class"],
] as const;

/**
 * The table: ids and box of each region, its class, the model's answer, what the answer gives the true class and how many classes
 * are at least as likely (1 where it is right, of equally likely ones the first), then each other prediction's class and its probability.
 */
export function regionTable(scored: ScoredSplit, originals: OriginalAnnotations): string {
  const { set, scores: { outputs, classes } } = scored, others = outputs.slice(0, -1);
  const { probabilities } = outputs.at(-1)!, { categoryIds } = originals;
  function* rows() {
    for (const { image, imageId, regionId, box, label, row } of scoredRegions(scored, originals)) {
      const order = likeliest(probabilities, classes, row, classes), [best] = order;
      const rank = order.findIndex((one) => one.label === label);
      yield [
        ...[imageId, set.record(image).id, regionId, ...box, categoryIds[label], set.classes[label]],
        ...[categoryIds[best.label], set.classes[best.label], rounded(best.probability)],
        ...[rounded(order[rank].probability), rank + 1],
        ...others.flatMap((output) => {
          const [{ label, probability }] = likeliest(output.probabilities, classes, row, 1);
          return [set.classes[label], rounded(probability)];
        }),
      ];
    }
  }
  return csvText([...COLUMNS, ...others.flatMap(({ name }) => [name, `${name}: probability`])], rows());
}
