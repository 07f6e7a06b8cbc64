/** `report.html` of a run, from its results, its log and some pictures. */
import { existsSync } from "node:fs";
import { distanceTable, type Results, resultsTable } from "../evaluation/results.ts";
import { writeFileAtomic } from "../../../engine/base/atomic.ts";
import { MetricsLog } from "../../run/logs/metrics_log.ts";
import type { Json } from "../../run/layers.ts";
import type { CurveChart } from "../../run/report/charts.ts";
import { renderReport, type Table } from "../../run/report/page.ts";
import type { Picture } from "../../run/report/pictures.ts";
import { sessionFacts } from "../../run/sessions.ts";
import { changedTable } from "../../run/settings/tables.ts";
import { REGION_RUNS } from "../config.ts";
import type { EvaluationFolder } from "../evaluation/folder.ts";

/** A sentence on the measures that every table has. */
export const MEASURES =
  "AP is average precision over scores, AC accuracy; per instance each region counts alike, per class each class.";

/** A sentence on the rows of a model's table. */
const ROWS =
  'The first row is the answer; below it the predictions that it is made of, such as "local 1", the memory\'s first. ';

/** A sentence on exact posteriors. */
const EXACT = "An exact posterior is the best that anybody can know from what its name says.";

/** Writes the report. */
export async function saveReport(
  results: Results,
  folder: EvaluationFolder,
  pictures: readonly Picture[],
): Promise<void> {
  const distances = distanceTable(results);
  const config = folder.config as unknown as Json, exact = results.rows.some(({ kind }) => kind === "exact");
  const html = await renderReport({
    title: `Itera: ${folder.path.split("/").at(-1)}`,
    summary: `${results.images} images of ${results.split}, ${results.instances} regions.`,
    facts: sessionFacts(folder),
    parts: [
      { ...resultsTable(results), note: `${MEASURES} ${ROWS}${exact ? ` ${EXACT}` : ""}` },
      ...distances ? [{ ...distances, note: DISTANCES }] : [],
      ...lossCharts(folder),
      {
        kind: "ranking",
        title: "Average precision of each class",
        note: "Most frequent first; in brackets how many regions of the split are of it.",
        domain: [0, 1],
        items: byFrequency(results).map(({ name, count, ap }) => ({ name, value: ap, note: `(${count})` })),
      },
      perClassTable(results),
      changedTable(REGION_RUNS, config),
      { title: "Pictures", note: PICTURES, pictures },
    ],
    config,
  });
  await writeFileAtomic(folder.file("report.html"), new TextEncoder().encode(html));
}

/** A sentence on distances. */
export const DISTANCES =
  "What decides a region may be its own look, its partner, or another pair somewhere in the picture: " +
  "columns say what, and how far away it is; in brackets how many regions.";

/** A sentence on pictures. */
export const PICTURES =
  "The first images of the split. A dashed frame is a wrong answer, with the truth in brackets. " +
  "Labels without space appear under the pointer; a click enlarges.";

/** Losses in a log: the total that is minimised, its parts, and the rate. */
function lossCharts(folder: EvaluationFolder): CurveChart[] {
  const metrics = folder.file("metrics.jsonl");
  const log = existsSync(metrics) ? MetricsLog.read(metrics) : [];
  const curve = (key: string, name: string) => ({
    name,
    points: log.flatMap((r) => typeof r[key] === "number" ? [[r.step, r[key]] as const] : []),
  });
  const prefix = "cross_entropy_", parts = Object.keys(log[0] ?? {}).filter((key) => key.startsWith(prefix));
  const decays = log.some((r) => r.total_loss !== r.cross_entropy);
  const accuracy = curve("val_accuracy", "accuracy");
  return [
    ...accuracy.points.length === 0 ? [] : [{
      kind: "curves" as const,
      title: "Accuracy over training",
      note: "Share of regions of the first images of the test split that the answer has right.",
      curves: [accuracy],
    }],
    {
      kind: "curves",
      title: "Total loss",
      note: `The loss that training minimises, mean of the steps since the point before${
        decays ? "; beside it with the decay of weights" : ""
      }.`,
      curves: [curve("cross_entropy", "cross-entropy"), ...decays ? [curve("total_loss", "with decay")] : []],
    },
    ...parts.length === 0 ? [] : [{
      kind: "curves" as const,
      title: "Parts of the loss",
      note: "Cross-entropy of each prediction, before the factors by which they add up.",
      curves: parts.map((key) => curve(key, key.slice(prefix.length))),
    }],
    {
      kind: "curves",
      title: "Learning rate",
      note: "It holds between the steps at which it changes.",
      steps: true,
      curves: [curve("rate", "rate")],
    },
  ];
}

function byFrequency({ classes }: Results): Results["classes"] {
  return [...classes].sort((a, b) => b.count - a.count);
}

/** Count, AP, accuracy and score of each class. */
export function perClassTable(results: Results): Table {
  return {
    title: "Per class, most frequent first",
    note: "AP, AC and SC: average precision, accuracy, and the mean probability of the truth.",
    columns: ["class", "instances", "AP", "AC", "SC"],
    rows: byFrequency(results).map(({ name, count, ap, ac, sc }) => [name, count, ap, ac, sc]),
    counts: ["instances"],
    folded: true,
  };
}
