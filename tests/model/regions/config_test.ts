import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../engine/base/user_error.ts";
import { DATASETS } from "../../../datasets/registry.ts";
import {
  newConfig,
  resumedConfig,
  scaledForBatch,
  scalingLines,
  trainConfigSchema,
} from "../../../model/regions/config.ts";
import { fileLayer, type Json, settingLayer } from "../../../model/run/layers.ts";
import { resnetPresets } from "../../../model/backbones/resnet.ts";
import { withFolder } from "../../support/folder.ts";

const layer = (value: Json, source = "mine.json") => ({ source, value });

function mistake(run: () => unknown, message: string | RegExp): void {
  throws(run, (error) => {
    ok(error instanceof UserError, String(error));
    if (typeof message === "string") strictEqual(error.message, message);
    else ok(message.test(error.message), `"${error.message}" is not ${message}`);
    ok(!error.message.includes("\n"), "more than one line");
    return true;
  });
}

Deno.test("without settings every default is written out and passes the schema", () => {
  for (const dataset of DATASETS) {
    const config = newConfig([layer({ dataset: { dataset } })]);
    deepStrictEqual(trainConfigSchema.parse(JSON.parse(JSON.stringify(config))), config);
    strictEqual(config.dataset.dataset, dataset);
  }
});

Deno.test("later layers win, key by key", () => {
  const config = newConfig([
    layer({ steps: 5, optimiser: { rate: 0.5, momentum: 0.1 } }),
    settingLayer("optimiser.rate=0.25"),
    settingLayer("optimiser.decaySteps=[3,4]"),
    settingLayer("dataset.data=some/folder"),
  ]);
  strictEqual(config.steps, 5);
  deepStrictEqual([config.optimiser.rate, config.optimiser.momentum], [0.25, 0.1]);
  deepStrictEqual(config.optimiser.decaySteps, [3, 4]);
  strictEqual(config.dataset.data, "some/folder");
});

