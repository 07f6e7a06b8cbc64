/** `itera data`: writes the drawn data set to disk in the layouts of real ones. */
import { type Command, Option } from "@commander-js/extra-typings";
import { openContext } from "../datasets/context/dataset.ts";
import { writeContextAsAde } from "../datasets/context/write_ade.ts";
import { writeContextAsCoco } from "../datasets/context/write_coco.ts";
import { UserError } from "../datasets/errors.ts";
import { line, Progress } from "./output.ts";

/** Adds the command. */
export function addData(program: Command): void {
  program.command("data")
    .description("Write the context scenes to a new folder in the layout of a real data set")
    .argument("<folder>", "where to; must not exist yet")
    .addOption(new Option("--layout <name>", "whose layout").choices(["coco", "ade"] as const).default("coco" as const))
    .option("--train <n>", "training images", Number, 2000)
    .option("--val <n>", "validation images", Number, 400)
    .option("--seed <n>", "seed of the set", Number, 1)
    .action(async (folder, { layout, train, val, seed }) => {
      if (await Deno.stat(folder).then(() => true, () => false)) {
        throw new UserError(`${folder}: is there already; name a folder that is not`);
      }
      const splits = {
        train: openContext({ split: "train", images: train, seed }),
        val: openContext({ split: "test", images: val, seed }),
      };
      using progress = new Progress("writing", "images");
      const write = layout === "coco" ? writeContextAsCoco : writeContextAsAde;
      await write(folder, splits, (done, of) => progress.update(done, of));
      progress[Symbol.dispose]();
      line(
        `written to ${folder}${
          layout === "coco" ? `; train on it with: itera train --dataset coco --data ${folder}` : ""
        }`,
      );
    });
}
