/** The comparison of an experiment as tables, and as a page. */
import { join } from "node:path";
import type { ComparedRow, Comparison } from "./comparison.ts";
import { closedShares, type ComparedRun, comparisonCharts, contrast, trainingCharts } from "./comparison_charts.ts";
import type { Experiment, MemberResults } from "./experiment.ts";
import { METRIC_COLUMNS } from "../evaluation/results.ts";
import { writeFileAtomic, writeJsonAtomic } from "../../../engine/base/atomic.ts";
import { type Json, readJsonFile } from "../../run/layers.ts";
import { type Part, renderReport, type Report, type Table } from "../../run/report/page.ts";
import { changedTable, differingSettings } from "../../run/settings/tables.ts";
import { factsOf, readSessions } from "../../run/sessions.ts";
import { REGION_RUNS, type TrainConfig, trainConfigSchema } from "../config.ts";
import { pairedPictures } from "../report/comparison_pictures.ts";
import { DISTANCES, MEASURES, PICTURES } from "../report/run_report.ts";

/** Everything worth printing: the four metrics, the share of the way closed, accuracy by distance of the deciding object. */
export function comparisonTables(comparison: Comparison): Table[] {
  const { split, seeds, rows, distances } = comparison;
  const figure = (row: ComparedRow, k: number): string | number =>
    seeds > 1 && row.kind !== "exact" ? `${row.mean[k].toFixed(3)} ± ${row.spread[k].toFixed(3)}` : row.mean[k];
  const tables: Table[] = [{
    title: `Results on ${split}${seeds > 1 ? `, mean ± spread of ${seeds} seeds` : ""}`,
    note: MEASURES,
    columns: ["model", ...METRIC_COLUMNS],
    rows: rows.map((row) => [row.name, ...METRIC_COLUMNS.map((_, k) => figure(row, k))]),
  }];
  const closed = closedShares(rows);
  if (closed.length > 0) {
    tables.push({
      title: "Share of the way from the baseline to the scene posterior",
      note:
        "The scene posterior is the best that anybody can know from the whole image: 1 would be all there is to gain.",
      columns: ["model", ...METRIC_COLUMNS],
      rows: closed.map(({ name, shares }) => [name, ...shares]),
    });
  }
  if (distances.length > 0) {
    tables.push({
      title: "Per-instance accuracy by distance of the deciding object",
      note: DISTANCES,
      columns: ["model", ...distances.map(({ name, instances }) => `${name} (${instances})`)],
      rows: rows.map((row) => [row.name, ...row.distances]),
    });
  }
  return tables;
}

/** Writes `report.html`, with what `parts` say first, and `comparison.json` in the experiment's folder. */
export async function saveComparison(
  { path, title, members }: Pick<Experiment, "path" | "title" | "members">,
  comparison: Comparison,
  done: readonly MemberResults[],
  parts: readonly Part[] = [],
): Promise<void> {
  const runs = done.map((member) => ({ ...member, path: join(path, member.folder) }));
  const links = members.map(({ folder, name }) => ({
    href: `${folder}/report.html`,
    text: folder === name ? name : `${name}: ${folder}`,
  }));
  await writeFileAtomic(
    join(path, "report.html"),
    await comparisonPage(title, comparison, runs, links, members, parts),
  );
  await writeJsonAtomic(join(path, "comparison.json"), comparison);
}

/** The page of a comparison: the models at a glance, tables, training, and the same pictures by two of them. */
export async function comparisonPage(
  title: string,
  comparison: Comparison,
  runs: readonly ComparedRun[],
  links: Report["links"],
  config: unknown,
  parts: readonly Part[] = [],
): Promise<Uint8Array> {
  const [first, last] = contrast(runs);
  const html = await renderReport({
    title: `Itera: ${title}`,
    summary: `${runs.length} runs scored on ${comparison.images} images of ${comparison.split}.`,
    facts: factsOf(runs.flatMap(({ path }) => readSessions({ file: (name) => join(path, name) }))),
    links: links ?? [],
    parts: [
      ...parts,
      ...comparisonCharts(comparison, runs),
      ...comparisonTables(comparison),
      ...trainingCharts(runs),
      ...first === last ? [] : [{
        title: `${first.name} and ${last.name} on the same pictures`,
        note: PICTURES,
        ...await pairedPictures([first, last], readConfig(last.path)),
      }],
      differingSettings(REGION_RUNS, runs),
      ...runs.slice(0, 1).map(({ path }) => changedTable(REGION_RUNS, readConfig(path) as unknown as Json)),
    ],
    config,
  });
  return new TextEncoder().encode(html);
}

/** Settings that a run has. */
function readConfig(run: string): TrainConfig {
  return trainConfigSchema.parse(readJsonFile(join(run, "config.json")));
}
