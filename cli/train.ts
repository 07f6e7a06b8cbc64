/** `itera train`: begins runs or goes on with them, and prints the results. */
import type { Command } from "@commander-js/extra-typings";
import { Option } from "@commander-js/extra-typings";
import { join } from "node:path";
import { UserError } from "../engine/base/user_error.ts";
import { DATASET_ROWS, DATASETS, DEFAULT_DATASET, isDatasetName } from "../datasets/registry.ts";
import { Experiment } from "../model/regions/experiments/experiment.ts";
import { PRESETS } from "../model/regions/experiments/presets.ts";
import { kindOfRun, RUN_KINDS } from "../model/kinds.ts";
import { CELL_RUNS } from "../model/refplus/extractor/cell_config.ts";
import { REFPLUS_RUNS } from "../model/refplus/training/config.ts";
import {
  newConfig,
  REGION_RUNS,
  resnetNames,
  scaledForBatch,
  scalingLines,
  type TrainConfig,
  VALIDATED,
} from "../model/regions/config.ts";
import { MODEL_NAMES } from "../model/regions/models.ts";
import { type Json, type Layer, lookup, nest, settingLayer } from "../model/run/layers.ts";
import { settingsLayer } from "../model/run/settings/file.ts";
import { RunFolder } from "../model/run/run_folder.ts";
import { inRunFolder, latestRun, runPath } from "../model/run/run_names.ts";
import { proofMembers, QUICK } from "../model/regions/experiments/ablations.ts";
import { trainModel } from "../model/regions/trainer.ts";
import { readStartingWeights } from "../model/weights/weights_file.ts";
import { amongRanks, RANK_FLAGS } from "./ranks/mod.ts";
import { Stopped } from "./terminal/failure.ts";
import { collect, toName, toNumber, toSize } from "./terminal/flags.ts";
import { trainCellsRun } from "./refplus/extractor.ts";
import { trainRefplusRun } from "./refplus/train.ts";
import { fact, notice } from "./terminal/output.ts";
import { printResults, runExperiment, training, unitsOf } from "./terminal/training.ts";

/** Flags that set one setting each, and the setting. */
const SETTINGS = {
  dataset: "dataset.dataset",
  data: "dataset.data",
  lists: "dataset.lists",
  graph: "dataset.knowledge",
  skipBroken: "dataset.skipBroken",
  batch: "batch",
  accumulate: "accumulate",
  stack: "stack",
  scale: "scale",
  validateEvery: "validateEvery",
  validateShare: "validation.share",
  best: "validation.metric",
  patience: "validation.patience",
  keep: "checkpointKeep",
  steps: "steps",
  rate: "optimiser.rate",
  seed: "seed",
  adapter: "adapter",
  precision: "precision",
  resnet: "model.resnet",
  weights: "model.weights",
  flip: "flip",
  shortSide: "image.shortSide",
  longSide: "image.longSide",
} as const;

/** Settings that `--validate-every` brings, under all others that are given. */
const VALIDATING: Json = { validation: { split: "val", share: 0.25, metric: "val_accuracy" } };

