/** `itera hops`: the proof that iterating reasons, as one table. */
import type { Command } from "@commander-js/extra-typings";
import { join } from "node:path";
import { isHops } from "../datasets/hops/dataset.ts";
import { UserError } from "../engine/base/user_error.ts";
import { writeJsonAtomic } from "../engine/base/atomic.ts";
import { compare } from "../model/regions/experiments/comparison.ts";
import { saveComparison } from "../model/regions/experiments/experiment_report.ts";
import { Experiment, type Member } from "../model/regions/experiments/experiment.ts";
import { HOP_QUICK, HOP_SETTINGS, hopMembers, hopTables, longerTable } from "../model/regions/experiments/hops.ts";
import { evaluateLonger } from "../model/regions/experiments/hops_longer.ts";
import { evaluateWithGaps, HOP_GAPS } from "../model/regions/experiments/hops_missing.ts";
import { travellingPredictions } from "../model/regions/experiments/hops_pictures.ts";
import { modelOf, readCheckpoint } from "../model/regions/checkpoint.ts";
import { openSplit } from "../model/regions/trainer.ts";
import type { Pictures, Table } from "../model/run/report/page.ts";
import { openDevice } from "../model/run/run_config.ts";
import { REGION_RUNS } from "../model/regions/config.ts";
import { settingLayer } from "../model/run/layers.ts";
import { settingsLayer } from "../model/run/settings/file.ts";
import { inRunFolder, latestRun, runPath } from "../model/run/run_names.ts";
import { collect, toName, toSize } from "./terminal/flags.ts";
import { fact, Progress, table } from "./terminal/output.ts";
import { trainExperiment } from "./terminal/training.ts";

/** Seeds of `--all`. */
const SEEDS = 3;

/** Adds the command. */
export function addHops(program: Command): void {
  program.command("hops")
    .description("train the models on the hop scenes and show how far each update reasons, link by link")
    .option("--name <experiment>", "name of the experiment's folder", toName)
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--resume", "go on with the experiment of that name, or with the last one worked on")
    .option("--seed <n>", "first seed", toSize, 3)
    .option("--quick", "the baseline and the graph alone, two updates, fewer steps")
    .option("--all", "three seeds, and the whole model without each of its parts; hours")
    .option("--config <file>", "JSON or YAML file of settings; may be repeated", collect, [] as string[])
    .option("--set <key=value>", "one setting; may be repeated", collect, [] as string[])
    .action(async ({ name, runs, resume, seed, quick, all, config, set }) => {
      const given = [...await Promise.all(config.map(settingsLayer)), ...set.map(settingLayer)];
      let experiment: Experiment;
      if (resume) {
        const path = runPath(runs, name ?? latestRun(runs, [REGION_RUNS]));
        if (!Experiment.is(path)) throw new UserError(`${path}: is no experiment to resume`);
        if (given.length > 0) throw new UserError(`${given[0].source}: a resumed experiment keeps its settings`);
        experiment = Experiment.open(path);
      } else {
        if (quick && all) throw new UserError("--quick and --all: choose one");
        const seeds = Array.from({ length: all ? SEEDS : 1 }, (_, i) => seed + i);
        const layers = [
          { source: "itera hops", value: HOP_SETTINGS },
          ...quick ? [{ source: "--quick", value: HOP_QUICK }] : [],
          ...all ? [] : [{ source: "--seed", value: { seed } }],
          ...given,
        ];
        experiment = await inRunFolder(
          runs,
          name,
          "hops",
          (path) => Experiment.create(path, "hop scenes", hopMembers(seeds, { quick, all }), layers),
        );
      }
      const done = await trainExperiment(experiment);
      const tables = [...hopTables(done), ...await onLongerChains(experiment), await withGaps(experiment)];
      for (const part of tables) table(part);
      await writeJsonAtomic(join(experiment.path, "hops.json"), tables);
      await saveComparison(experiment, compare(done), done, [...await pictures(experiment), ...tables]);
      fact("report", join(experiment.path, "report.html"));
    });
}

/** Members of an experiment, each once for all its seeds, whose graph has one layer: an update carries what is known by one link. */
function ofOneLayer({ members }: Experiment): Member[] {
  return ["global", "final"].flatMap((name) => members.find((member) => member.name === name) ?? []);
}

/** The graph and the whole model on longer chains than they were trained on. */
async function onLongerChains(experiment: Experiment): Promise<Table[]> {
  const tables: Table[] = [];
  for (const member of ofOneLayer(experiment)) {
    const checkpoint = await readCheckpoint(join(experiment.path, member.folder));
    await using device = await openDevice(checkpoint.config);
    using progress = new Progress(`${member.folder}, longer chains`, "images");
    const longer = await evaluateLonger(device, checkpoint, {
      onEvaluate: (done, of) => progress.update(done, of),
    });
    tables.push(longerTable(member, longer));
  }
  return tables;
}

/** A scene with the predictions of the graph and of the whole model after each update. */
async function pictures(experiment: Experiment): Promise<Pictures[]> {
  const parts: Pictures[] = [];
  for (const { folder, name } of ofOneLayer(experiment)) {
    const path = join(experiment.path, folder), { config } = await readCheckpoint(path);
    parts.push(await travellingPredictions(path, name, config));
  }
  return parts;
}

/** The graph and the whole model on scenes of which they see only some objects, beside the posterior that lacks the same. */
async function withGaps(experiment: Experiment): Promise<Table> {
  const rows: Table["rows"][number][] = [];
  for (const { folder, name } of experiment.members) {
    if (name !== "global" && name !== "final") continue;
    const checkpoint = await readCheckpoint(join(experiment.path, folder)), { config } = checkpoint;
    const test = await openSplit(config, config.dataset.testSplit);
    if (!isHops(test)) throw new UserError(`${folder}: was trained on ${test.name}, not on hop scenes`);
    await using device = await openDevice(config);
    using model = modelOf(device, checkpoint);
    for (const gaps of HOP_GAPS) {
      using progress = new Progress(`${folder}, missing: ${gaps.missing}`, "images");
      const { instances, accuracy, posterior } = await evaluateWithGaps(model, test, config, gaps, {
        onEvaluate: (done, of) => progress.update(done, of),
      });
      rows.push([folder, gaps.missing, instances, accuracy, posterior]);
    }
  }
  return {
    title: "With objects missing from each test image (accuracy on those that are left)",
    columns: ["model", "missing", "objects", "accuracy", "exact posterior"],
    counts: ["objects"],
    rows,
  };
}
