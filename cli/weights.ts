/** `itera weights`: weights from elsewhere made ours, and ours for elsewhere. */
import type { Command } from "@commander-js/extra-typings";
import { readBytes } from "../engine/base/files.ts";
import { UserError } from "../engine/base/user_error.ts";
import { SafetensorsError } from "../engine/safetensors.ts";
import { writeFileAtomic } from "../engine/base/atomic.ts";
import { exportTorch } from "../model/weights/export.ts";
import { importWeights } from "../model/weights/import.ts";
import { readWeights } from "../model/weights/read_weights.ts";
import { WeightsError } from "../model/weights/stored.ts";
import { checkpointPath } from "../model/run/run_folder.ts";
import { saveWeights } from "../model/weights/weights_file.ts";
import { line, notice } from "./terminal/output.ts";

/** Adds the commands. */
export function addWeights(program: Command): void {
  const group = program.command("weights")
    .description("import pretrained weights, export trained ones")
    .copyInheritedSettings(program);
  group.command("import")
    .description(
      "read ResNet weights of torchvision or timm (.pth or safetensors), TF-slim (checkpoint V1 or V2), the reference's snapshots or the PyTorch port's",
    )
    .copyInheritedSettings(program)
    .argument("<file>", "the weights; of a V2 checkpoint, the part before .index")
    .requiredOption("--out <file>", "where the converted weights go, for itera train --weights")
    .action(async (file, { out }) => {
      const stored = await readWeights(file);
      const imported = named(file, () => importWeights(stored));
      await saveWeights(out, imported);
      const { facts, tensors, left, notes } = imported;
      const numbers = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
      line(`${file}: ${facts.format}, ${facts.resnet} by the names of ${facts.origin}`);
      line(`images: ${facts.normalise}${facts.classes ? `; scores of ${facts.classes} classes` : ""}`);
      line(`${out}: ${tensors.size} tensors, ${numbers} numbers`);
      const some = left.slice(0, 4).join(", ");
      if (left.length > 0) line(`not used: ${left.length} tensors, ${some}${left.length > 4 ? ", …" : ""}`);
      for (const note of notes) notice(note);
    });
  group.command("export")
    .description("write weights as safetensors that PyTorch loads: torchvision's names, filters [O, I, kH, kW]")
    .copyInheritedSettings(program)
    .argument("<checkpoint>", "a run's checkpoint, its folder for its best or newest one, or imported weights")
    .requiredOption("--out <file>", "where they go")
    .option("--rgb", "make the first convolution take RGB where ours takes BGR")
    .action(async (given, { out, rgb }) => {
      const file = await checkpointPath(given, (path, reason) => notice(`passed over ${path}: ${reason}`));
      const bytes = await readBytes(file);
      const exported = named(file, () => exportTorch(bytes, { rgb: rgb ?? false }));
      await writeFileAtomic(out, exported);
      line(`${out}: ${exported.length} bytes`);
    });
}

/** Complaints about the file's contents, with its name. */
function named<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof WeightsError || error instanceof SafetensorsError) {
      throw new UserError(`${file}: ${error.message}`);
    }
    throw error;
  }
}
