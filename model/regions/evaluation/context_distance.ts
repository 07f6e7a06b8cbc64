/** Accuracy by the distance of the deciding object, which distinguishes a global module from a local one. */
import { contextDistances } from "../../../datasets/context/context_distances.ts";
import type { ContextDataset } from "../../../datasets/context/dataset.ts";
import { predictions } from "./metrics.ts";

/** Regions whose deciding object lies at a distance in [from, to) pixels. */
export interface DistanceRange {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Ranges of the table. Inside a pair gaps are at most 3 pixels, between pairs 8 and more. */
export const DISTANCE_RANGES: readonly DistanceRange[] = [
  { name: "own look", from: 0, to: 0.5 },
  { name: "partner", from: 0.5, to: 6 },
  { name: "another pair, under 32 px", from: 6, to: 32 },
  { name: "32 to 64 px", from: 32, to: 64 },
  { name: "64 px and more", from: 64, to: Infinity },
];

/** One row of the table. */
export interface DistanceRow {
  readonly name: string;
  readonly instances: number;
  /** Per-instance accuracy of each output, aligned with the names given. */
  readonly accuracy: readonly number[];
}

/** Accuracy of each of `outputs` [N, classes] against `labels` in each range of context distances. */
export function distanceRows(
  outputs: readonly (Float32Array | Float64Array)[],
  labels: Int32Array,
  dataset: ContextDataset,
): DistanceRow[] {
  const classes = dataset.classes.length;
  const distances = contextDistances(dataset);
  const predicted = outputs.map((probabilities) => predictions(probabilities, labels.length, classes));
  return DISTANCE_RANGES.map(({ name, from, to }) => {
    const rows = [...labels.keys()].filter((n) => distances[n] >= from && distances[n] < to);
    const accuracy = predicted.map((guess) =>
      rows.filter((n) => guess[n] === labels[n]).length / Math.max(1, rows.length)
    );
    return { name, instances: rows.length, accuracy };
  });
}
