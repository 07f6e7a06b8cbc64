/** Metrics of masks and programs (papers/iep-ref.md#metrics). */
import { TEMPLATE_FILES } from "../../../datasets/refplus/language/templates.ts";
import type { Evaluated } from "./evaluation.ts";
import { rewardsOf } from "../training/updates.ts";

/** Thresholds of per-sample intersection over union. */
export const THRESHOLDS = [0.5, 0.6, 0.7, 0.8, 0.9] as const;

/** Metrics of some samples; those where both masks are empty count in `empty` alone. */
export interface MaskScores {
  readonly samples: number;
  /** Samples whose true and found masks are both empty. */
  readonly empty: number;
  /** Sum of intersections over sum of unions; null where there is no pixel. */
  readonly cumulativeIou: number | null;
  /** Mean of the samples' intersections over unions. */
  readonly meanIou: number | null;
  /** Share of samples whose intersection over union is at least each threshold. */
  readonly precision: Readonly<Record<string, number>>;
}

/** Metrics of samples by their overlaps [N, 2]: intersection and union. */
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

/** Names of the categories in the order of the published table, and their indices among the template files. */
const CATEGORIES: readonly (readonly [string, number])[] = ([
  ["0-Relate", "zero_hop.json"],
  ["1-Relate", "one_hop.json"],
  ["2-Relate", "two_hop.json"],
  ["3-Relate", "three_hop.json"],
  ["AND", "single_and.json"],
  ["OR", "single_or.json"],
  ["SAME", "same_relate.json"],
] as const).map(([name, file]) => [name, TEMPLATE_FILES.indexOf(file)]);

/** Metrics of each category that occurs, in the table's order; `categories` are indices of template files. */
export function scoreByCategory(overlaps: ArrayLike<number>, categories: ArrayLike<number>): Map<string, MaskScores> {
  const all = Array.from({ length: overlaps.length / 2 }, (_, n) => n);
  return new Map(
    byCategory(all, categories).map(([name, members]) => [
      name,
      scoreMasks(members.flatMap((n) => [overlaps[2 * n], overlaps[2 * n + 1]])),
    ]),
  );
}

/** Contents of `result.json`: the reference's `ious`, and more. */
export function resultOf(
  { overlaps, exact, illFormed, overLong }: Evaluated,
  categories: ArrayLike<number>,
): Readonly<Record<string, unknown>> {
  const named = ({ samples, empty, cumulativeIou, meanIou, precision }: MaskScores) => ({
    samples,
    both_empty: empty,
    cumulative_iou: cumulativeIou,
    mean_iou: meanIou,
    precision,
  });
  const pairs = Array.from({ length: overlaps!.length / 2 }, (_, n) => [overlaps![2 * n], overlaps![2 * n + 1]]);
  return {
    ious: pairs,
    ...named(scoreMasks(overlaps!)),
    per_category: Object.fromEntries(
      [...scoreByCategory(overlaps!, categories)].map(([name, scores]) => [name, named(scores)]),
    ),
    program_exact_match: exact && exact.filter(Boolean).length / exact.length,
    ill_formed_programs: exact && illFormed,
    over_long_programs: exact && overLong,
  };
}

/** Metrics of expressions that refer to nothing. */
export interface NothingScores {
  readonly name: string;
  readonly samples: number;
  /** Share of samples without a pixel of foreground. */
  readonly nothing: number;
  /** Mean share of pixels that are foreground. */
  readonly foreground: number;
  /** Quantiles of the number of foreground pixels. */
  readonly pixels: Readonly<Record<string, number>>;
}

/** Shares of {@link NothingScores.pixels}. */
export const QUANTILES = [0.5, 0.75, 0.9, 0.95, 1] as const;

/** Scores of expressions that refer to nothing, by category and together: the union in [N, 2] is the found mask's area. */
export function scoreNothing(
  overlaps: ArrayLike<number>,
  categories: ArrayLike<number>,
  pixels: number,
): NothingScores[] {
  const all = Array.from({ length: overlaps.length / 2 }, (_, n) => n);
  const score = (name: string, members: readonly number[]): NothingScores => {
    const found = members.map((n) => overlaps[2 * n + 1]).sort((a, b) => a - b);
    return {
      name,
      samples: members.length,
      nothing: found.filter((area) => area === 0).length / members.length,
      foreground: found.reduce((sum, area) => sum + area, 0) / (pixels * members.length),
      pixels: Object.fromEntries(QUANTILES.map((share) => [share, found[Math.ceil(share * found.length) - 1]])),
    };
  };
  return [...byCategory(all, categories).map(([name, members]) => score(name, members)), score("all", all)];
}

/** Samples of each category that occurs, in the table's order. */
function byCategory(all: readonly number[], categories: ArrayLike<number>): (readonly [string, number[]])[] {
  const names = [...CATEGORIES, ["other", -1] as const];
  return names.map(([name, index]) => [name, all.filter((n) => categories[n] === index)] as const)
    .filter(([, members]) => members.length > 0);
}
