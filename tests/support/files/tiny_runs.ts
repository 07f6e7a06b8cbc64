/** Runs of a few steps, and what came of them. */
import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { basename, join } from "node:path";
import { decodeSafetensors } from "../../../engine/safetensors.ts";
import { REGION_RUNS } from "../../../model/regions/config.ts";
import { trainModel } from "../../../model/regions/trainer.ts";
import { Interrupted } from "../../../model/run/hooks.ts";
import type { Json } from "../../../model/run/layers.ts";
import { listCheckpoints, RunFolder } from "../../../model/run/run_folder.ts";

/** Trains a tiny run; aborts after `until` steps where that is given. Returns its folder. */
export async function run(folder: string, name: string, settings: Json, until = Infinity): Promise<string> {
  const path = join(folder, name), stop = new AbortController();
  const layers = [{ source: "test", value: settings }];
  using opened = await Deno.stat(path).then(() => true, () => false)
    ? await RunFolder.resume(path, [], REGION_RUNS)
    : await RunFolder.create(path, layers, REGION_RUNS);
  const training = trainModel(opened, { onStep: (done) => done === until && stop.abort(), signal: stop.signal });
  if (until === Infinity) await training;
  else await rejects(training, Interrupted);
  return path;
}

/** The records, results and last checkpoint of a run. */
export function outcome(path: string): Record<string, Uint8Array> {
  const files = ["metrics.jsonl", "results.json"].map((name) => join(path, name));
  return Object.fromEntries(
    [...files, listCheckpoints(path).at(-1)!.path].map((file) => [basename(file), Deno.readFileSync(file)]),
  );
}

/** Throws unless both have the same files of the same bytes. */
export function assertSame(got: Record<string, Uint8Array>, want: Record<string, Uint8Array>, what: string): void {
  deepStrictEqual(Object.keys(got), Object.keys(want), what);
  for (const [name, bytes] of Object.entries(want)) {
    const at = bytes.findIndex((byte, i) => byte !== got[name][i]);
    ok(at < 0 && bytes.length === got[name].length, `${what}: ${name} differs from byte ${at} on`);
  }
}

/** Tensors and facts of a run's newest checkpoint. */
export function tensorsOf(path: string): ReturnType<typeof decodeSafetensors> {
  return decodeSafetensors(Deno.readFileSync(listCheckpoints(path).at(-1)!.path));
}
