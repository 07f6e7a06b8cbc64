/** `itera data`: fetches published sets, writes the drawn set in their layouts, checks a set, shows its images. */
import { type Command, Option } from "@commander-js/extra-typings";
import { openContext } from "../../datasets/context/dataset.ts";
import { openHops } from "../../datasets/hops/dataset.ts";
import { writeAsAde } from "../../datasets/drawing/write_ade.ts";
import { writeAsCoco, type WrittenSplits } from "../../datasets/drawing/write_coco.ts";
import { writeAsVg } from "../../datasets/drawing/write_vg.ts";
import { explainWriteError } from "../../engine/base/atomic.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { addDataCheck } from "./check.ts";
import { addDataFetch } from "./fetch.ts";
import { addDataShow } from "./show.ts";
import { line, Progress } from "../terminal/output.ts";

type Write = (folder: string, splits: WrittenSplits, onImage: (done: number, of: number) => void) => Promise<void>;

/** Layouts by name: their writer, and the set as which they are read. */
const LAYOUTS: Readonly<Record<string, { readonly write: Write; readonly set: string }>> = {
  coco: { write: writeAsCoco, set: "coco" },
  coco2014: { write: (...args) => writeAsCoco(...args, 2014), set: "coco" },
  ade: { write: writeAsAde, set: "ade" },
  ade2021: { write: (...args) => writeAsAde(...args, 2021), set: "ade" },
  vg: { write: writeAsVg, set: "vg" },
};

/** Adds the commands. */
export function addData(program: Command): void {
  const data = program.command("data").description("fetch, write, check or show data sets").copyInheritedSettings(
    program,
  );
  data.command("write")
    .description("write a drawn set to a new folder in the layout of a real data set")
    .copyInheritedSettings(program)
    .argument("<folder>", "where to; must not exist yet")
    .addOption(
      new Option("--dataset <set>", "which drawn set").choices(["context", "hops"] as const).default(
        "context" as const,
      ),
    )
    .addOption(new Option("--layout <name>", "whose layout").choices(Object.keys(LAYOUTS)).default("coco"))
    .option("--train <n>", "training images", Number, 2000)
    .option("--val <n>", "validation images", Number, 400)
    .option("--seed <n>", "seed of the set", Number, 1)
    .action(async (folder, { dataset, layout, train, val, seed }) => {
      if (await Deno.stat(folder).then(() => true, () => false)) {
        throw new UserError(`${folder}: is there already; name a folder that is not`);
      }
      const open = dataset === "hops" ? openHops : openContext;
      const splits = {
        train: open({ split: "train", images: train, seed }),
        val: open({ split: "test", images: val, seed }),
      };
      const { write, set } = LAYOUTS[layout];
      using progress = new Progress("writing", "images");
      // Beside its place until it is whole: half a set looks like a set.
      const partial = `${folder.replace(/[/\\]+$/, "")}.partial`;
      try {
        await Deno.remove(partial, { recursive: true }).catch(() => {});
        await write(partial, splits, (done, of) => progress.update(done, of));
        await Deno.rename(partial, folder);
      } catch (error) {
        await Deno.remove(partial, { recursive: true }).catch(() => {});
        throw explainWriteError(folder, error);
      }
      progress[Symbol.dispose]();
      line(`written to ${folder}; train on it with: itera train --dataset ${set} --data ${folder}`);
    });
  addDataFetch(data, program);
  addDataCheck(data, program);
  addDataShow(data, program);
}
