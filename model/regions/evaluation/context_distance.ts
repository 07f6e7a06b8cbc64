/** Accuracy by the distance of the deciding object, which distinguishes a global module from a local one. */
import type { ExactAnswers } from "../../../datasets/types.ts";
import { predictions } from "./metrics.ts";

/** One row of the table. */
export interface DistanceRow {
  readonly name: string;
  readonly instances: number;
  /** Per-instance accuracy of each output, aligned with the names given. */
  readonly accuracy: readonly number[];
}

/** Accuracy of each of `outputs` [N, classes] against `labels` in each range of distances; regions of no range are left out. */
export function distanceRows(
  outputs: readonly (Float32Array | Float64Array)[],
  labels: Int32Array,
  classes: number,
  { ranges, rangeOf }: Pick<ExactAnswers, "ranges" | "rangeOf">,
): DistanceRow[] {
  const predicted = outputs.map((probabilities) => predictions(probabilities, labels.length, classes));
  return ranges.map((name, range) => {
    const rows = [...labels.keys()].filter((n) => rangeOf[n] === range);
    const accuracy = predicted.map((guess) =>
      rows.filter((n) => guess[n] === labels[n]).length / Math.max(1, rows.length)
    );
    return { name, instances: rows.length, accuracy };
  });
}
