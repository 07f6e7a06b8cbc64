/**
 * Writes the model of the documentation's page, which a visitor sees without training: the weights of a run of the default
 * training in 16 bits, with the commit, the seed and the command that made them.
 *
 * ```sh
 * ./itera train --model final --name live
 * deno run -A tests/support/write_live_model.ts runs/live
 * ```
 */
// deno-lint-ignore-file no-console
import { dirname } from "node:path";
import { weightsAmong } from "../../cli/view/page_model.ts";
import { narrowed } from "../../cli/view/weights.ts";
import { encodeSafetensors } from "../../engine/mod.ts";
import { readCheckpoint, regionFacts } from "../../model/regions/checkpoint.ts";
import { newConfig } from "../../model/regions/config.ts";
import { checkpointMetadata } from "../../model/run/checkpoint.ts";
import { differences, type Json } from "../../model/run/layers.ts";
import { LIVE_MODEL } from "./live_model.ts";

const [run] = Deno.args;
if (run === undefined) throw new Error("name the run of the default training");
const checkpoint = await readCheckpoint(run), { config, step, tensors } = checkpoint;
const value = { model: { name: "final" } }, plain = newConfig([{ source: "the default training", value }]);
const other = differences(plain as unknown as Json, config as unknown as Json).filter((path) => path !== "seed");
if (other.length > 0 || step !== config.steps) {
  throw new Error(
    `${run}: is no whole run of the default training: ${[...other, `${step} of ${config.steps} steps`].join(", ")}`,
  );
}
const git = async (...args: string[]): Promise<string> => {
  const { stdout } = await new Deno.Command("git", { args }).output();
  return new TextDecoder().decode(stdout).trim();
};
const changed = await git("status", "--porcelain", "--", "engine", "shaders", "model", "datasets", "cli");
if (changed !== "") throw new Error(`the tree is not as its commit has it:\n${changed}`);
const facts = {
  ...regionFacts(checkpoint),
  commit: await git("rev-parse", "HEAD"),
  seed: String(config.seed),
  command: `./itera train --model final --seed ${config.seed}`,
};
const weights = weightsAmong(tensors).map(([name, tensor]) => [name, narrowed(tensor)] as const);
const bytes = encodeSafetensors(new Map(weights), checkpointMetadata(step, config, facts), { checksum: true });
await Deno.mkdir(dirname(LIVE_MODEL), { recursive: true });
await Deno.writeFile(LIVE_MODEL, bytes);
console.log(`${LIVE_MODEL}: ${(bytes.length / 2 ** 20).toFixed(2)} MiB`);
