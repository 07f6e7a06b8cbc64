/** `report.html` of a run, from its results, its log and some pictures. */
import { existsSync } from "node:fs";
import { distanceTable, type Results, resultsTable } from "../evaluation/results.ts";
import { writeFileAtomic } from "../../../engine/base/atomic.ts";
import { MetricsLog } from "../../run/metrics_log.ts";
import { type Picture, renderReport, type Table } from "../../run/report.ts";
import type { EvaluationFolder } from "../evaluation/folder.ts";

/** Losses in a log by key, and what the chart calls them: the minimised one, the total with decay, a model's own parts. */
function lossCurves(log: readonly Readonly<Record<string, unknown>>[]): [key: string, name: string][] {
  const parts = Object.keys(log[0] ?? {}).filter((key) => key.startsWith("cross_entropy_"));
  return [
    ["cross_entropy", "cross-entropy"],
    ["total_loss", "total"],
    ...parts.map((key): [string, string] => [key, key.slice("cross_entropy_".length)]),
  ];
}

/** Writes the report. */
export async function saveReport(
  results: Results,
  folder: EvaluationFolder,
  pictures: readonly Picture[],
): Promise<void> {
  const metrics = folder.file("metrics.jsonl");
  const log = existsSync(metrics) ? MetricsLog.read(metrics) : [];
  const curve = (name: string): [number, number][] => log.map((r) => [r.step, Number(r[name])]);
  const distances = distanceTable(results);
  const html = renderReport({
    title: `Itera: ${folder.path.split("/").at(-1)}`,
    summary: `${results.images} images of ${results.split}, ${results.instances} regions.`,
    tables: [resultsTable(results), ...distances ? [distances] : [], perClassTable(results)],
    charts: [
      { title: "Loss", curves: lossCurves(log).map(([key, name]) => ({ name, points: curve(key) })) },
      { title: "Learning rate", curves: [{ name: "rate", points: curve("rate") }] },
    ],
    bars: [{
      title: "Average precision of each class, most frequent first",
      items: byFrequency(results).map(({ name, count, ap }) => ({ name, value: ap, note: `(${count})` })),
    }],
    pictures,
    config: folder.config,
  });
  await writeFileAtomic(folder.file("report.html"), new TextEncoder().encode(html));
}

function byFrequency({ classes }: Results): Results["classes"] {
  return [...classes].sort((a, b) => b.count - a.count);
}

/** Count, AP, accuracy and score of each class. */
export function perClassTable(results: Results): Table {
  return {
    title: "Per class, most frequent first",
    columns: ["class", "instances", "AP", "AC", "SC"],
    rows: byFrequency(results).map(({ name, count, ap, ac, sc }) => [name, count, ap, ac, sc]),
    counts: ["instances"],
    folded: true,
  };
}
