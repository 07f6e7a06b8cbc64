/** Validation while training: it changes no bit of the training, and its best checkpoint is what results are of. */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { Device } from "../../../engine/mod.ts";
import { decodeSafetensors } from "../../../engine/safetensors.ts";
import { modelOf, readCheckpoint } from "../../../model/regions/checkpoint.ts";
import { newConfig, REGION_RUNS, resumedConfig } from "../../../model/regions/config.ts";
import { evaluateModel } from "../../../model/regions/evaluation/evaluate.ts";
import { spread } from "../../../model/regions/evaluation/held_out.ts";
import { readResults, resultsTable } from "../../../model/regions/evaluation/results.ts";
import { openSplit, trainModel } from "../../../model/regions/trainer.ts";
import type { Json } from "../../../model/run/layers.ts";
import { MetricsLog } from "../../../model/run/logs/metrics_log.ts";
import { listCheckpoints, RunFolder } from "../../../model/run/run_folder.ts";
import { withFolder } from "../../support/folder.ts";
import { TINY, writeTinyCoco } from "../../support/files/tiny_coco.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

const layer = (value: Json) => ({ source: "mine.json", value });

Deno.test("validation changes no bit of a training, and results, table and evaluation are of its best checkpoint", async () => {
  await withFolder(async (folder) => {
    const data = join(folder, "data");
    await writeTinyCoco(data);
    const settings = { ...TINY, steps: 8, displayEvery: 4, dataset: { ...TINY.dataset, data } };
    const train = async (name: string, more: Record<string, Json>) => {
      using run = await RunFolder.create(join(folder, name), [layer({ ...settings, ...more })], REGION_RUNS);
      const results = await trainModel(run);
      const { tensors } = decodeSafetensors(await Deno.readFile(listCheckpoints(run.path).at(-1)!.path));
      return { path: run.path, results, tensors };
    };
    const plain = await train("plain", {});
    const validation = { split: "val", share: 1, metric: "val_ap" };
    const watched = await train("watched", { validateEvery: 3, validation });
    for (const [name, { data }] of plain.tensors) {
      ok(data.every((v, i) => v === watched.tensors.get(name)!.data[i]), `${name} differs`);
    }
    strictEqual(plain.results.best, undefined);
    const measured = MetricsLog.read(join(watched.path, "metrics.jsonl")).filter((record) => "val_ap" in record);
    deepStrictEqual(measured.map(({ step }) => step), [3, 6, 8]);
    const best = measured.reduce((a, b) => Number(b.val_ap) > Number(a.val_ap) ? b : a);
    deepStrictEqual(watched.results.best, { step: best.step, metric: "val_ap", value: best.val_ap });
    // COCO's validation split is its test split.
    strictEqual(watched.results.rows[0].perInstance.ap, best.val_ap);
    strictEqual(watched.results.rows[0].perInstance.ac, best.val_accuracy);
    deepStrictEqual(readResults(join(watched.path, "results.json")), watched.results);
    strictEqual(
      resultsTable(watched.results).title,
      `Results on coco val, by the best checkpoint: step ${best.step}, val_ap ${Number(best.val_ap).toFixed(4)}`,
    );
    ok((await Deno.readTextFile(join(watched.path, "report.html"))).includes("by the best checkpoint: step"));
    const checkpoint = await readCheckpoint(watched.path),
      newest = await readCheckpoint(watched.path, undefined, { newest: true });
    deepStrictEqual([checkpoint.step, newest.step], [best.step, 8]);
    await using device = await Device.open({ winograd: checkpoint.config.convolutions === "winograd" });
    using model = modelOf(device, checkpoint);
    const again = { path: folder, config: checkpoint.config, file: (name: string) => join(folder, name) };
    const test = await openSplit(checkpoint.config, checkpoint.config.dataset.testSplit);
    deepStrictEqual(await evaluateModel(model, test, again, {}, checkpoint), watched.results);
  });
});

Deno.test("a share of a split is spread evenly over it, and is at least an image", () => {
  const entries = Array.from({ length: 10 }, (_, index) => ({ position: index, index, flipped: false }));
  const of = (share: number): number[] => spread(entries, share).map(({ index }) => index);
  deepStrictEqual([of(1), of(0.5), of(0.3), of(0.001)], [
    entries.map(({ index }) => index),
    [0, 2, 4, 6, 8],
    [0, 3, 6],
    [0],
  ]);
});

Deno.test("wrong settings of validation are refused in one line, and patience may change on the way", () => {
  const refused = (value: Json, message: RegExp): void => throws(() => newConfig([layer(value)]), message);
  const metric = "val_accuracy";
  refused({ validation: { metric: "val_loss" } }, /^UserError: mine\.json: "validation\.metric": /);
  refused({ validation: { share: 0 } }, /^UserError: mine\.json: "validation\.share": /);
  refused({ validation: { share: 1.5 } }, /^UserError: mine\.json: "validation\.share": /);
  refused(
    { validateEvery: null, validation: { metric } },
    /^UserError: mine\.json: "validation\.metric": nothing is measured while training: give `validateEvery` too$/,
  );
  refused(
    { validation: { patience: 2 } },
    /^UserError: mine\.json: "validation\.patience": there is no measure to wait for: give `validation\.metric` too$/,
  );
  const saved = layer(newConfig([layer({ validation: { metric } })]) as unknown as Json);
  strictEqual(resumedConfig(saved, [layer({ validation: { patience: 3 } })]).validation.patience, 3);
  throws(() => resumedConfig(saved, [layer({ validation: { share: 0.5 } })]), /"validation\.share" is null, not 0\.5/);
});
