/** `itera compare`: runs side by side, on a page and in tables. */
import type { Command } from "@commander-js/extra-typings";
import { existsSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { writeFileAtomic } from "../engine/base/atomic.ts";
import { UserError } from "../engine/base/user_error.ts";
import { kindOfRun, RUN_KINDS } from "../model/kinds.ts";
import { readResults } from "../model/regions/evaluation/results.ts";
import { compare } from "../model/regions/experiments/comparison.ts";
import type { ComparedRun } from "../model/regions/experiments/comparison_charts.ts";
import { comparisonPage, comparisonTables } from "../model/regions/experiments/experiment_report.ts";
import type { RunKind } from "../model/run/kind.ts";
import { readJsonFile } from "../model/run/layers.ts";
import { MetricsLog, type MetricsRecord } from "../model/run/logs/metrics_log.ts";
import { renderReport, type Table } from "../model/run/report/page.ts";
import { requireRun, runsIn } from "../model/run/run_names.ts";
import { differingSettings } from "../model/run/settings/tables.ts";
import { fact, table } from "./terminal/output.ts";

/** A run to compare. */
interface Run {
  /** Its name on the page: the folder's, or the path where two have one name. */
  readonly folder: string;
  readonly path: string;
}

/** Adds the command. */
export function addCompare(program: Command): void {
  program.command("compare")
    .description("put runs side by side: tables, curves, settings that differ; of an experiment all its runs")
    .argument("<runs...>", "folders of runs or experiments")
    .option("--out <file>", "the page to write", "comparison.html")
    .action(async (paths, { out }) => {
      const runs = named(paths.flatMap((path) => existsSync(join(path, "experiment.json")) ? runsIn(path) : [path]));
      for (const { path } of runs) requireRun(path);
      if (runs.length < 2) throw new UserError("compare: name at least two runs");
      const kind = oneKind(runs),
        links = runs.map(({ path, folder }) => ({
          href: relative(dirname(out), join(path, "report.html")),
          text: folder,
        })).filter((_, i) => existsSync(join(runs[i].path, "report.html")));
      const page = kind.kind === "regions" ? await regions(runs, links) : await others(kind, runs, links);
      await writeFileAtomic(out, page);
      fact("report", out);
    });
}

function named(paths: readonly string[]): Run[] {
  const names = paths.map((path) => basename(path.replace(/[/\\]+$/, "")));
  return paths.map((path, i) => ({
    path,
    folder: names.indexOf(names[i]) === names.lastIndexOf(names[i]) ? names[i] : path,
  }));
}

/** The kind that all the runs are of. */
function oneKind(runs: readonly Run[]): RunKind {
  const kinds = runs.map(({ path }) => kindOfRun(path)), other = kinds.findIndex((kind) => kind !== kinds[0]);
  if (other > 0) {
    throw new UserError(
      `${runs[other].path}: is a run of the kind ${kinds[other]}, ${runs[0].path} of ${
        kinds[0]
      }; compare runs of one kind`,
    );
  }
  const kind = RUN_KINDS.find(({ kind }) => kind === kinds[0]);
  if (!kind) throw new UserError(`${runs[0].path}: is of no kind of run that this version knows`);
  return kind;
}

/** Region classifiers by their results. */
async function regions(
  runs: readonly Run[],
  links: { readonly href: string; readonly text: string }[],
): Promise<Uint8Array> {
  const scored = runs.map(({ path, folder }): ComparedRun => {
    const file = join(path, "results.json");
    if (!existsSync(file)) throw new UserError(`${path}: has no results yet; itera evaluate ${path} writes them`);
    return { path, folder, name: folder, settings: {}, results: readResults(file) };
  });
  const { split } = scored[0].results, other = scored.find(({ results }) => results.split !== split);
  if (other) {
    throw new UserError(
      `${other.path}: was scored on ${other.results.split}, ${scored[0].path} on ${split}; compare runs of one split`,
    );
  }
  const comparison = compare(scored);
  for (const part of comparisonTables(comparison)) table(part);
  table(differingSettings(RUN_KINDS[0], runs));
  const configs = Object.fromEntries(runs.map(({ path, folder }) => [folder, readJsonFile(join(path, "config.json"))]));
  return await comparisonPage(runs.map(({ folder }) => folder).join(", "), comparison, scored, links, configs);
}

/** Runs of other kinds by their logs. */
async function others(
  kind: RunKind,
  runs: readonly Run[],
  links: { readonly href: string; readonly text: string }[],
): Promise<Uint8Array> {
  const logs = runs.map(({ path }) => {
    const file = join(path, "metrics.jsonl");
    return existsSync(file) ? MetricsLog.read(file) : [];
  });
  const keys = [...new Set(logs.flat().flatMap(Object.keys))].filter((key) =>
    key !== "step" && logs.flat().some((record) => typeof record[key] === "number")
  );
  const last: Table = {
    title: "Last records",
    note: "The last value that each run recorded.",
    columns: ["run", ...keys],
    rows: runs.map(({ folder }, i) => [folder, ...keys.map((key) => lastOf(logs[i], key))]),
  };
  const settings = differingSettings(kind, runs);
  for (const part of [last, settings]) table(part);
  const html = await renderReport({
    title: `Itera: ${runs.map(({ folder }) => folder).join(", ")}`,
    summary: `${runs.length} runs of the kind ${kind.kind}.`,
    links,
    parts: [
      last,
      settings,
      ...keys.map((key) => ({
        kind: "curves" as const,
        title: key,
        steps: key === "rate",
        curves: runs.map(({ folder }, i) => ({
          name: folder,
          points: logs[i].flatMap((record) =>
            typeof record[key] === "number" ? [[record.step, record[key]] as const] : []
          ),
        })),
      })),
    ],
    config: Object.fromEntries(runs.map(({ path, folder }) => [folder, readJsonFile(join(path, "config.json"))])),
  });
  return new TextEncoder().encode(html);
}

function lastOf(log: readonly MetricsRecord[], key: string): number | null {
  const value = log.findLast((record) => typeof record[key] === "number")?.[key];
  return typeof value === "number" ? value : null;
}
