/** Runs of version 0.1 (tests/fixtures/runs-0.1) go on and are evaluated, and say by which rules. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { generateRefPlus } from "../../../datasets/refplus/language/generate.ts";
import { refPlusFiles } from "../../../datasets/refplus/files/layout.ts";
import { Device } from "../../../engine/mod.ts";
import { decodeSafetensors } from "../../../engine/safetensors.ts";
import { CELL_RUNS } from "../../../model/refplus/extractor/cell_config.ts";
import { trainCells } from "../../../model/refplus/extractor/cell_trainer.ts";
import { REFPLUS_RUNS } from "../../../model/refplus/training/config.ts";
import { engineOf, generatorOf, readRefplusCheckpoint } from "../../../model/refplus/checkpoint.ts";
import { trainRefplus } from "../../../model/refplus/training/trainer.ts";
import type { Json } from "../../../model/run/layers.ts";
import { listCheckpoints, RunFolder } from "../../../model/run/run_folder.ts";
import { itera } from "../../support/command.ts";
import { withFolder } from "../../support/folder.ts";
import { copyRun } from "../../support/old_runs.ts";
import { randomFor } from "../../support/random.ts";
import { writeTinyCoco } from "../../support/files/tiny_coco.ts";
import { writeToy } from "../../support/refplus/toy_refplus.ts";

const RULES = /: made by version 0\.1\.0; boxes at borders, .* follow the rules of .*, which are the authors'/;

/** The newest checkpoint's tensors. */
async function newest(run: string) {
  const { path, step } = listCheckpoints(run).at(-1)!;
  return { step, ...decodeSafetensors(await Deno.readFile(path)) };
}

Deno.test("a region classifier of version 0.1 is evaluated and goes on, and both say by which rules", async () => {
  await withFolder(async (folder) => {
    const run = await copyRun("runs-0.1", "regions", folder), data = join(folder, "coco");
    await writeTinyCoco(data);
    const evaluated = await itera("evaluate", run, "--data", data);
    strictEqual(evaluated.code, 0, evaluated.err);
    ok(RULES.test(evaluated.err), evaluated.err);
    const resumed = await itera(
      "train",
      "--runs",
      folder,
      "--name",
      "regions",
      "--resume",
      "--steps",
      "6",
      "--data",
      data,
    );
    strictEqual(resumed.code, 0, resumed.err);
    strictEqual(resumed.err.split("\n").filter((text) => RULES.test(text)).length, 1, resumed.err);
    const { step, tensors } = await newest(run);
    strictEqual(step, 6);
    // Momentum had no counts: what moved before counts as used once, and two updates were made since.
    const counts = tensors.get("optimiser.updates")!.data as Float32Array;
    ok(counts.includes(3) && counts.every((n) => n === 3 || n === 0), counts.join(" "));
    const config = JSON.parse(await Deno.readTextFile(join(run, "config.json")));
    deepStrictEqual([config.version, config.model.reasoning.stop.features], ["0.1.0", { memory: true, graph: true }]);
  });
});

for (const [name, part] of [["generator", "program_generator"], ["engine", "execution_engine"]] as const) {
  Deno.test(`a run of the ${name} of version 0.1 loads and goes on`, async () => {
    await withFolder(async (folder) => {
      const run = await copyRun("runs-0.1", name, folder),
        toy = await writeToy(folder, "train", 12, randomFor("old runs"));
      const { bytes: _, tensors, ...checkpoint } = await readRefplusCheckpoint(run);
      strictEqual(checkpoint.step, 3);
      {
        await using device = await Device.open();
        const read = await readRefplusCheckpoint(run);
        using model = name === "generator" ? generatorOf(device, read) : engineOf(device, read);
        const before = await newest(run);
        for (const { name: parameter, tensor } of model.parameters()) {
          deepStrictEqual(await tensor.data(), before.tensors.get(`${part}.${parameter}`)!.data, parameter);
        }
      }
      const data: Json = { trainRefexps: toy.refexps, vocabulary: toy.vocabulary };
      const value: Json = { steps: 5, data: name === "engine" ? { ...data, trainFeatures: toy.features } : data };
      const said: string[] = [];
      {
        using resumed = await RunFolder.resume(run, [{ source: "test", value }], REFPLUS_RUNS);
        await trainRefplus(resumed, { onMessage: (text) => said.push(text) });
      }
      strictEqual(said.filter((text) => RULES.test(text)).length, 1, said.join("\n"));
      strictEqual((await newest(run)).step, 5);
      ok(tensors.size > 0);
    });
  });
}

Deno.test("a feature extractor's run of version 0.1 goes on", async () => {
  await withFolder(async (folder) => {
    const run = await copyRun("runs-0.1", "cells", folder), set = join(folder, "set");
    await generateRefPlus(set, { split: "train", images: 3, refexpsPerImage: 1, maxObjects: 4, zoom: 1.5 });
    const { images, scenes } = refPlusFiles(set, "train");
    using resumed = await RunFolder.resume(
      run,
      [{ source: "test", value: { data: { pictures: images, scenes } } }],
      CELL_RUNS,
    );
    const said: string[] = [];
    await trainCells(resumed, { onMessage: (text) => said.push(text) });
    strictEqual(said.filter((text) => RULES.test(text)).length, 1, said.join("\n"));
    strictEqual(said.filter((text) => /: goes on with direct convolutions/.test(text)).length, 1, said.join("\n"));
    const { step, tensors } = await newest(run);
    strictEqual(step, 6);
    ok((tensors.get("optimiser.updates")!.data as Float32Array).every((n) => n === 6));
  });
});
