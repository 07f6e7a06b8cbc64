/** `itera inspect`: what a checkpoint holds and which run it came from. */
import type { Command } from "@commander-js/extra-typings";
import { basename, dirname } from "node:path";
import { readCheckpoint } from "../model/regions/checkpoint.ts";
import { bytes, line, table } from "./terminal/output.ts";

/** Adds the command. */
export function addInspect(program: Command): void {
  program.command("inspect")
    .description("list a checkpoint's tensors and the run it came from")
    .argument("<checkpoint>", "a .safetensors file of a run")
    .option("--optimiser", "list the optimiser's state too")
    .action(async (path, { optimiser }) => {
      const { config, step, classes, knowledge, tensors } = await readCheckpoint(path);
      const { model, dataset, seed, version } = config;
      const all = [...tensors].map(([name, { shape, dtype, data }]) => ({
        name,
        shape: `[${shape.join(", ")}]`,
        dtype,
        elements: data.length,
        size: data.byteLength,
      }));
      const weights = all.filter(({ name }) => name.startsWith("model."));
      const sum = (list: typeof all, key: "elements" | "size"): number => list.reduce((total, t) => total + t[key], 0);
      const folder = dirname(path);
      line(
        `run: ${basename(folder) === "checkpoints" ? dirname(folder) : "–"}, begun by version ${version}, seed ${seed}`,
      );
      line(`model: ${model.name}, after ${step} of ${config.steps} steps on ${dataset.dataset} ${dataset.trainSplit}`);
      line(`classes: ${classes.length - 1} and the background`);
      if (knowledge) {
        line(
          `knowledge graph: ${knowledge.edges.length} edges of ${knowledge.types.length} types, vectors of ${knowledge.dim}`,
        );
      }
      line(
        `weights: ${weights.length} tensors, ${sum(weights, "elements")} numbers, ${bytes(sum(weights, "size"))}; ` +
          `whole file: ${all.length} tensors, ${bytes(sum(all, "size"))}`,
      );
      const shown = optimiser ? all : weights;
      table(["tensor", "shape", "type", "numbers"], shown.map((t) => [t.name, t.shape, t.dtype, String(t.elements)]));
    });
}
