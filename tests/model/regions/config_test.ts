import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../engine/base/user_error.ts";
import { DATASETS } from "../../../datasets/registry.ts";
import { newConfig, resumedConfig, trainConfigSchema } from "../../../model/regions/config.ts";
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
