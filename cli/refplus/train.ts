/** `itera refplus train`: trains the program generator, the execution engine, or both. */
import { type Command, Option } from "@commander-js/extra-typings";
import { UserError } from "../../engine/base/user_error.ts";
import {
  REFPLUS_PRESETS,
  REFPLUS_RUNS,
  type RefplusConfig,
  STAGES,
  VALIDATED,
} from "../../model/refplus/training/config.ts";
import type { Validation } from "../../model/refplus/training/training_state.ts";
import { trainRefplus } from "../../model/refplus/training/trainer.ts";
import { type Json, type Layer, lookup, nest, settingLayer } from "../../model/run/layers.ts";
import { settingsLayer } from "../../model/run/settings/file.ts";
import { parseRunCheckpoint } from "../../model/run/checkpoint.ts";
import { RunFolder } from "../../model/run/run_folder.ts";
import { inRunFolder, latestRun, runPath } from "../../model/run/run_names.ts";
import { amongRanks, RANK_FLAGS } from "../ranks/mod.ts";
import { Stopped } from "../terminal/failure.ts";
import { collect, toName, toNumber, toSize } from "../terminal/flags.ts";
import { fact, line } from "../terminal/output.ts";
import { SWITCH } from "./common.ts";
import { training, UPDATES } from "../terminal/training.ts";

/** Settings by the flags that set them. */
const SETTINGS: Readonly<Record<string, string>> = {
  stage: "stage",
  step: "stage",
  preset: "preset",
  train_refexp_h5: "data.trainRefexps",
  train_features_h5: "data.trainFeatures",
  val_refexp_h5: "data.valRefexps",
  val_features_h5: "data.valFeatures",
  vocab_json: "data.vocabulary",
  train_scenes_json: "data.trainScenes",
  num_train_samples: "data.trainSamples",
  num_val_samples: "data.valSamples",
  shuffle_train_data: "data.shuffle",
  program_generator_start_from: "start.programGenerator",
  execution_engine_start_from: "start.executionEngine",
  rnn_wordvec_dim: "generator.wordDim",
  rnn_hidden_dim: "generator.hidden",
  rnn_num_layers: "generator.layers",
  module_stem_num_layers: "engine.stemLayers",
  module_dim: "engine.dim",
  head_chunk: "engine.headChunk",
  batch_size: "batch",
  accumulate: "accumulate",
  num_iterations: "steps",
  learning_rate: "optimiser.rate",
  reward_decay: "reinforce.decay",
  reinforce_mask: "reinforce.mask",
  record_loss_every: "displayEvery",
  checkpoint_every: "checkpointEvery",
  validate_every: "validateEvery",
  best: "validation.metric",
  patience: "validation.patience",
  keep: "checkpointKeep",
  seed: "seed",
  adapter: "adapter",
};