/** Adds the command. */
export function addTrain(program: Command): void {
  program.command("train")
    .description(
      "Train models: by default the baseline and the reasoning model on the context scenes, compared in a table",
    )
    .option("--name <run>", "name of the run's folder; by default the model's, the data set's and a number", toName)
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--resume", "go on with the run of that name, of whatever kind, or with the last one worked on")
    .option(
      "--config <file>",
      "JSON or YAML file of settings; may be repeated, later ones win",
      collect,
      [] as string[],
    )
    .option(
      "--set <key=value>",
      "one setting, such as optimiser.momentum=0.8; may be repeated",
      collect,
      [] as string[],
    )
    .addOption(
      new Option("--preset <name>", "an experiment of the paper's tables; prints what it will take before it begins")
        .choices([...PRESETS.keys()]),
    )
    .addOption(new Option("--model <names...>", "what to train; several are compared").choices(MODEL_NAMES))
    .option("--seeds <n>", "train each model from so many seeds and print mean and spread", toSize, 1)
    .option("--quick", "a fifth of the steps: a rougher answer in minutes (context scenes)")
    .addOption(new Option("--dataset <set>", "data set").choices(DATASETS))
    .option("--data <folder>", "where the data set is")
    .option("--lists <folder>", "where ADE20K's lists of images and classes are, if not there too")
    .option("--graph <file>", "knowledge graph of the classes, as `itera graph build` writes it")
    .option("--skip-broken", "name and leave out images that cannot be read")
    .option("--batch <n>", "images of a step, whose mean it learns from; rate and schedule follow", toNumber)
    .option("--accumulate <n>", "parts that a step's images are held in, to save memory; the same bits", toNumber)
    .option("--stack", "take a step's images of equal size in one pass: faster on GPUs, with more memory")
    .option("--no-scale", "leave rate and schedule as they are stated for a batch of one")
    .option(
      "--validate-every <n>",
      "score a part of the validation split every n steps, and keep the best checkpoint",
      toNumber,
    )
    .option("--validate-share <share>", "part of the validation split that is scored; a quarter by default", toNumber)
    .addOption(
      new Option("--best <measure>", "measure by which the best checkpoint is kept; val_accuracy by default")
        .choices(VALIDATED),
    )
    .option("--patience <n>", "end the run after n validations in a row without a better one", toNumber)
    .option("--keep <n>", "newest checkpoints kept", toNumber)
    .option("--steps <n>", "steps to make, an image each unless --batch gives more", toNumber)
    .option("--max-steps <n>", "stop after so many steps if there would be more", toSize)
    .option("--rate <rate>", "first learning rate", toNumber)
    .option("--seed <n>", "seed of weights and order", toNumber)
    .addOption(new Option("--adapter <kind>", "which adapter").choices(["auto", "gpu", "cpu"] as const))
    .addOption(
      new Option("--precision <kind>", "mixed keeps in 16 bits what the backward pass reads").choices(
        ["f32", "mixed"] as const,
      ),
    )
    .addOption(new Option("--resnet <net>", "backbone").choices(resnetNames))
    .option(
      "--weights <file>",
      "begin from these: what `itera weights import` wrote, a run's checkpoint, or its folder for its best or newest one",
    )
    .option("--no-flip", "do not show images mirrored too")
    .option("--short-side <pixels>", "scale images to this shorter side", toNumber)
    .option("--long-side <pixels>", "but no longer side above this", toNumber)
    .addOption(RANK_FLAGS.ranks)
    .addOption(RANK_FLAGS.timeout)
    .action((flags, command) =>
      amongRanks(flags, async () => {
        const given = (key: string): boolean => command.getOptionValueSource(key) === "cli";
        const settings = [
          ...given("validateEvery") && !flags.resume ? [{ source: "--validate-every", value: VALIDATING }] : [],
          ...await Promise.all(flags.config.map(settingsLayer)),
          ...Object.entries(SETTINGS).filter(([key]) => given(key)).map(([key, path]): Layer => ({
            source: flagName(key),
            value: nest(path.split("."), (flags as Record<string, Json>)[key]),
          })),
          ...flags.set.map(settingLayer),
        ];
        const own = flags.quick
          ? [scaledForBatch({ source: "--quick", value: QUICK }, settings), ...settings]
          : settings;
        const { runs, name, seeds, preset } = flags;
        if (flags.resume) {
          if (flags.maxSteps !== undefined) throw new UserError("--max-steps: a resumed run is shortened by --steps");
          return await goOn(runPath(runs, name ?? latestRun(runs, RUN_KINDS)), own);
        }
        const named = preset === undefined
          ? []
          : [{ source: `--preset ${preset}`, value: PRESETS.get(preset)!.settings }];
        const layers = capped([...named, ...await weightsLayer(own, named), ...own], flags.maxSteps);
        for (const text of scalingLines(layers)) notice(text);
        const models = chosen(flags.model, layers);
        if (models.length * seeds > 1) {
          const stem = `${models.length > 1 ? "compare" : models[0]}-${datasetOf(layers)}`;
          const first = Number(setting(layers, ["seed"], "3"));
          const members = proofMembers(models, Array.from({ length: seeds }, (_, i) => first + i));
          return await runExperiment(
            await inRunFolder(runs, name, stem, (path) => Experiment.create(path, models.join(", "), members, layers)),
          );
        }
        const [model] = models;
        const stem = preset ?? `${model}-${datasetOf(layers)}`;
        if (preset !== undefined) notice(`preset ${preset}: ${PRESETS.get(preset)!.title}`);
        const all = [...layers, { source: "--model", value: { model: { name: model } } }];
        await trainOne(
          await inRunFolder(runs, name, stem, (path) => RunFolder.create(path, all, REGION_RUNS)),
          preset !== undefined,
        );
      })
    );
}

