/** The best checkpoint of the module network's runs: kept, taken for results, the same after a stop, and what cannot be. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { REFPLUS_RUNS } from "../../../../model/refplus/training/config.ts";
import { trainRefplus } from "../../../../model/refplus/training/trainer.ts";
import { readRunCheckpoint } from "../../../../model/run/checkpoint.ts";
import { Interrupted } from "../../../../model/run/hooks.ts";
import type { Json } from "../../../../model/run/layers.ts";
import { MetricsLog } from "../../../../model/run/logs/metrics_log.ts";
import { listCheckpoints, RunFolder } from "../../../../model/run/run_folder.ts";
import { withFolder } from "../../../support/folder.ts";
import { withRandom } from "../../../support/random.ts";
import { writeToy } from "../../../support/refplus/toy_refplus.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

/** Trains a tiny run; stops after `until` updates where given. Returns what it said. */
async function train(path: string, settings: Json | null, until?: number): Promise<string[]> {
  using folder = settings === null
    ? await RunFolder.resume(path, [], REFPLUS_RUNS)
    : await RunFolder.create(path, [{ source: "test", value: settings }], REFPLUS_RUNS);
  const stop = new AbortController(), said: string[] = [];
  await trainRefplus(folder, {
    signal: stop.signal,
    onStep: (done) => done + 1 === until && stop.abort(),
    onMessage: (text) => said.push(text),
  });
  return said;
}

Deno.test("the checkpoint of the best held-out measure is kept, stands for the run, and ends it early; so after a stop", async () => {
  await withFolder(async (folder) => {
    await withRandom("best of refplus", async (random) => {
      const [own, val] = [await writeToy(folder, "train", 12, random), await writeToy(folder, "val", 6, random)];
      const settings = {
        stage: "ee-gt",
        steps: 60,
        batch: 6,
        data: {
          trainRefexps: own.refexps,
          trainFeatures: own.features,
          valRefexps: val.refexps,
          valFeatures: val.features,
          vocabulary: own.vocabulary,
        },
        engine: { dim: 4, headWidth: 32 },
        optimiser: { rate: 0.03 },
        displayEvery: 4,
        validateEvery: 2,
        validation: { metric: "val_iou", patience: 4 },
        checkpointEvery: 3,
        checkpointKeep: 3,
      };
      const path = join(folder, "run"), said = await train(path, settings);
      const measured = MetricsLog.read(join(path, "metrics.jsonl")).filter((record) => "val_iou" in record)
        .map(({ step, val_iou }) => [step, Number(val_iou)] as const);
      const [step] = measured.reduce((best, one) => one[1] > best[1] ? one : best);
      const chosen = await readRunCheckpoint(path, [REFPLUS_RUNS]);
      strictEqual(chosen.step, step);
      strictEqual(
        (await readRunCheckpoint(path, [REFPLUS_RUNS], undefined, { newest: true })).step,
        measured.at(-1)![0],
      );
      // Four validations without a better one, unless the run came to its end before.
      const [last] = measured.at(-1)!;
      ok(last === step + 8 || last === 60, `${last}, best ${step}`);
      strictEqual(said.some((text) => text.startsWith(`stopped after step ${last}: val_iou has not risen`)), last < 60);
      ok(listCheckpoints(path).length <= 3);
      const again = join(folder, "stopped");
      await rejects(train(again, settings, Math.min(step + 3, last - 1)), Interrupted);
      await train(again, null);
      for (const name of ["metrics.jsonl", "checkpoints/best.safetensors"]) {
        deepStrictEqual(Deno.readFileSync(join(again, name)), Deno.readFileSync(join(path, name)), name);
      }
    });
  });
});

Deno.test("a best checkpoint by what a stage does not measure, or without held-out expressions, is refused in a line", () => {
  const data = {
    trainRefexps: "t.h5",
    trainFeatures: "f.h5",
    valRefexps: "v.h5",
    valFeatures: "g.h5",
    vocabulary: "v.json",
  };
  const begin = (value: Json) => () => REFPLUS_RUNS.begin([{ source: "test", value }]);
  const refused: readonly (readonly [Json, string])[] = [
    [
      { stage: "pg", data, validation: { metric: "val_iou" } },
      "validation.metric: pg does not measure val_iou; give --best val_exact_match",
    ],
    [
      { stage: "ee-gt", data, validation: { metric: "val_exact_match" } },
      "validation.metric: ee-gt does not measure val_exact_match; give --best val_iou",
    ],
    [
      { stage: "ee-gt", data: { ...data, valRefexps: null }, validation: { metric: "val_iou" } },
      "validation.metric: val_iou is measured on held-out expressions; give --val_refexp_h5",
    ],
    [
      { stage: "pg", data, validation: { patience: 3 } },
      "validation.patience: there is no measure to wait for; give --best too",
    ],
  ];
  for (const [value, message] of refused) throws(begin(value), { name: "UserError", message });
  begin({ stage: "pg", data, validation: { metric: "val_exact_match", patience: 3 } })();
});