/** Adds the command. */
export function addRefplusTrain(refplus: Command, program: Command): void {
  refplus.command("train")
    .description("train the program generator (pg), the execution engine (ee-gt, ee-pred), or both (joint)")
    .copyInheritedSettings(program)
    .addOption(
      new Option(
        "--stage <name>",
        "programs from words; masks by annotated or by predicted programs; both by REINFORCE",
      )
        .choices(STAGES),
    )
    // The name of before.
    .addOption(new Option("--step <name>").choices(STAGES).hideHelp())
    .addOption(
      new Option("--preset <name>", "the reference's sizes and rates, or those for two CPU cores").choices(
        REFPLUS_PRESETS,
      ),
    )
    .option("--name <run>", "name of the run's folder; by default the stage's and a number", toName)
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--resume", "go on with the run of that name, or with the last one worked on")
    .option(
      "--config <file>",
      "JSON or YAML file of settings; may be repeated, later ones win",
      collect,
      [] as string[],
    )
    .option("--set <key=value>", "one setting, such as engine.dim=64; may be repeated", collect, [] as string[])
    .option("--train_refexp_h5 <file>", "training expressions")
    .option("--train_features_h5 <file>", "their pictures' features; pg needs none")
    .option("--val_refexp_h5 <file>", "held-out expressions")
    .option("--val_features_h5 <file>", "their pictures' features")
    .option("--vocab_json <file>", "vocabulary of both")
    .option("--train_scenes_json <file>", "their scenes, for the loss of inner nodes (nodeLoss.weight)")
    .option("--num_train_samples <n>", "train on the first n expressions", toSize)
    .option("--num_val_samples <n>", "validate on the first n expressions", toSize)
    .addOption(new Option("--shuffle_train_data <0|1>", "another order each epoch").choices(SWITCH))
    .option("--program_generator_start_from <run>", "run or checkpoint that holds a program generator")
    .option("--execution_engine_start_from <run>", "run or checkpoint that holds an execution engine")
    .option("--rnn_wordvec_dim <n>", "width of word vectors", toSize)
    .option("--rnn_hidden_dim <n>", "units of an LSTM layer", toSize)
    .option("--rnn_num_layers <n>", "LSTM layers of encoder and decoder", toSize)
    .option("--module_stem_num_layers <n>", "convolutions of the stem", toSize)
    .option("--module_dim <n>", "channels between modules", toSize)
    .option("--head_chunk <n>", "samples that the mask head processes at once", toSize)
    .option("--batch_size <n>", "expressions in an update", toSize)
    .option("--accumulate <n>", "parts that a batch is worked on in, to save memory", toSize)
    .option("--num_iterations <n>", "updates", toSize)
    .option("--learning_rate <rate>", "of Adam", toNumber)
    .option("--reward_decay <share>", "decay of the moving baseline", toNumber)
    .addOption(
      new Option(
        "--reinforce_mask <kind>",
        "tokens left out of the loss: those after a program's end, or none, as in the reference",
      )
        .choices(["after_end", "none"] as const),
    )
    .option("--record_loss_every <n>", "updates between records", toSize)
    .option("--checkpoint_every <n>", "updates between checkpoints", toSize)
    .option("--validate_every <n>", "updates between validations", toSize)
    .addOption(
      new Option("--best <measure>", "measure of held-out expressions by which the best checkpoint is kept")
        .choices(VALIDATED),
    )
    .option("--patience <n>", "end the run after n validations in a row without a better one", toSize)
    .option("--keep <n>", "newest checkpoints kept", toSize)
    .option("--seed <n>", "seed of weights, order and drawn programs", toNumber)
    .addOption(new Option("--adapter <kind>", "which adapter").choices(["auto", "gpu", "cpu"] as const))
    .addOption(RANK_FLAGS.ranks)
    .addOption(RANK_FLAGS.timeout)
    .action((flags) =>
      amongRanks(flags, async () => {
        const { runs, name } = flags;
        const layers = [
          ...await Promise.all(flags.config.map(settingsLayer)),
          ...flags.set.map(settingLayer),
          ...flagLayers(flags),
        ];
        if (flags.resume) {
          const path = runPath(runs, name ?? latestRun(runs, [REFPLUS_RUNS]));
          await trainRefplusRun(await RunFolder.resume(path, layers, REFPLUS_RUNS));
          return;
        }
        for (const key of ["stage", "train_refexp_h5", "vocab_json"] as const) {
          const set = layers.some(({ value }) => lookup(value, SETTINGS[key].split(".")) !== undefined);
          if (!set) throw new UserError(`--${key} is needed for a new run; --resume goes on with an old one`);
        }
        const stem = `refplus-${flags.stage ?? flags.step ?? "run"}`;
        await trainRefplusRun(
          await inRunFolder(runs, name, stem, (path) => RunFolder.create(path, layers, REFPLUS_RUNS)),
        );
      })
    );
}

/** Trains in one folder, prints the last validation and returns it. */
export async function trainRefplusRun(run: RunFolder<RefplusConfig>): Promise<Validation | null> {
  using folder = run;
  fact("run", folder.path);
  const validation = await training((hooks) => trainRefplus(folder, hooks), UPDATES).catch(async (error: unknown) => {
    if (!(error instanceof Stopped)) await folder.discardIfUnused();
    throw error;
  });
  if (validation?.exactMatch !== undefined) line(`exact programs: ${(100 * validation.exactMatch).toFixed(1)} %`);
  if (validation?.iou !== undefined) line(`cumulative IoU: ${validation.iou.toFixed(3)}`);
  const kept = await folder.bestCheckpoint(), best = kept && parseRunCheckpoint(kept, [REFPLUS_RUNS]).best;
  if (best) {
    const { metric } = folder.config.validation;
    fact("best checkpoint", `after ${best.step} updates, ${metric} ${best.value.toFixed(4)}`);
  }
  return validation;
}

/** A layer for each flag given that sets a setting. */
function flagLayers(flags: Readonly<Record<string, unknown>>): Layer[] {
  return Object.entries(SETTINGS).flatMap(([flag, setting]) => {
    const value = flags[flag];
    if (value === undefined) return [];
    const own = flag === "shuffle_train_data" ? value === "1" : value as Json;
    return [{ source: `--${flag}`, value: nest(setting.split("."), own) }];
  });
}
