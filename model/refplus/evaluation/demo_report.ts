/** The demonstration's report: tables, curves, and the masks of all nodes for an expression of each category. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";
import { writeFileAtomic } from "../../../engine/base/atomic.ts";
import { MetricsLog } from "../../run/logs/metrics_log.ts";
import type { CurveChart } from "../../run/report/charts.ts";
import { renderReport, type Table } from "../../run/report/page.ts";
import type { Picture } from "../../run/report/pictures.ts";
import type { ExecutionEngine } from "../engine/execution_engine.ts";
import { inspectExpressions, type InspectFiles } from "./inspect.ts";
import type { RefplusCheckpoint } from "../checkpoint.ts";
import { type NodeMask, scoreNodes } from "./node_masks.ts";

/** Expressions of each category whose nodes are scored; the first is drawn. */
const EACH = 12;

/** Contents of the report. */
export interface DemoResults {
  /** Folder of the runs. */
  readonly runs: string;
  readonly engine: ExecutionEngine;
  readonly checkpoint: RefplusCheckpoint;
  readonly files: InspectFiles;
  /** Tables already printed. */
  readonly tables: readonly Table[];
}

/** Charts: a title, and for each curve its run and its name in that run's log. */
const CHARTS = [
  { title: "Program generator: loss", curves: [["generator", "loss", "loss"]], logarithmic: true },
  {
    title: "Program generator: held-out programs written exactly",
    curves: [["generator", "val_exact_match", "exact"]],
  },
  { title: "Execution engine: loss", curves: [["engine", "loss", "loss"]], logarithmic: true },
  {
    title: "Execution engine: cumulative IoU",
    curves: [["engine", "iou", "training nodes"], ["engine", "val_iou", "held-out programs"]],
  },
  {
    title: "Joint training: reward",
    curves: [["joint", "reward", "drawn programs"], ["joint", "likeliest_reward", "likeliest programs"]],
  },
] as const;

/** Writes the report to `path`; returns the nodes' scores by function. */
export async function saveDemoReport(
  path: string,
  { runs, engine, checkpoint, files, tables }: DemoResults,
): Promise<Table> {
  const nodes: NodeMask[] = [], pictures: Picture[] = [];
  const seen = new Map<string, number>();
  const wanted = ({ template_filename }: { readonly template_filename: string }): boolean => {
    const count = seen.get(template_filename) ?? 0;
    seen.set(template_filename, count + 1);
    return count < EACH;
  };
  for await (const { refexp, nodes: own, chain } of inspectExpressions(engine, checkpoint, files, wanted)) {
    nodes.push(...own);
    if (seen.get(refexp.template_filename) !== 1 || !chain) continue;
    const png = await chain();
    const { width, height } = await (await loadSharp())(png).metadata();
    pictures.push({
      title: `${refexp.template_filename.replace(".json", "")}: ${refexp.refexp}`,
      width,
      height,
      file: png,
      type: "image/png",
      boxes: [],
    });
  }
  const byFunction: Table = {
    title: "Nodes of the programs, by function",
    columns: ["function", "nodes", "cumulative IoU"],
    rows: scoreNodes(nodes, "type").map(({ name, nodes, iou }) => [name, nodes, iou]),
    counts: ["nodes"],
  };
  const html = await renderReport({
    title: "Itera: referring expressions",
    summary:
      "Masks of held-out expressions, and of every node of one program in each category: the mask that the module " +
      "network finds at that node, in red.",
    parts: [
      ...tables,
      byFunction,
      ...CHARTS.map((chart) => chartOf(runs, chart)),
      { title: "Pictures", note: "An expression of each category: the mask of every node of its program.", pictures },
    ],
    config: checkpoint.config,
  });
  await writeFileAtomic(path, new TextEncoder().encode(html));
  return byFunction;
}

function chartOf(runs: string, chart: typeof CHARTS[number]): CurveChart {
  const curves = chart.curves.map(([run, key, name]) => {
    const path = join(runs, run, "metrics.jsonl");
    const log = existsSync(path) ? MetricsLog.read(path) : [];
    const points = log.filter((row) => key in row).map((row): [number, number] => [row.step, Number(row[key])]);
    return { name, points };
  });
  return { kind: "curves", title: chart.title, curves, logarithmic: "logarithmic" in chart };
}
