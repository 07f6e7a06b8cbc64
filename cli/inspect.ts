/** `itera inspect`: what a checkpoint holds and which run it came from. */
import type { Command } from "@commander-js/extra-typings";
import { basename, dirname } from "node:path";
import { RUN_KINDS } from "../model/kinds.ts";
import { describeRefplus } from "../model/refplus/checkpoint.ts";
import { CELL_RUNS } from "../model/refplus/extractor/cell_config.ts";
import { describeCells } from "../model/refplus/extractor/cell_trainer.ts";
import { REFPLUS_RUNS } from "../model/refplus/training/config.ts";
import { describeRegions } from "../model/regions/checkpoint.ts";
import { REGION_RUNS } from "../model/regions/config.ts";
import { readRunCheckpoint, type RunCheckpoint } from "../model/run/checkpoint.ts";
import { kindOf } from "../model/run/kind.ts";
import { lookup } from "../model/run/layers.ts";
import { bytes, line, notice, table } from "./terminal/output.ts";

/** Descriptions of a checkpoint, by the kind of its run. */
const DESCRIBE: Readonly<Record<string, (checkpoint: RunCheckpoint) => string[]>> = {
  [REGION_RUNS.kind]: describeRegions,
  [REFPLUS_RUNS.kind]: describeRefplus,
  [CELL_RUNS.kind]: describeCells,
};

/** Adds the command. */
export function addInspect(program: Command): void {
  program.command("inspect")
    .description("list a checkpoint's tensors and the run it came from")
    .argument("<checkpoint>", "a .safetensors file of a run of any kind, or a run's folder")
    .option("--optimiser", "list the optimiser's state too")
    .action(async (file, { optimiser }) => {
      const onBroken = (path: string, reason: string): void => notice(`passed over ${path}: ${reason}`);
      const checkpoint = await readRunCheckpoint(file, RUN_KINDS, onBroken);
      const { config, path, tensors } = checkpoint, { kind } = kindOf(config, RUN_KINDS)!;
      const own = DESCRIBE[kind](checkpoint);
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
      line(`run: ${run}, of kind ${kind}, begun by version ${version}, seed ${seed}`);
      for (const text of own) line(text);
      line(
        `weights: ${weights.length} tensors, ${sum(weights, "elements")} numbers, ${bytes(sum(weights, "size"))}; ` +
          `whole file: ${all.length} tensors, ${bytes(sum(all, "size"))}`,
      );
      const shown = optimiser ? all : weights;
      table(["tensor", "shape", "type", "numbers"], shown.map((t) => [t.name, t.shape, t.dtype, String(t.elements)]));
    });
}
