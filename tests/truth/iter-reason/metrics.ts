/** Our evaluation beside the authors' (golden/metrics.json). */
import { regionMetrics } from "../../../model/regions/evaluation/metrics.ts";
import { uniform } from "./formula.ts";
import { largestDifference, type Rows } from "./rows.ts";

/** Figures of the authors' evaluation for tables of scores. */
export interface MetricsGolden {
  readonly kind: "metrics";
  readonly tables: readonly {
    readonly name: string;
    readonly n: number;
    readonly classes: number;
    /** Equal scores: rounded down to so many steps; 0 for none. */
    readonly levels: number;
    readonly labels: readonly number[];
    /** Mean over classes of score, accuracy, AP, then over instances. */
    readonly result: readonly number[];
    /** Of each class but the background; 0 where it has no instance. */
    readonly acs: readonly number[];
    readonly aps: readonly number[];
  }[];
}

/** Holds the golden file's figures. */
export function compareMetrics({ tables }: MetricsGolden, rows: Rows): void {
  for (const { name, n, classes, levels, labels, result, acs, aps } of tables) {
    const scores = uniform(`${name} scores`, n * classes, 0, 1);
    labels.forEach((label, i) => scores[i * classes + label] += 0.25);
    const table = levels > 0 ? scores.map((v) => Math.floor(v * levels) / levels) : scores;
    const { perClass: c, perInstance: i, classes: each } = regionMetrics(table, Int32Array.from(labels), classes);
    rows.add(`${name}: six figures`, largestDifference([c.sc, c.ac, c.ap, i.sc, i.ac, i.ap], result), 1e-6);
    for (const [key, want] of [["ac", acs], ["ap", aps]] as const) {
      const all = new Array<number>(classes - 1).fill(0);
      for (const row of each) all[row.label - 1] = row[key];
      rows.add(`${name}: ${key} of each class`, largestDifference(all, want), 1e-6);
    }
  }
}
