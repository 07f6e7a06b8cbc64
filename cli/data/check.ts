/** `itera data check`: whether a data set is whole, before a training run finds out. */
import { type Command, Option } from "@commander-js/extra-typings";
import { checkSplit, type SplitCheck } from "../../datasets/check.ts";
import { matchClasses } from "../../datasets/match_classes.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { DATASET_ROWS, type DatasetName, DATASETS, splitsOf } from "../../datasets/registry.ts";
import type { RegionDataset, Split } from "../../datasets/types.ts";
import { openShown, orientationFlag, profileFlag, type SetFlags } from "./open.ts";
import { line, notice, Progress, table } from "../terminal/output.ts";

/** Adds the command to the group; settings are those of `program`. */
export function addDataCheck(group: Command, program: Command): void {
  group.command("check")
    .description("look at every annotation and picture of a data set; ends with 2 if training on it would fail")
    .copyInheritedSettings(program)
    .addArgument(group.createArgument("<set>", "which data set").choices(DATASETS))
    .option("--data <folder>", "where the data set is")
    .option("--lists <folder>", "where ADE20K's lists are, if not there too")
    .addOption(profileFlag())
    .addOption(orientationFlag())
    .option("--headers", "read only the beginnings of pictures: quicker, but a picture cut short is not found")
    .option("--skip-broken", "judge as a training with --skip-broken would")
    .addOption(new Option("--split <names...>", "only these").choices(["train", "val", "test"] as const))
    .action(async (set, { headers = false, skipBroken = false, split, ...where }) => {
      const faults: string[] = [];
      let train: RegionDataset | null = null;
      for (const name of split ?? splitsOf(set)) {
        // Training reads its own split and the one of the final table; validation images are for tuning settings.
        const needed = split !== undefined || name === "train" || name === DATASET_ROWS[set].testSplit;
        const opened = await opening(set, name, where, (fault) => needed ? faults.push(fault) : notice(fault));
        if (!opened) continue;
        using looking = new Progress(`looking at ${name}`, "pictures");
        const check = await checkSplit(opened, { headers, onProgress: (done, of) => looking.update(done, of) });
        looking[Symbol.dispose]();
        print(opened, check);
        if (name === "train") train = opened;
        else if (train) sayClasses(opened, train, (fault) => needed ? faults.push(fault) : notice(fault));
        if (needed) faults.push(...faultsOf(name, check, skipBroken));
      }
      if (faults.length > 0) throw new UserError(`training on ${set} would fail: ${faults.join("; ")}`);
      line("training on it can begin");
    });
}

/** The split without its broken images; null where it cannot be opened at all, with the reason for `onFault`. */
async function opening(
  set: DatasetName,
  split: Split,
  where: SetFlags,
  onFault: (fault: string) => void,
): Promise<RegionDataset | null> {
  try {
    return await openShown(set, split, where, () => {});
  } catch (error) {
    // Without a folder there is nothing to say split by split.
    if (!(error instanceof UserError) || where.data === undefined) throw error;
    onFault(`${split}: ${error.message}`);
    return null;
  }
}

/** Compares a split's classes with those of training; regions that could get no label are for `onFault`. */
function sayClasses(set: RegionDataset, train: RegionDataset, onFault: (fault: string) => void): void {
  try {
    matchClasses(set, train.classes, train.split, line);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    onFault(error.message);
  }
}

function print({ name, split, classes }: RegionDataset, { images, regions, items }: SplitCheck): void {
  line(`${name} ${split}: ${images} images, ${regions} regions, ${classes.length - 1} classes`);
  const found = items.filter(({ count }) => count > 0);
  if (found.length === 0) return;
  // Long paths would make a table wider than any terminal: findings are listed below it.
  table({
    columns: ["found", "count", "training stops"],
    rows: found.map(({ what, count, stops }) => [what, count, stops ? "yes, but for --skip-broken" : "no"]),
    counts: ["count"],
  });
  for (const { what, count, first } of found) {
    line(`${what}: ${first.join(", ")}${count > first.length ? ", …" : ""}`);
  }
}

/** Faults for which training, or the evaluation after it, would fail. */
function faultsOf(split: Split, { items, usable }: SplitCheck, skipBroken: boolean): string[] {
  const stops = items.filter(({ stops, count }) => stops && count > 0 && !skipBroken);
  return [
    ...stops.map(({ what, count }) => `${split}: ${count} ${what}`),
    ...usable === 0 ? [`${split}: no image with regions is left`] : [],
  ];
}
