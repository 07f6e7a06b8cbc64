/** `itera ablate`: the whole model without each of its parts, and with regions missing, in one table. */
import type { Command } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { join } from "node:path";
import { matchClasses } from "../datasets/match_classes.ts";
import { UserError } from "../engine/base/user_error.ts";
import { Experiment } from "../model/regions/experiments/experiment.ts";
import { evaluateWithDropout } from "../model/regions/evaluation/region_dropout.ts";
import { writeJsonAtomic } from "../engine/base/atomic.ts";
import { settingLayer } from "../model/run/layers.ts";
import { settingsLayer } from "../model/run/settings/file.ts";
import { inRunFolder, latestRun, runPath } from "../model/run/run_names.ts";
import { openDevice } from "../model/run/run_config.ts";
import { sayNewRules } from "../model/run/version.ts";
import { modelOf, readCheckpoint } from "../model/regions/checkpoint.ts";
import { REGION_RUNS } from "../model/regions/config.ts";
import { openSplit } from "../model/regions/trainer.ts";
import { ABLATIONS, QUICK } from "../model/regions/experiments/ablations.ts";
import { toName } from "./terminal/flags.ts";
import { notice, Progress, table } from "./terminal/output.ts";
import { runExperiment } from "./terminal/training.ts";

/** Shares of regions left out at test time. */
const DROPPED_SHARES = [0, 0.25, 0.5, 0.75];

/** Adds the command. */
export function addAblate(program: Command): void {
  const names = ABLATIONS.map(({ folder }) => folder);
  program.command("ablate")
    .description("train the reasoning model without each of its parts and compare; then leave out regions at test time")
    .option("--name <experiment>", "name of the experiment's folder", toName)
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--resume", "go on with the experiment of that name, or with the last one worked on")
    .option("--only <ablations...>", `some of: ${names.join(", ")}`, (value, before: string[] = []) => {
      if (!names.includes(value)) throw new InvalidArgumentError(`It is none of ${names.join(", ")}.`);
      return [...before, value];
    })
    .option("--quick", "a fifth of the steps: a rougher answer")
    .option(
      "--config <file>",
      "JSON or YAML file of settings; may be repeated",
      (v, all: string[]) => [...all, v],
      [] as string[],
    )
    .option("--set <key=value>", "one setting; may be repeated", (v, all: string[]) => [...all, v], [] as string[])
    .action(async ({ name, runs, resume, only, quick, config, set }) => {
      const layers = [
        ...quick ? [{ source: "--quick", value: QUICK }] : [],
        ...await Promise.all(config.map(settingsLayer)),
        ...set.map(settingLayer),
      ];
      let experiment: Experiment;
      if (resume) {
        const path = runPath(runs, name ?? latestRun(runs, [REGION_RUNS]));
        if (!Experiment.is(path)) throw new UserError(`${path}: is no experiment to resume`);
        if (layers.length > 0) throw new UserError(`${layers[0].source}: a resumed experiment keeps its settings`);
        experiment = Experiment.open(path);
      } else {
        const members = ABLATIONS.filter(({ folder }) => !only || only.includes(folder));
        experiment = await inRunFolder(
          runs,
          name,
          "ablate",
          (path) => Experiment.create(path, "ablations", members, layers),
        );
      }
      await runExperiment(experiment);
      await withRegionDropout(experiment);
    });
}

/** Scores the baseline and the whole model on images of which they see only some regions. */
async function withRegionDropout(experiment: Experiment): Promise<void> {
  const rows: (string | number)[][] = [];
  for (const { folder: member, name } of experiment.members) {
    if (name !== "baseline" && name !== "final") continue;
    const onBroken = (path: string, reason: string): void => notice(`passed over ${path}: ${reason}`);
    const checkpoint = await readCheckpoint(join(experiment.path, member), onBroken);
    const { config } = checkpoint;
    sayNewRules(notice, checkpoint.path, config);
    const opened = await openSplit(config, config.dataset.testSplit);
    const test = matchClasses(opened, checkpoint.classes, checkpoint.path);
    await using device = await openDevice(config);
    using model = modelOf(device, checkpoint);
    for (const share of DROPPED_SHARES) {
      using progress = new Progress(`${name}, ${100 * share} % of regions missing`, "images");
      const { perInstance, perClass } = await evaluateWithDropout(model, test, config, share, {
        onEvaluate: (done, of) => progress.update(done, of),
      });
      rows.push([name, `${100 * share} %`, perInstance.ap, perInstance.ac, perClass.ap, perClass.ac]);
    }
  }
  if (rows.length === 0) return;
  table({
    title: "With regions missing from each test image (metrics of those that are left)",
    columns: ["model", "missing", "per-instance AP", "per-instance AC", "per-class AP", "per-class AC"],
    rows,
  });
  await writeJsonAtomic(join(experiment.path, "missing.json"), rows);
}
