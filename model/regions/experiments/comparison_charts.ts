/** The comparison of an experiment as charts: what reasoning gains, for which classes, how far away, and when in training. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ComparedRow, Comparison } from "./comparison.ts";
import type { MemberResults } from "./experiment.ts";
import { METRIC_COLUMNS } from "../evaluation/results.ts";
import { MetricsLog } from "../../run/logs/metrics_log.ts";
import type { Chart, CurveChart } from "../../run/report/charts.ts";

/** (model − baseline) / (scene posterior − baseline) of every answer but the baseline's, for each metric. */
export function closedShares(
  rows: readonly ComparedRow[],
): { readonly name: string; readonly shares: readonly number[] }[] {
  const baseline = rows.find((row) => row.name === "baseline");
  const scene = rows.find((row) => row.kind === "exact" && row.name.startsWith("scene"));
  if (!baseline || !scene) return [];
  return rows.filter((row) => row.kind === "answer" && row !== baseline).map(({ name, mean }) => ({
    name,
    shares: mean.map((v, k) => (v - baseline.mean[k]) / (scene.mean[k] - baseline.mean[k])),
  }));
}

/** A finished run and its folder. */
export interface ComparedRun extends MemberResults {
  readonly path: string;
}

/** Most rows of a chart of classes: those that gain most and least. */
const MOST_CLASSES = 60;

/** The four metrics, the gain of each class, and accuracy by distance. */
export function comparisonCharts({ rows, distances, seeds }: Comparison, members: readonly MemberResults[]): Chart[] {
  const answers = rows.filter(({ kind }) => kind === "answer"), exact = rows.filter(({ kind }) => kind === "exact");
  const best = exact.filter(({ name }) => name.startsWith("scene")), shown = [...answers, ...best];
  const charts: Chart[] = [{
    kind: "bars",
    title: "The models at a glance",
    note: `Higher is better; AP is average precision, AC accuracy${
      seeds > 1 ? `; lines are the spread of ${seeds} seeds` : ""
    }${best.length > 0 ? "; the scene posterior is the best that anybody can know" : ""}.`,
    groups: METRIC_COLUMNS,
    series: shown.map(({ name, mean, spread, kind }) => ({
      name,
      values: mean,
      ...kind === "exact" ? {} : { spreads: spread },
    })),
  }];
  const gains = classGains(members);
  if (gains) charts.push(gains);
  if (distances.length > 0) {
    charts.push({
      kind: "bars",
      title: "Accuracy by what decides a region",
      note:
        "Its own look, its partner, or another pair so many pixels away: reasoning gains where the look does not decide.",
      groups: distances.map(({ name }) => name),
      series: shown.map(({ name, distances: values }) => ({ name, values })),
    });
  }
  return charts;
}

/** The two members that show what is gained: the baseline and the whole model, or the first and the last. */
export function contrast<M extends MemberResults>(members: readonly M[]): readonly [M, M] {
  const named = (name: string): M | undefined => members.find((member) => member.name === name);
  const first = named("baseline") ?? members[0], whole = named("final");
  const last = whole && whole !== first ? whole : members.findLast(({ name }) => name !== first.name) ?? first;
  return [first, members.find(({ name }) => name === last.name)!];
}

/** Average precision of each class by the last model minus that by the first, means over seeds; null for one model. */
function classGains(members: readonly MemberResults[]): Chart | null {
  const [first, last] = contrast(members).map(({ name }) => name);
  if (first === last) return null;
  const means = (name: string): Map<string, number> => {
    const own = members.filter((member) => member.name === name).map(({ results }) => results.classes);
    return new Map(
      own[0]?.map(({ name: label }) => [
        label,
        own.reduce((sum, classes) => sum + (classes.find((one) => one.name === label)?.ap ?? NaN), 0) / own.length,
      ]),
    );
  };
  const [before, after] = [means(first), means(last)];
  const items = members[0].results.classes.map(({ name, count }) => ({
    name,
    value: (after.get(name) ?? NaN) - (before.get(name) ?? NaN),
    note: `(${count})`,
  })).filter(({ value }) => Number.isFinite(value)).sort((a, b) => b.value - a.value);
  if (items.length === 0) return null;
  const half = MOST_CLASSES / 2,
    some = items.length > MOST_CLASSES ? [...items.slice(0, half), ...items.slice(-half)] : items;
  return {
    kind: "ranking",
    title: `Gain of each class: average precision of ${last} minus that of ${first}`,
    note: `In brackets how many regions of the split are of it${
      items.length > some.length
        ? `; the ${half} that gain most and the ${half} that gain least of ${items.length}`
        : ""
    }.`,
    items: some,
  };
}

/** Accuracy on held-out images over training where it was measured, and the loss of each model's answer. */
export function trainingCharts(runs: readonly ComparedRun[]): CurveChart[] {
  const logs = runs.map(({ folder, path }) => {
    const file = join(path, "metrics.jsonl");
    return { folder, records: existsSync(file) ? MetricsLog.read(file) : [] };
  });
  const curve = (key: (record: Readonly<Record<string, unknown>>) => unknown) =>
    logs.map(({ folder, records }) => ({
      name: folder,
      points: records.flatMap((record) => {
        const value = key(record);
        return typeof value === "number" ? [[record.step, value] as const] : [];
      }),
    }));
  const accuracy = curve(({ val_accuracy }) => val_accuracy).filter(({ points }) => points.length > 0);
  return [
    ...accuracy.length === 0 ? [] : [{
      kind: "curves" as const,
      title: "Accuracy over training",
      note: "Share of regions of the first images of the test split that the answer has right.",
      curves: accuracy,
    }],
    {
      kind: "curves",
      title: "Loss of each model's answer",
      note: "Cross-entropy of the prediction that counts, mean of the steps since the point before.",
      curves: curve((record) => {
        const part = Object.keys(record).findLast((key) => key.startsWith("cross_entropy_"));
        return record[part ?? "cross_entropy"];
      }),
    },
  ];
}
