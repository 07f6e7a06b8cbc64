/** The comparison of an experiment as tables, and as a page. */
import { join } from "node:path";
import type { ComparedRow, Comparison } from "./comparison.ts";
import type { Experiment } from "./experiment.ts";
import { METRIC_COLUMNS } from "../evaluation/results.ts";
import { writeFileAtomic, writeJsonAtomic } from "../../../engine/base/atomic.ts";
import { MetricsLog } from "../../run/metrics_log.ts";
import { renderReport, type Table } from "../../run/report.ts";

/** Everything worth printing: the four metrics, the share of the way closed, accuracy by distance of the deciding object. */
export function comparisonTables(comparison: Comparison): Table[] {
  const { split, seeds, rows, distances } = comparison;
  const figure = (row: ComparedRow, k: number): string | number =>
    seeds > 1 && row.kind !== "exact" ? `${row.mean[k].toFixed(3)} ± ${row.spread[k].toFixed(3)}` : row.mean[k];
  const tables: Table[] = [{
    title: `Results on ${split}${seeds > 1 ? `, mean ± spread of ${seeds} seeds` : ""}`,
    columns: ["model", ...METRIC_COLUMNS],
    rows: rows.map((row) => [row.name, ...METRIC_COLUMNS.map((_, k) => figure(row, k))]),
  }];
  const closed = closedShares(rows);
  if (closed.length > 0) {
    tables.push({
      title: "Share of the way from the baseline to the scene posterior",
      columns: ["model", ...METRIC_COLUMNS],
      rows: closed.map(({ name, shares }) => [name, ...shares]),
    });
  }
  if (distances.length > 0) {
    tables.push({
      title: "Per-instance accuracy by distance of the deciding object",
      columns: ["model", ...distances.map(({ name, instances }) => `${name} (${instances})`)],
      rows: rows.map((row) => [row.name, ...row.distances]),
    });
  }
  return tables;
}

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

/** Writes `report.html` and `comparison.json` in the experiment's folder. */
export async function saveComparison(experiment: Experiment, comparison: Comparison): Promise<void> {
  const curves = experiment.members.map(({ folder }) => ({
    name: folder,
    points: MetricsLog.read(join(experiment.path, folder, "metrics.jsonl"))
      .map((r): [number, number] => [r.step, Number(r.cross_entropy_image ?? r.cross_entropy)]),
  }));
  const html = renderReport({
    title: `Itera: ${experiment.title}`,
    summary: `${experiment.members.length} runs scored on ${comparison.images} images of ${comparison.split}.`,
    links: experiment.members.map(({ folder, name }) => ({
      href: `${folder}/report.html`,
      text: folder === name ? name : `${name}: ${folder}`,
    })),
    tables: comparisonTables(comparison),
    charts: [{ title: "Loss of the ConvNet's own prediction", curves }],
    pictures: [],
    config: experiment.members,
  });
  await writeFileAtomic(join(experiment.path, "report.html"), new TextEncoder().encode(html));
  await writeJsonAtomic(join(experiment.path, "comparison.json"), comparison);
}
