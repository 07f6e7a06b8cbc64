/** `itera evaluate`, `re-evaluate` and `ensemble`: figures of a model, of scores saved before, of several models together. */
import { type Command, Option } from "@commander-js/extra-typings";
import { basename, dirname, join } from "node:path";
import { UserError } from "../engine/base/user_error.ts";
import { classDifference, matchClasses } from "../datasets/match_classes.ts";
import { openingMessages } from "../datasets/index/cache.ts";
import { ensemble, type EnsembleMember } from "../model/regions/evaluation/ensemble.ts";
import { evaluateModel, score } from "../model/regions/evaluation/evaluate.ts";
import { writeFormats, type WrittenFile } from "../model/regions/evaluation/formats.ts";
import type { EvaluationFolder } from "../model/regions/evaluation/folder.ts";
import { readResults, type Results, resultsOf, saveResults, scoredSet } from "../model/regions/evaluation/results.ts";
import { perClassTable } from "../model/regions/report/run_report.ts";
import { listCheckpoints, makeFolder } from "../model/run/run_folder.ts";
import { requireRun } from "../model/run/run_names.ts";
import { Experiment } from "../model/regions/experiments/experiment.ts";
import { openDevice } from "../model/run/run_config.ts";
import { sayNewRules } from "../model/run/version.ts";
import { readScores, saveScores } from "../model/regions/evaluation/scores_file.ts";
import { type Checkpoint, modelOf, readCheckpoint } from "../model/regions/checkpoint.ts";
import { openSplit } from "../model/regions/trainer.ts";
import { evaluationConfig, reasoningUpdates } from "../model/regions/evaluation/settings.ts";
import { settingLayer } from "../model/run/layers.ts";
import { collect, toSize } from "./terminal/flags.ts";
import { fact, notice, Progress, table } from "./terminal/output.ts";
import { printResults } from "./terminal/training.ts";

/** Adds `itera evaluate`. */
export function addEvaluate(program: Command): void {
  program.command("evaluate")
    .description(
      "score a trained model on its test split: metrics, per class and per iteration; writes scores and report",
    )
    .argument(
      "[run]",
      "folder of the run, such as runs/final-context-1; its best checkpoint is scored, or the newest if it keeps no best",
    )
    .option("--checkpoint <file>", "score this checkpoint instead, or that of another run")
    .option("--newest", "score the newest checkpoint where the run keeps a best one")
    .option("--data <folder>", "where the data set is, if it is not where it was in training")
    .option(
      "--set <key=value>",
      "a setting of the data set, such as dataset.testSplit=val; may be repeated",
      collect,
      [] as string[],
    )
    .option("--reasoning-updates <n>", "reason for so many updates, however many it was trained with", toSize)
    .option(
      "--out <folder>",
      "where scores, results and report go; by default the run's folder, for other settings one inside it",
    )
    .addOption(
      new Option("--format <names...>", "files for other programs too: COCO's results, or a table of the regions")
        .choices(["coco", "csv"] as const),
    )
    .option("--top <n>", "classes of each region in COCO's results, the likeliest first", toSize, 1)
    .action(async (run, flags) => {
      const { checkpoint: file, newest = false, data, set, reasoningUpdates: updates, out: given, format = [], top } =
        flags;
      const checkpoint = await chosen(run, file, newest);
      if (run !== undefined && isFolder(run) && file !== undefined && given === undefined) {
        await requireSameClasses(checkpoint, run);
      }
      const config = evaluationConfig(checkpoint.config, [
        ...data === undefined ? [] : [{ source: "--data", value: { dataset: { data } } }],
        ...set.map(settingLayer),
        ...updates === undefined ? [] : [reasoningUpdates(checkpoint.config, updates)],
      ]);
      const home = run !== undefined && isFolder(run) ? run : runOf(checkpoint.path);
      const out = given ?? (home && join(home, ...differing(set, updates)));
      if (!out) throw new UserError(`${checkpoint.path}: lies in no run's folder; say where results go by --out`);
      const folder: EvaluationFolder = { path: out, config, file: (name) => join(out, name) };
      const opened = await openSplit(config, config.dataset.testSplit, openingMessages(notice));
      const test = matchClasses(opened, checkpoint.classes, checkpoint.path, notice);
      makeFolder(out);
      await using device = await openDevice(config);
      using model = modelOf(device, { ...checkpoint, config });
      let written: readonly WrittenFile[] = [];
      using evaluating = new Progress("evaluating", "images");
      const results = await evaluateModel(model, test, folder, {
        onMessage: (text) => evaluating.notice(text),
        onEvaluate: (done, of) => evaluating.update(done, of),
        onScores: async (scored) => void (written = await writeFormats(scored, out, { formats: format, top })),
      }, checkpoint);
      evaluating[Symbol.dispose]();
      print(results);
      for (const { what, path } of written) fact(what, path);
    });
}

