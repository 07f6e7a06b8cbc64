/** `itera inspect`: what a checkpoint holds and which run it came from, or what a file of features or expressions holds. */
import type { Command } from "@commander-js/extra-typings";
import { basename, dirname } from "node:path";
import { RUN_KINDS } from "../model/kinds.ts";
import { readRunCheckpoint } from "../model/run/checkpoint.ts";
import { kindOf } from "../model/run/kind.ts";
import { lookup } from "../model/run/layers.ts";
import { firstNonFinite } from "../engine/internal.ts";
import { HDF5_NAME, inspectHdf5 } from "./inspect_hdf5.ts";
import { bytes, line, notice, table } from "./terminal/output.ts";

/** Adds the command. */
export function addInspect(program: Command): void {
  program.command("inspect")
    .description(
      "list a checkpoint's tensors and the run it came from, or read a file of features or expressions through",
    )
    .argument("<file>", "a .safetensors file of a run of any kind, a run's folder, or an .h5 file of itera refplus")
    .option("--optimiser", "list the optimiser's state too")
    .action(async (file, { optimiser }) => {
      if (HDF5_NAME.test(file)) return await inspectHdf5(file);
      const onBroken = (path: string, reason: string): void => notice(`passed over ${path}: ${reason}`);
      const checkpoint = await readRunCheckpoint(file, RUN_KINDS, onBroken, { anyNumbers: true });
      const { config, path, tensors } = checkpoint, kind = kindOf(config, RUN_KINDS)!;
      const own = kind.describe(checkpoint);
      const [version, seed] = ["version", "seed"].map((key) => lookup(config, [key]));
      const all = [...tensors].map(([name, { shape, dtype, data }]) => ({
        name,
        shape: `[${shape.join(", ")}]`,
        dtype,
        elements: data.length,
        size: data.byteLength,
      }));
      const weights = all.filter(({ name }) => !name.startsWith("optimiser."));
      const sum = (list: typeof all, key: "elements" | "size"): number => list.reduce((total, t) => total + t[key], 0);
      const folder = dirname(path), run = basename(folder) === "checkpoints" ? dirname(folder) : "–";
      line(`run: ${run}, of kind ${kind.kind}, begun by version ${version}, seed ${seed}`);
      for (const text of own) line(text);
      line(`checksum: ${checkpoint.checked ? "fits" : "none, so damage to its numbers would not show"}`);
      const wrong = firstNonFinite(tensors);
      if (wrong) line(`not finite: "${wrong.name}" holds ${wrong.value}`);
      line(
        `weights: ${weights.length} tensors, ${sum(weights, "elements")} numbers, ${bytes(sum(weights, "size"))}; ` +
          `whole file: ${all.length} tensors, ${bytes(sum(all, "size"))}`,
      );
      const shown = optimiser ? all : weights;
      table({
        columns: ["tensor", "shape", "type", "numbers"],
        rows: shown.map((t) => [t.name, t.shape, t.dtype, t.elements]),
        counts: ["numbers"],
      });
    });
}
