/** Runs side by side: figures averaged over the seeds of each name. */
import { UserError } from "../../../engine/base/user_error.ts";
import type { DistanceRow } from "../evaluation/context_distance.ts";
import type { MemberResults } from "./experiment.ts";
import { fourMetrics, type ResultRow, type Results } from "../evaluation/results.ts";

/** Mean and spread (sample standard deviation, 0 for one) of numbers. */
export function meanAndSpread(values: readonly number[]): { readonly mean: number; readonly spread: number } {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { mean, spread: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}

/** A row of the comparison: figures averaged over the seeds of one name. */
export interface ComparedRow {
  readonly name: string;
  readonly kind: ResultRow["kind"];
  /** The four metrics, means over seeds. */
  readonly mean: readonly number[];
  /** Their spreads. */
  readonly spread: readonly number[];
  /** Accuracy in each range of context distances, means over seeds; empty where it is not known. */
  readonly distances: readonly number[];
}

/** The comparison of an experiment. */
export interface Comparison {
  readonly split: string;
  readonly images: number;
  /** Runs averaged in each row. */
  readonly seeds: number;
  /** Members' rows in order, then the exact posteriors once. */
  readonly rows: readonly ComparedRow[];
  /** Ranges of context distances with their instances. */
  readonly distances: readonly Pick<DistanceRow, "name" | "instances">[];
}

/** Averages the members of each name. */
export function compare(members: readonly MemberResults[]): Comparison {
  const names = [...new Set(members.map(({ name }) => name))];
  for (const { folder, name, results } of members) {
    const first = members.find((m) => m.name === name)!.results;
    const same = (r: Results): string => JSON.stringify([r.rows.map(({ kind }) => kind), r.contextDistances.length]);
    if (same(results) === same(first)) continue;
    throw new UserError(
      `${folder}/results.json: has other rows than the other runs of ${name}; evaluate them all anew`,
    );
  }
  const of = (name: string): Results[] => members.filter((m) => m.name === name).map(({ results }) => results);
  const average = (results: readonly Results[], index: number, name: string): ComparedRow => {
    const figures = results.map(({ rows }) => fourMetrics(rows[index]));
    const stats = figures[0].map((_, k) => meanAndSpread(figures.map((four) => four[k])));
    return {
      name,
      kind: results[0].rows[index].kind,
      mean: stats.map((s) => s.mean),
      spread: stats.map((s) => s.spread),
      distances: results[0].contextDistances.map((_, c) =>
        meanAndSpread(results.map((r) => r.contextDistances[c].accuracy[index])).mean
      ),
    };
  };
  const own = names.flatMap((name) => {
    const results = of(name);
    return results[0].rows.flatMap((row, index) =>
      row.kind === "exact" ? [] : [average(results, index, row.kind === "answer" ? name : `${name}: ${part(row.name)}`)]
    );
  });
  const { split, images, rows, contextDistances } = members[0].results;
  const exact = rows.flatMap((row, index) =>
    row.kind === "exact" ? [average([members[0].results], index, row.name)] : []
  );
  return {
    split,
    images,
    seeds: of(names[0]).length,
    rows: [...own, ...exact],
    distances: contextDistances.map(({ name, instances }) => ({ name, instances })),
  };
}

const part = (name: string): string => name.slice(name.indexOf(": ") + 2);