/** Settings that the weights to begin from need: their network, the values of its images. They override a preset's. */
async function weightsLayer(layers: readonly Layer[], preset: readonly Layer[]): Promise<Layer[]> {
  const path = setting(layers, ["model", "weights"], "");
  if (path === "") return [];
  const { settings } = await readStartingWeights(path);
  const net = (value: Json): Json | undefined => lookup(value, ["model", "resnet"]);
  const given = net(settings);
  for (const { source, value } of preset) {
    const wanted = String(net(value));
    // A run's checkpoint describes its network at length; loading finds out whether it fits.
    if (typeof given !== "string" || given.replace("-torchvision", "") === wanted) continue;
    throw new UserError(`${source}: wants weights of ${wanted}, ${path} holds those of ${given}`);
  }
  return [{ source: path, value: settings }];
}

/** With `--max-steps`: no more steps than that. */
function capped(layers: readonly Layer[], limit: number | undefined): Layer[] {
  if (limit === undefined || newConfig(layers).steps <= limit) return [...layers];
  return [...layers, { source: "--max-steps", value: { steps: limit } }];
}

/** The models asked for; those of a settings file; where the data set brings knowledge, what shows that reasoning helps. */
function chosen(flag: readonly string[] | undefined, layers: readonly Layer[]): readonly string[] {
  if (flag) return [...new Set(flag)];
  const named = setting(layers, ["model", "name"], "");
  if (named) return [named];
  const set = datasetOf(layers);
  return isDatasetName(set) && DATASET_ROWS[set].folder === null ? ["baseline", "final"] : ["baseline"];
}

/** The data set asked for. */
function datasetOf(layers: readonly Layer[]): string {
  return setting(layers, ["dataset", "dataset"], DEFAULT_DATASET);
}

/** A setting as the last layer that has it gives it, as text. */
function setting(layers: readonly Layer[], path: readonly string[], otherwise: string): string {
  const value = layers.map((layer) => lookup(layer.value, path)).findLast((v) => v !== undefined && v !== null);
  return typeof value === "string" || typeof value === "number" ? String(value) : otherwise;
}

/** Goes on with a run or an experiment. */
async function goOn(path: string, layers: readonly Layer[]): Promise<void> {
  if (Experiment.is(path)) {
    if (layers.length > 0) {
      throw new UserError(
        `${layers[0].source}: a resumed experiment keeps its settings; give a new one another --name`,
      );
    }
    return await runExperiment(Experiment.open(path));
  }
  const kind = kindOfRun(path);
  if (kind === REFPLUS_RUNS.kind) {
    await trainRefplusRun(await RunFolder.resume(path, layers, REFPLUS_RUNS));
  } else if (kind === CELL_RUNS.kind) {
    await trainCellsRun(await RunFolder.resume(path, layers, CELL_RUNS));
  } else {
    await trainOne(await RunFolder.resume(path, layers, REGION_RUNS));
  }
}

/** Trains in one folder and prints what came of it. */
async function trainOne(run: RunFolder<TrainConfig>, estimate = false): Promise<void> {
  using folder = run;
  fact("run", folder.path);
  const units = unitsOf(folder.config.batch);
  const results = await training((hooks) => trainModel(folder, { ...hooks, estimate }), units).catch(
    async (error: unknown) => {
      if (!(error instanceof Stopped)) await folder.discardIfUnused();
      throw error;
    },
  );
  printResults(results);
  fact("report", join(folder.path, "report.html"));
}

function flagName(key: string): string {
  return ["flip", "scale"].includes(key) ? `--no-${key}` : `--${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
}
