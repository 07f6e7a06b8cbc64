/** How good masks and programs are (iep-ref.md, 1). */
import { TEMPLATE_FILES } from "../../datasets/refplus/templates.ts";
import { rewardsOf } from "./updates.ts";

/** Thresholds of per-sample intersection over union. */
export const THRESHOLDS = [0.5, 0.6, 0.7, 0.8, 0.9] as const;

/** Measures of some samples; those where both masks are empty count in `empty` alone. */
export interface MaskScores {
  readonly samples: number;
  /** Samples whose masks are both empty: nothing is referred to, and nothing was found. */
  readonly empty: number;
  /** Sum of intersections over sum of unions; null where there is no pixel. */
  readonly cumulativeIou: number | null;
  /** Mean of the samples' intersections over unions. */
  readonly meanIou: number | null;
  /** Share of samples whose intersection over union is at least each threshold. */
  readonly precision: Readonly<Record<string, number>>;
}

/** Measures of samples by their overlaps [N, 2]: intersection and union. */
export function scoreMasks(overlaps: ArrayLike<number>): MaskScores {
  const all = Array.from({ length: overlaps.length / 2 }, (_, n) => [overlaps[2 * n], overlaps[2 * n + 1]]);
  const counted = all.filter(([, union]) => union > 0);
  const ious = rewardsOf(counted.flat());
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const share = (value: number): number | null => counted.length === 0 ? null : value / counted.length;
  return {
    samples: all.length,
    empty: all.length - counted.length,
    cumulativeIou: counted.length === 0 ? null : sum(counted.map(([i]) => i)) / sum(counted.map(([, u]) => u)),
    meanIou: share(sum(ious)),
    precision: Object.fromEntries(
      THRESHOLDS.map((least) => [String(least), share(ious.filter((iou) => iou >= least).length) ?? 0]),
    ),
  };
}

/** Names of the categories of the data set's table, by template file. */
const CATEGORY_NAMES: Readonly<Record<string, string>> = {
  "zero_hop.json": "0-Relate",
  "one_hop.json": "1-Relate",
  "two_hop.json": "2-Relate",
  "three_hop.json": "3-Relate",
  "single_and.json": "AND",
  "single_or.json": "OR",
  "same_relate.json": "SAME",
};

/** Measures by category, in the table's order, of those that occur; `categories` are indices of template files. */
export function scoreByCategory(overlaps: ArrayLike<number>, categories: ArrayLike<number>): Map<string, MaskScores> {
  const groups = new Map<string, number[]>();
  const names = [
    ...Object.entries(CATEGORY_NAMES).map(([file, name]) => [TEMPLATE_FILES.indexOf(file as never), name]),
  ];
  for (const [index, name] of [...names, [-1, "other"]] as [number, string][]) {
    const own = Array.from(categories).flatMap((c, n) => c === index ? [overlaps[2 * n], overlaps[2 * n + 1]] : []);
    if (own.length > 0) groups.set(name, own);
  }
  return new Map([...groups].map(([name, own]) => [name, scoreMasks(own)]));
}
