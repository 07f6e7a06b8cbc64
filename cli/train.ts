/** `itera train`: begins a run or goes on with one, and prints the results. */
import type { Command } from "@commander-js/extra-typings";
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { join } from "node:path";
import { fourMetrics, METRIC_COLUMNS, type Results } from "../model/results.ts";
import { resnetNames } from "../model/run/config.ts";
import { fileLayer, type Json, type Layer, lookup, nest, settingLayer } from "../model/run/layers.ts";
import { freeName, latestRun, RunFolder } from "../model/run/run_folder.ts";
import { VERSION } from "../model/run/version.ts";
import { Interrupted, trainModel } from "../model/trainer.ts";
import { Stopped } from "./failure.ts";
import { duration, line, notice, Progress, table } from "./output.ts";

/** Flags that set one setting each, and the setting. */
const SETTINGS = {
  dataset: "dataset.dataset",
  data: "dataset.data",
  skipBroken: "dataset.skipBroken",
  steps: "steps",
  rate: "optimiser.rate",
  seed: "seed",
  adapter: "adapter",
  resnet: "model.resnet",
  flip: "flip",
  shortSide: "image.shortSide",
  longSide: "image.longSide",
} as const;

/** Adds the command. */
export function addTrain(program: Command): void {
  program.command("train")
    .description("Train a model: by default the baseline on the context scenes, which takes minutes on two cores")
    .option("--name <run>", "name of the run's folder; by default the data set's and a number")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--resume", "go on with the run of that name, or with the last one worked on")
    .option("--config <file>", "JSON file of settings; may be repeated, later ones win", collect, [] as string[])
    .option(
      "--set <key=value>",
      "one setting, such as optimiser.momentum=0.8; may be repeated",
      collect,
      [] as string[],
    )
    .addOption(new Option("--dataset <set>", "data set").choices(["context", "coco"] as const))
    .option("--data <folder>", "where the data set is")
    .option("--skip-broken", "name and leave out images that cannot be read")
    .option("--steps <n>", "images to show", toNumber)
    .option("--rate <rate>", "first learning rate", toNumber)
    .option("--seed <n>", "seed of weights and order", toNumber)
    .addOption(new Option("--adapter <kind>", "which adapter").choices(["auto", "gpu", "cpu"] as const))
    .addOption(new Option("--resnet <net>", "backbone").choices(resnetNames))
    .option("--no-flip", "do not show images mirrored too")
    .option("--short-side <pixels>", "scale images to this shorter side", toNumber)
    .option("--long-side <pixels>", "but no longer side above this", toNumber)
    .action(async (flags, command) => {
      const given = (key: string): boolean => command.getOptionValueSource(key) === "cli";
      const layers = [
        ...flags.config.map(fileLayer),
        ...Object.entries(SETTINGS).filter(([key]) => given(key)).map(([key, path]): Layer => ({
          source: flagName(key),
          value: nest(path.split("."), (flags as Record<string, Json>)[key]),
        })),
        ...flags.set.map(settingLayer),
      ];
      using folder = await openRun(flags, layers);
      line(`run: ${folder.path}`);
      const results = await train(folder).catch(async (error: unknown) => {
        if (!(error instanceof Stopped)) await folder.discardIfUnused();
        throw error;
      });
      printResults(results);
      line(`report: ${join(folder.path, "report.html")}`);
    });
}

async function openRun(
  { name, runs, resume }: {
    readonly name?: string | undefined;
    readonly runs: string;
    readonly resume?: true | undefined;
  },
  layers: readonly Layer[],
): Promise<RunFolder> {
  if (resume) {
    const folder = await RunFolder.resume(join(runs, name ?? latestRun(runs)), layers);
    const { version } = folder.config;
    if (version !== VERSION) notice(`${folder.path} was begun by version ${version}; ${VERSION} may round differently`);
    return folder;
  }
  const dataset = layers.map(({ value }) => lookup(value, ["dataset", "dataset"])).findLast((v) => v !== undefined);
  const stem = `baseline-${typeof dataset === "string" ? dataset : "context"}`;
  return await RunFolder.create(join(runs, name ?? freeName(runs, stem)), layers);
}

/** Trains with a bar. Ctrl-C finishes the step and saves; a second one stops at once. */
async function train(folder: RunFolder): Promise<Results> {
  const stop = new AbortController();
  using training = new Progress("training", "images");
  using evaluating = new Progress("evaluating", "images");
  const signals = Deno.build.os === "windows" ? ["SIGINT"] as const : ["SIGINT", "SIGTERM"] as const;
  const ignore = (): void => {
    for (const signal of signals) Deno.removeSignalListener(signal, interrupt);
  };
  const interrupt = (): void => {
    // Without a listener the next signal ends the process as the system does it; an orderly exit in the middle of the
    // device's work would have the driver's threads run into memory that is gone.
    ignore();
    stop.abort();
    training.notice("stopping after this step; press Ctrl-C again to stop at once");
  };
  for (const signal of signals) Deno.addSignalListener(signal, interrupt);
  const start = performance.now();
  try {
    const results = await trainModel(folder, {
      signal: stop.signal,
      onMessage: (text) => training.notice(text),
      onStep: (done, of, loss) => training.update(done, of, Number.isFinite(loss) ? `loss ${loss.toFixed(4)}` : ""),
      onEvaluate: (done, of) => {
        if (stop.signal.aborted) {
          throw new Stopped("stopped while evaluating; the training is saved, --resume evaluates");
        }
        evaluating.update(done, of);
      },
    });
    notice(`done in ${duration((performance.now() - start) / 1000)}`);
    return results;
  } catch (error) {
    if (error instanceof Interrupted) throw new Stopped(error.message);
    throw error;
  } finally {
    ignore();
  }
}

/** Prints the four metrics of the model and of what is known to be possible. */
export function printResults({ split, images, rows }: Results): void {
  line(`\n${split}, ${images} images`);
  table(["", ...METRIC_COLUMNS], rows.map(({ name, metrics }) => [name, ...fourMetrics(metrics)]));
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It is not a number.");
  return value;
}

function flagName(key: string): string {
  return key === "flip" ? "--no-flip" : `--${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
}
