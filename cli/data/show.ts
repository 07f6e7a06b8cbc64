/** `itera data show`: an image of a data set with its regions. */
import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { UserError } from "../../engine/base/user_error.ts";
import { DATASETS } from "../../datasets/registry.ts";
import { showImage } from "../../datasets/images/show_image.ts";
import type { RegionDataset } from "../../datasets/types.ts";
import { writeFileAtomic } from "../../engine/base/atomic.ts";
import { openShown, orientationFlag, profileFlag } from "./open.ts";
import { fact, line, table } from "../terminal/output.ts";

/** Adds the command to the group; settings are those of `program`. */
export function addDataShow(group: Command, program: Command): void {
  group.command("show")
    .description("write a picture of a data set with its boxes and names drawn on it, and list them")
    .copyInheritedSettings(program)
    .addArgument(group.createArgument("<set>", "which data set").choices(DATASETS))
    .option("--data <folder>", "where the data set is")
    .option("--lists <folder>", "where ADE20K's lists are, if not there too")
    .addOption(profileFlag())
    .addOption(orientationFlag())
    .addOption(
      new Option("--split <name>", "which part").choices(["train", "val", "test"] as const).default("train" as const),
    )
    .option("--index <n>", "which image, counted from 0", (text) => {
      if (!/^\d+$/.test(text)) throw new InvalidArgumentError("It is not a whole number from 0 on.");
      return Number(text);
    })
    .option("--id <name>", "which image, by the name it has in its set")
    .requiredOption("--out <file>", "the picture to write, PNG")
    .action(async (set, { split, index, id, out, ...where }) => {
      if ((index === undefined) === (id === undefined)) {
        throw new UserError("data show: name the image by --index or --id");
      }
      const opened = await openShown(set, split, where);
      const { title, regions, png } = await showImage(opened, indexOf(opened, index, id));
      await writeFileAtomic(out, png);
      line(title);
      table({
        columns: ["region", "name", "x1, y1, x2, y2"],
        rows: regions.map(({ label, box }, r) => [r + 1, label, box.join(", ")]),
        counts: ["region"],
      });
      fact("picture", out);
    });
}

function indexOf(set: RegionDataset, index: number | undefined, id: string | undefined): number {
  if (index !== undefined) {
    if (index < set.size) return index;
    throw new UserError(`--index ${index}: ${set.name} ${set.split} has images 0 to ${set.size - 1}`);
  }
  for (let i = 0; i < set.size; i++) if (set.record(i).id === id) return i;
  throw new UserError(`--id ${id}: ${set.name} ${set.split} has no such image; the first is ${set.record(0).id}`);
}
