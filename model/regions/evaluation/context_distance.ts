/** Accuracy by the distance of the deciding object, which distinguishes a global module from a local one. */
import { clueDistances } from "../../../datasets/context/clues.ts";
import type { ContextDataset } from "../../../datasets/context/dataset.ts";
import { predictions } from "./metrics.ts";

/** Regions whose clue lies at a distance in [from, to) pixels. */
export interface ClueRange {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Ranges of the table. Inside a pair gaps are at most 3 pixels, between pairs 8 and more. */
export const CLUE_RANGES: readonly ClueRange[] = [
  { name: "own look", from: 0, to: 0.5 },
  { name: "partner", from: 0.5, to: 6 },
  { name: "another pair, under 32 px", from: 6, to: 32 },
  { name: "32 to 64 px", from: 32, to: 64 },
  { name: "64 px and more", from: 64, to: Infinity },
];

/** One row of the table. */
export interface ClueRow {
  readonly name: string;
  readonly instances: number;
  /** Per-instance accuracy of each output, aligned with the names given. */
  readonly accuracy: readonly number[];
}

/** Accuracy of each of `outputs` [N, classes] against `labels` in each range of clue distances. */
export function clueTable(
  outputs: readonly (Float32Array | Float64Array)[],
  labels: Int32Array,
  dataset: ContextDataset,
): ClueRow[] {
  const classes = dataset.classes.length;
  const distances = clueDistances(dataset);
  const predicted = outputs.map((probabilities) => predictions(probabilities, labels.length, classes));
  return CLUE_RANGES.map(({ name, from, to }) => {
    const rows = [...labels.keys()].filter((n) => distances[n] >= from && distances[n] < to);
    const accuracy = predicted.map((guess) =>
      rows.filter((n) => guess[n] === labels[n]).length / Math.max(1, rows.length)
    );
    return { name, instances: rows.length, accuracy };
  });
}
