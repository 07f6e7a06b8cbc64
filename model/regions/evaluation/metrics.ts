/**
 * The metrics of region classification, exactly as the reference of "Iterative Visual Reasoning Beyond Convolutions"
 * computes them (its VOC-style evaluation), in float64. Where the reference's sort is unstable, ties keep region order here.
 */

/** One family of three figures in [0, 1]: score (probability of the true class), accuracy, average precision. */
export interface MetricTriple {
  /** Mean probability of the right class. */
  readonly sc: number;
  /** Share of regions whose likeliest class is right. */
  readonly ac: number;
  /** Average precision. */
  readonly ap: number;
}

/** Figures of one class that has at least one instance. */
export interface ClassMetrics extends MetricTriple {
  /** Class index, 1..C-1. */
  readonly label: number;
  /** Number of instances that carry it. */
  readonly count: number;
}

/** All figures of one evaluation. */
export interface Metrics {
  /** Number of instances. */
  readonly instances: number;
  /** Figures over all instances. The average precision ranks by the probability of the true class. */
  readonly perInstance: MetricTriple;
  /** Plain means over the classes that have instances. */
  readonly perClass: MetricTriple;
  /** One row per class with instances, in label order. */
  readonly classes: readonly ClassMetrics[];
}

/**
 * Scores `probabilities` [N, C] (row-major, the full softmax, background in column 0) against `labels` [N] in 1..C-1.
 * The predicted class is the first largest of columns 1..C-1.
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { regionMetrics } from "@itera/itera/models";
 *
 * // Two regions and three classes, of which the first is the background.
 * const probabilities = Float32Array.of(0, 0.75, 0.25, 0, 0.625, 0.375), labels = Int32Array.of(1, 2);
 * const { perInstance, classes } = regionMetrics(probabilities, labels, 3);
 * strictEqual(perInstance.ac, 0.5); // the second region is wrong
 * strictEqual(perInstance.sc, (0.75 + 0.375) / 2);
 * deepStrictEqual(classes.map(({ label, ac }) => [label, ac]), [[1, 1], [2, 0]]);
 * ```
 *
 * @throws {RangeError} when N is 0, the sizes disagree, a label is out of range or a probability is not a number.
 */
export function regionMetrics(
  probabilities: Float32Array | Float64Array,
  labels: Int32Array,
  classes: number,
): Metrics {
  const n = labels.length;
  check(probabilities, labels, classes);
  const predicted = predictions(probabilities, n, classes);
  const truth = new Float64Array(n);
  const hit = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    truth[i] = probabilities[i * classes + labels[i]];
    hit[i] = predicted[i] === labels[i] ? 1 : 0;
  }

  const rows: ClassMetrics[] = [];
  const column = new Float64Array(n);
  const isClass = new Uint8Array(n);
  for (let label = 1; label < classes; label++) {
    let count = 0, score = 0, right = 0;
    for (let i = 0; i < n; i++) {
      column[i] = probabilities[i * classes + label];
      isClass[i] = labels[i] === label ? 1 : 0;
      if (labels[i] !== label) continue;
      count++;
      score += truth[i];
      right += hit[i];
    }
    if (count === 0) continue;
    rows.push({ label, count, sc: score / count, ac: right / count, ap: averagePrecision(column, isClass, count) });
  }

  return {
    instances: n,
    perInstance: { sc: mean(truth), ac: mean(hit), ap: averagePrecision(truth, hit, n) },
    perClass: {
      sc: mean(rows.map((row) => row.sc)),
      ac: mean(rows.map((row) => row.ac)),
      ap: mean(rows.map((row) => row.ap)),
    },
    classes: rows,
  };
}

/**
 * All-point VOC average precision: rank by `scores` descending (stable), hits in `positive`, recall over `total`. The
 * area under precision made monotone from the right, summed where recall changes.
 */
export function averagePrecision(scores: ArrayLike<number>, positive: ArrayLike<number>, total: number): number {
  const order = Int32Array.from({ length: scores.length }, (_, i) => i);
  order.sort((a, b) => scores[b] - scores[a] || a - b);
  // Only ranks that hold a hit change recall; between two of them the largest precision is at the later one.
  const recalls: number[] = [];
  const precisions: number[] = [];
  let hits = 0;
  for (let rank = 0; rank < order.length; rank++) {
    if (!positive[order[rank]]) continue;
    hits++;
    recalls.push(hits / total);
    precisions.push(hits / (rank + 1));
  }
  for (let i = precisions.length - 2; i >= 0; i--) precisions[i] = Math.max(precisions[i], precisions[i + 1]);
  let area = 0;
  for (let i = 0; i < recalls.length; i++) area += (recalls[i] - (i === 0 ? 0 : recalls[i - 1])) * precisions[i];
  return area;
}

/** The first largest of columns 1..C-1 of every row, [N]. */
export function predictions(probabilities: Float32Array | Float64Array, n: number, classes: number): Int32Array {
  const best = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    let label = 1;
    for (let c = 2; c < classes; c++) {
      if (probabilities[i * classes + c] > probabilities[i * classes + label]) label = c;
    }
    best[i] = label;
  }
  return best;
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

function check(probabilities: Float32Array | Float64Array, labels: Int32Array, classes: number): void {
  const n = labels.length;
  if (n === 0) throw new RangeError("metrics: no instance to score; the split holds no labelled region");
  if (!Number.isInteger(classes) || classes < 2) {
    throw new RangeError(`metrics: ${classes} classes; at least one beside the background is needed`);
  }
  if (probabilities.length !== n * classes) {
    throw new RangeError(
      `metrics: ${probabilities.length} probabilities for ${n} labels of ${classes} classes, expected ${n * classes}`,
    );
  }
  for (let i = 0; i < n; i++) {
    if (labels[i] < 1 || labels[i] >= classes) {
      throw new RangeError(`metrics: label ${labels[i]} of instance ${i} is outside 1..${classes - 1}`);
    }
  }
  for (let i = 0; i < probabilities.length; i++) {
    if (Number.isNaN(probabilities[i])) {
      throw new RangeError(
        `metrics: the probability of class ${i % classes} of instance ${Math.floor(i / classes)} is NaN`,
      );
    }
  }
}