Deno.test("a network's name is written out as what it stands for", () => {
  const { resnet } = newConfig([settingLayer("model.resnet=resnet101")]).model;
  deepStrictEqual(resnet, { ...resnetPresets.resnet101, trainShift: false });
  mistake(() => newConfig([settingLayer("model.resnet=resnet9")]), /resnet9" is none of small, resnet50, resnet101/);
});

Deno.test("a mistake is one line that names the key and where it was given", () => {
  mistake(() => newConfig([layer({ stepz: 5 })]), 'mine.json: unknown key "stepz"; did you mean "steps"?');
  mistake(
    () => newConfig([layer({ steps: 5 }), settingLayer("optimiser.momentun=0")]),
    '--set optimiser.momentun=0: unknown key "optimiser.momentun"; did you mean "optimiser.momentum"?',
  );
  mistake(() => newConfig([layer({ zzz: 1 })]), 'mine.json: unknown key "zzz"');
  mistake(() => newConfig([layer({ steps: 1.5 })]), /^mine\.json: "steps": /);
  mistake(() => newConfig([layer({ steps: 5 }), layer({ optimiser: 3 }, "b.json")]), /^b\.json: "optimiser": /);
  mistake(() => newConfig([layer({ adapter: "tpu" })]), /^mine\.json: "adapter": .*"auto"/);
  mistake(() => settingLayer("steps"), /--set steps: write it as key=value/);
  mistake(() => settingLayer("=3"), /write it as key=value/);
});

Deno.test("a settings file that is missing, cut short or no object is named", async () => {
  await withFolder((folder) => {
    const path = join(folder, "c.json");
    mistake(() => fileLayer(path), `${path}: there is no such file`);
    Deno.writeTextFileSync(path, '{"steps": 5,\n "optimiser": {');
    mistake(() => fileLayer(path), /c\.json.*: is not JSON, it ends too early$/);
    Deno.writeTextFileSync(path, '{"steps": 5,\n  oops: 3}');
    mistake(() => fileLayer(path), /c\.json:2:3: is not JSON/);
    Deno.writeTextFileSync(path, "\nsteps: 5");
    mistake(() => fileLayer(path), /c\.json:2:1: is not JSON/);
    Deno.writeTextFileSync(path, "[]");
    mistake(() => fileLayer(path), /holds no JSON object/);
  });
});

Deno.test("a resumed run keeps the settings its numbers depend on", () => {
  const saved = layer(newConfig([]), "runs/a/config.json");
  strictEqual(resumedConfig(saved, [layer({ steps: 9999 }, "--steps")]).steps, 9999);
  deepStrictEqual(resumedConfig(saved, [layer({ seed: 3 }, "--seed")]), newConfig([]));
  mistake(
    () => resumedConfig(saved, [layer({ optimiser: { rate: 1 } }, "--rate")]),
    `--rate: a resumed run keeps its settings, "optimiser.rate" is ${
      newConfig([]).optimiser.rate
    }, not 1; give a new run another --name`,
  );
  mistake(
    () => resumedConfig(layer({ sed: 1 }, "runs/a/config.json"), []),
    /^runs\/a\/config\.json: unknown key "sed"/,
  );
});

Deno.test("the published networks start from the reference's schedule, which flags still override", () => {
  const layer = (value: Json) => ({ source: "test", value });
  const coco = newConfig([layer({ dataset: { dataset: "coco" } }), layer({ model: { resnet: "resnet50" } })]);
  deepStrictEqual([coco.steps, coco.optimiser.rate, coco.optimiser.decaySteps], [720_000, 5e-4, [320_000, 560_000]]);
  const own = newConfig([layer({ model: { resnet: "resnet101" } }), layer({ optimiser: { rate: 0.01 }, steps: 9 })]);
  deepStrictEqual([own.steps, own.optimiser.rate], [9, 0.01]);
  const schedule = (dataset: string) => {
    const { steps, optimiser, dataset: { testSplit } } = newConfig([
      layer({ dataset: { dataset }, model: { resnet: "resnet50" } }),
    ]);
    return [steps, optimiser.decaySteps, optimiser.rate, optimiser.kind, testSplit];
  };
  deepStrictEqual(schedule("ade"), [320_000, [280_000], 5e-4, "sgd", "test"]);
  deepStrictEqual(schedule("vg"), [720_000, [320_000, 560_000], 5e-4, "sgd", "test"]);
});

Deno.test("settings from before data sets had lists, a cache and switches are those of today's defaults", () => {
  const config = newConfig([layer({ dataset: { dataset: "coco" } })]);
  const { lists: _lists, cache: _cache, reference: _reference, ...dataset } = config.dataset;
  deepStrictEqual(trainConfigSchema.parse({ ...config, dataset }), config);
  deepStrictEqual(config.dataset.reference, {
    crowd: true,
    dropFirstSynset: true,
    dropLastEntry: false,
    instanceNumbers: false,
    moveBoxes: false,
  });
  const saved = layer(newConfig([layer({ dataset: { dataset: "ade" } })]), "runs/a/config.json");
  const moved = resumedConfig(saved, [settingLayer("dataset.lists=b"), settingLayer("dataset.cache=c")]);
  deepStrictEqual([moved.dataset.lists, moved.dataset.cache], ["b", "c"]);
  mistake(
    () => resumedConfig(saved, [settingLayer("dataset.reference.instanceNumbers=true")]),
    /a resumed run keeps its settings, "dataset\.reference\.instanceNumbers" is false, not true/,
  );
  mistake(() => newConfig([settingLayer("dataset.reference.crow=true")]), /did you mean "dataset\.reference\.crowd"\?/);
});

Deno.test("rate and schedule of a preset follow the batch: in proportion for SGD, by the square root for Adam", () => {
  const schedule = (...layers: Parameters<typeof newConfig>[0]) => {
    const { steps, optimiser: { kind, rate, warmupSteps, decaySteps } } = newConfig(layers);
    return { steps, kind, rate, warmupSteps, decaySteps };
  };
  deepStrictEqual(schedule(layer({ batch: 4 })), {
    steps: 600,
    kind: "adam",
    rate: 7e-4 * 2,
    warmupSteps: 25,
    decaySteps: [325, 450, 538],
  });
  const published = { dataset: { dataset: "ade" }, model: { resnet: "resnet50" } };
  deepStrictEqual(schedule(layer(published), settingLayer("batch=8")), {
    steps: 40_000,
    kind: "sgd",
    rate: 5e-4 * 8,
    warmupSteps: 0,
    decaySteps: [35_000],
  });
  // The last step shows the rest and more, a drop and a warm-up stay at least a step.
  const far = schedule(layer({ batch: 7000 }));
  deepStrictEqual([far.steps, far.warmupSteps, far.decaySteps], [1, 1, [1, 1, 1]]);
  // The optimiser that is asked for decides, not the preset's.
  strictEqual(schedule(layer({ batch: 4, optimiser: { kind: "sgd" } })).rate, 7e-4 * 4);
  // A batch of the size that is stated, or --no-scale, leaves all as stated.
  const { rate, steps } = schedule();
  deepStrictEqual(schedule(layer({ batch: 4, scale: false })), schedule());
  deepStrictEqual(schedule(layer({ batch: 4, baseBatch: 4 })), schedule());
  deepStrictEqual([rate, steps], [7e-4, 2400]);
});

Deno.test("settings that are given stay as they are, so that a run's config.json begins the same run again", () => {
  const config = newConfig([layer({ batch: 4, steps: 100, optimiser: { rate: 0.01 } })]);
  deepStrictEqual([config.steps, config.optimiser.rate, config.optimiser.warmupSteps], [100, 0.01, 25]);
  const saved = JSON.parse(JSON.stringify(config));
  deepStrictEqual(newConfig([layer(saved)]), config);
  const quick = scaledForBatch({ source: "--quick", value: { steps: 500, optimiser: { decaySteps: [250, 400] } } }, [
    layer({ batch: 4, steps: 7 }),
  ]);
  deepStrictEqual(quick, { source: "--quick", value: { steps: 125, optimiser: { decaySteps: [63, 100] } } });
});

Deno.test("the schedule that a batch has changed is said before the start, and that it has not", () => {
  deepStrictEqual(scalingLines([layer({})]), []);
  deepStrictEqual(scalingLines([layer({ batch: 4 })]), [
    "a step takes 4 images: steps 2400 → 600, optimiser.rate 0.0007 → 0.0014, optimiser.warmupSteps 100 → 25, " +
    "optimiser.decaySteps [1300,1800,2150] → [325,450,538]; --no-scale leaves them as stated for 1",
  ]);
  for (const value of [{ batch: 4, scale: false }, { ...newConfig([]), batch: 4 } as unknown as Json]) {
    deepStrictEqual(scalingLines([layer(value)]), ["a step takes 4 images; rate and schedule are as given"]);
  }
});

Deno.test("wrong batches are refused in one line", () => {
  for (const batch of [0, -2, 1.5, "two", null]) mistake(() => newConfig([layer({ batch })]), /^mine\.json: "batch": /);
  mistake(() => newConfig([layer({ accumulate: 0 })]), /^mine\.json: "accumulate": /);
  mistake(
    () => newConfig([layer({ batch: 2, accumulate: 3 })]),
    'mine.json: "accumulate": a step has no more parts than images: give at most `batch`',
  );
  const saved = layer(newConfig([layer({ batch: 4 })]) as unknown as Json, "config.json");
  mistake(() => resumedConfig(saved, [settingLayer("batch=2")]), /"batch" is 4, not 2; give a new run another --name/);
  strictEqual(resumedConfig(saved, [settingLayer("accumulate=2")]).accumulate, 2);
});