/** Folder inside the run's for results by other settings than the run's own: those are not written over. */
function differing(set: readonly string[], updates: number | undefined): string[] {
  const names = [...set, ...updates === undefined ? [] : [`updates=${updates}`]];
  return names.length === 0 ? [] : [names.join(",").replace(/[^\w.=,-]+/g, "_")];
}

/** Adds `itera re-evaluate`. */
export function addReEvaluate(program: Command): void {
  program.command("re-evaluate")
    .description("compute the metrics again from the scores an evaluation saved; needs no model and no GPU")
    .argument("<run>", "folder with scores.safetensors")
    .action(async (run) => {
      if (isFolder(run) && Experiment.is(run)) requireRun(run);
      const path = join(run, "scores.safetensors"), { model, scores, set } = await readScores(path);
      await requireSameClasses({ path, classes: set.classes }, run);
      const results = { ...resultsOf(model, scores, set), ...bestBefore(run) };
      await saveResults(results, { file: (name) => join(run, name) });
      print(results);
    });
}

/** Adds `itera ensemble`. */
export function addEnsemble(program: Command): void {
  program.command("ensemble")
    .description("average what several models say of the same test split and score the mean")
    .argument("<members...>", "evaluated runs (their saved scores are used), or checkpoints, which are evaluated first")
    .requiredOption("--out <folder>", "where scores and results go")
    .action(async (paths, { out }) => {
      if (paths.length < 2) throw new UserError("ensemble: name at least two runs or checkpoints");
      const members: EnsembleMember[] = [];
      for (const path of paths) {
        const run = join(path, "scores.safetensors");
        const saved = await Deno.stat(run).then(() => true, () => false);
        members.push({ name: path, ...saved ? await readScores(run) : await scoresOf(path) });
      }
      const { scores, set } = ensemble(members);
      const results = resultsOf("ensemble", scores, set);
      await saveScores(join(out, "scores.safetensors"), "ensemble", scores, set);
      await saveResults(results, { file: (name) => join(out, name) });
      printResults(results);
    });
}

/** Every prediction of a checkpoint for its own test split. */
async function scoresOf(path: string): Promise<Pick<EnsembleMember, "scores" | "set">> {
  const isRun = await Deno.stat(path).then((info) => info.isDirectory, () => false);
  const checkpoint = await chosen(isRun ? path : undefined, isRun ? undefined : path);
  const { config } = checkpoint;
  const opened = await openSplit(config, config.dataset.testSplit, openingMessages(notice));
  const test = matchClasses(opened, checkpoint.classes, checkpoint.path, notice);
  await using device = await openDevice(config);
  using model = modelOf(device, checkpoint);
  using evaluating = new Progress(path, "images");
  const hooks = {
    onMessage: (text: string) => evaluating.notice(text),
    onEvaluate: (done: number, of: number) => evaluating.update(done, of),
  };
  return { scores: await score(model, test, config, hooks, (image) => image), set: scoredSet(test) };
}

/** Throws {@link UserError} where a checkpoint or scores have other classes than the run in whose folder results go. */
async function requireSameClasses(
  { path, classes }: Pick<Checkpoint, "path" | "classes">,
  run: string,
): Promise<void> {
  if (listCheckpoints(run).length === 0) return;
  const difference = classDifference(classes, (await readCheckpoint(run)).classes, run);
  if (difference) throw new UserError(`${path}: has ${difference}; its results belong into another folder`);
}

/** The checkpoint that the scores of a folder are by, where its results name it. */
function bestBefore(folder: string): Pick<Results, "best"> {
  try {
    const { best } = readResults(join(folder, "results.json"));
    return best ? { best } : {};
  } catch (error) {
    // Results that are missing or of another version are what is written anew.
    if (error instanceof UserError) return {};
    throw error;
  }
}

/** The checkpoint named, or the run's best or newest. */
async function chosen(run: string | undefined, file: string | undefined, newest = false): Promise<Checkpoint> {
  if (file === undefined && run === undefined) {
    throw new UserError("evaluate: name a run's folder, or a checkpoint by --checkpoint");
  }
  const onBroken = (path: string, reason: string): void => notice(`passed over ${path}: ${reason}`);
  const checkpoint = await readCheckpoint(file ?? run!, onBroken, { newest });
  sayNewRules(notice, checkpoint.path, checkpoint.config);
  return checkpoint;
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** The run's folder a checkpoint lies in, or null. */
function runOf(checkpoint: string): string | null {
  const folder = dirname(checkpoint);
  return basename(folder) === "checkpoints" ? dirname(folder) : null;
}

function print(results: Results): void {
  table(perClassTable(results));
  printResults(results);
}
