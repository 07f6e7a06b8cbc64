/** `itera refplus extractor`: trains a small feature extractor. */
import type { Command } from "@commander-js/extra-typings";
import { CELL_RUNS, type CellConfig } from "../../model/refplus/extractor/cell_config.ts";
import { trainCells } from "../../model/refplus/extractor/cell_trainer.ts";
import { settingLayer } from "../../model/run/layers.ts";
import { settingsLayer } from "../../model/run/settings/file.ts";
import { RunFolder } from "../../model/run/run_folder.ts";
import { inRunFolder, latestRun, runPath } from "../../model/run/run_names.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { Stopped } from "../terminal/failure.ts";
import { collect, toName } from "../terminal/flags.ts";
import { fact } from "../terminal/output.ts";
import { training, UPDATES } from "../terminal/training.ts";

/** Adds the command. */
export function addRefplusExtractor(refplus: Command, program: Command): void {
  refplus.command("extractor")
    .description(
      "train a small feature extractor: a network that classifies the attributes of the object at each pixel",
    )
    .copyInheritedSettings(program)
    .option("--name <run>", "name of the run's folder; by default refplus-extractor and a number", toName)
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--resume", "go on with the run of that name, or with the last one worked on")
    .option(
      "--config <file>",
      "JSON or YAML file of settings; may be repeated, later ones win",
      collect,
      [] as string[],
    )
    .option("--set <key=value>", "one setting, such as network.channels=64; may be repeated", collect, [] as string[])
    .option("--input_image_dir <folder>", "pictures of a split, numbered from 0")
    .option("--input_scenes_json <file>", "their scenes")
    .action(async ({ runs, name, resume, config, set, input_image_dir: pictures, input_scenes_json: scenes }) => {
      const layers = [...await Promise.all(config.map(settingsLayer)), ...set.map(settingLayer)];
      if (resume) {
        return await trainCellsRun(
          await RunFolder.resume(runPath(runs, name ?? latestRun(runs, [CELL_RUNS])), layers, CELL_RUNS),
        );
      }
      if (pictures === undefined || scenes === undefined) {
        throw new UserError("--input_image_dir and --input_scenes_json are needed for a new run");
      }
      const data = { source: "--input_image_dir", value: { data: { pictures, scenes } } };
      await trainCellsRun(
        await inRunFolder(
          runs,
          name,
          "refplus-extractor",
          (path) => RunFolder.create(path, [...layers, data], CELL_RUNS),
        ),
      );
    });
}

/** Trains in one folder. */
export async function trainCellsRun(run: RunFolder<CellConfig>): Promise<void> {
  using folder = run;
  fact("run", folder.path);
  await training((hooks) => trainCells(folder, hooks), UPDATES).catch(async (error: unknown) => {
    if (!(error instanceof Stopped)) await folder.discardIfUnused();
    throw error;
  });
}
