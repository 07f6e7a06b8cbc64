/**
 * Runs of before they had a kind (tests/fixtures/runs-0.2) go on and end with the bits that the code of then gave them: exactly
 * where adapter and driver are those they were made on, as far as they load and go on elsewhere.
 */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { generateRefPlus } from "../../../datasets/refplus/language/generate.ts";
import { refPlusFiles } from "../../../datasets/refplus/files/layout.ts";
import { Device } from "../../../engine/mod.ts";
import { decodeSafetensors } from "../../../engine/safetensors.ts";
import { kindOfRun } from "../../../model/kinds.ts";
import { CELL_RUNS } from "../../../model/refplus/extractor/cell_config.ts";
import { trainCells } from "../../../model/refplus/extractor/cell_trainer.ts";
import { REFPLUS_RUNS } from "../../../model/refplus/training/config.ts";
import { trainRefplus } from "../../../model/refplus/training/trainer.ts";
import { REGION_RUNS } from "../../../model/regions/config.ts";
import { trainModel } from "../../../model/regions/trainer.ts";
import type { Json, Layer } from "../../../model/run/layers.ts";
import { listCheckpoints, RunFolder } from "../../../model/run/run_folder.ts";
import { ROOT } from "../../support/command.ts";
import { withFolder } from "../../support/folder.ts";
import { copyRun } from "../../support/old_runs.ts";
import { writeTinyCoco } from "../../support/files/tiny_coco.ts";
import { randomFor } from "../../support/random.ts";
import { rounding } from "./rounding.ts";
import { writeToy } from "../../support/refplus/toy_refplus.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

const FIXTURES = join(ROOT, "tests/fixtures/runs-0.2");
const made: { adapter: string; rounding: string; ends: Record<string, Record<string, string>> } = JSON.parse(
  await Deno.readTextFile(join(FIXTURES, "ends.json")),
);

/** Digest of each tensor of a run's newest checkpoint. */
async function digests(run: string): Promise<Record<string, string>> {
  const { tensors } = decodeSafetensors(await Deno.readFile(listCheckpoints(run).at(-1)!.path));
  const found: Record<string, string> = {};
  for (const [name, { data }] of tensors) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    found[name] = [...hash.slice(0, 8)].map((b) => b.toString(16).padStart(2, "0")).join("");
  }
  return found;
}

/** Goes on with a run of each kind on data like that it was made on. */
const GO_ON: Readonly<Record<string, (run: string, folder: string) => Promise<void>>> = {
  regions: async (run, folder) => {
    await writeTinyCoco(join(folder, "coco"));
    using resumed = await RunFolder.resume(run, [steps({ dataset: { data: join(folder, "coco") } })], REGION_RUNS);
    await trainModel(resumed);
  },
  generator: goOnRefplus,
  engine: goOnRefplus,
  cells: async (run, folder) => {
    const set = join(folder, "set");
    await generateRefPlus(set, { split: "train", images: 3, refexpsPerImage: 1, maxObjects: 4, zoom: 1.5 });
    const { images, scenes } = refPlusFiles(set, "train");
    const layer = { source: "test", value: { data: { pictures: images, scenes } } };
    using resumed = await RunFolder.resume(run, [layer], CELL_RUNS);
    await trainCells(resumed);
  },
};

async function goOnRefplus(run: string, folder: string): Promise<void> {
  const toy = await writeToy(folder, "train", 12, randomFor("old runs", 1));
  const data: Json = { trainRefexps: toy.refexps, vocabulary: toy.vocabulary };
  const value = { data: run.endsWith("engine") ? { ...data, trainFeatures: toy.features } : data };
  using resumed = await RunFolder.resume(run, [steps(value)], REFPLUS_RUNS);
  await trainRefplus(resumed);
}

function steps(value: Record<string, Json>): Layer {
  return { source: "test", value: { ...value, steps: 8 } };
}

for (const [run, goOn] of Object.entries(GO_ON)) {
  Deno.test(`a run of ${run} without a kind goes on with the bits it had`, async () => {
    await withFolder(async (folder) => {
      const path = await copyRun("runs-0.2", run, folder);
      strictEqual(kindOfRun(path), { regions: "regions", cells: "refplus-extractor" }[run] ?? "refplus");
      await goOn(path, folder);
      const end = await digests(path);
      deepStrictEqual(Object.keys(end).sort(), Object.keys(made.ends[run]).sort());
      await using device = await Device.open({ winograd: false });
      const sameDriver = device.title === made.adapter && await rounding(device) === made.rounding;
      if (sameDriver) deepStrictEqual(end, made.ends[run]);
      const { kind, convolutions } = JSON.parse(await Deno.readTextFile(join(path, "config.json")));
      strictEqual(kind, kindOfRun(path), "it has a kind now");
      strictEqual(convolutions, "direct", "it went on without Winograd's convolutions");
    });
  });
}
