/** Settings by the names and values of earlier versions. */
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { REFPLUS_RUNS, type RefplusConfig } from "../../../../model/refplus/training/config.ts";
import { kindOf } from "../../../../model/run/kind.ts";
import { type Json, type Layer, settingLayer } from "../../../../model/run/layers.ts";

const DATA = { trainRefexps: "x.h5", trainFeatures: "f.h5", trainScenes: "s.json", vocabulary: "v.json" };

/** The same settings, by today's names and by those of before. */
const NOW: Json = {
  stage: "ee-gt",
  data: DATA,
  engine: { dim: 8, message: "attention" },
  nodeLoss: { weight: 2, perProgram: 3, inputs: "groundTruth", teacherForcingUntil: 7 },
};
const BEFORE: Json = {
  step: "ee-gt",
  data: DATA,
  engine: { dim: 8, passes: "masks" },
  stepLoss: { weight: 2, most: 3, inputs: "true", ownAfter: 7 },
};

const layer = (value: Json): Layer => ({ source: "test", value });

/** Settings of a run, with the renamed ones by their names of before. */
function asBefore(config: RefplusConfig): Json {
  const { kind: _, stage: step, engine: { message, ...engine }, nodeLoss, ...rest } = config;
  const { perProgram: most, inputs, teacherForcingUntil: ownAfter, ...stepLoss } = nodeLoss;
  return {
    ...rest,
    step,
    engine: { ...engine, passes: message === "attention" ? "masks" : "maps" },
    stepLoss: { ...stepLoss, most, inputs: inputs === "groundTruth" ? "true" : "own", ownAfter },
  } as unknown as Json;
}

Deno.test("a new run is begun by old names as by new ones, and its settings have the new ones", () => {
  const config = REFPLUS_RUNS.begin([layer(NOW)]);
  deepStrictEqual(REFPLUS_RUNS.begin([layer(BEFORE)]), config);
  deepStrictEqual([config.stage, config.engine.message, config.nodeLoss.inputs], ["ee-gt", "attention", "groundTruth"]);
  // A later layer wins by whichever name.
  for (const assignment of ["stepLoss.ownAfter=9", "nodeLoss.teacherForcingUntil=9"]) {
    for (const begun of [NOW, BEFORE]) {
      const { nodeLoss } = REFPLUS_RUNS.begin([layer(begun), settingLayer(assignment)]);
      deepStrictEqual(nodeLoss, { ...config.nodeLoss, teacherForcingUntil: 9 });
    }
  }
});

Deno.test("--set takes old names and values, `true` among them", () => {
  const { engine, nodeLoss } = REFPLUS_RUNS.begin([
    layer({ step: "ee-gt", data: DATA }),
    ...["engine.passes=maps", "stepLoss.inputs=true", "stepLoss.most=1", "nodeLoss.weight=1"].map(settingLayer),
  ]);
  deepStrictEqual([engine.message, nodeLoss.inputs, nodeLoss.perProgram], ["features", "groundTruth", 1]);
  const own = REFPLUS_RUNS.begin([layer(NOW), settingLayer("nodeLoss.inputs=own")]);
  strictEqual(own.nodeLoss.inputs, "predicted");
});

Deno.test("a run saved with old names goes on, and its settings are compared by what they mean", () => {
  const config = REFPLUS_RUNS.begin([layer(NOW)]), saved = layer(asBefore(config));
  strictEqual(kindOf(saved.value, [REFPLUS_RUNS]), REFPLUS_RUNS);
  deepStrictEqual(REFPLUS_RUNS.resume(saved, []), config);
  deepStrictEqual(REFPLUS_RUNS.resume(saved, ["engine.passes=masks", "stage=ee-gt"].map(settingLayer)), config);
  throws(
    () => REFPLUS_RUNS.resume(saved, [settingLayer("engine.passes=maps")]),
    /--set engine\.passes=maps: a resumed run keeps its settings, "engine\.message" is another/,
  );
});
