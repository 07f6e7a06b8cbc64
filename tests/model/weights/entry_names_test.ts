/** Weights of another run: entries of classes and edges go by their names, not by their places. */
import { deepStrictEqual, match, notDeepStrictEqual, ok } from "node:assert/strict";
import { decodeSafetensors, Device, saveTensors } from "../../../engine/mod.ts";
import { resnetPresets } from "../../../model/backbones/resnet.ts";
import { BaselineClassifier } from "../../../model/regions/baseline.ts";
import type { EntryNames, RegionModel } from "../../../model/regions/contract.ts";
import { classKnowledge } from "../../../model/regions/reasoning/knowledge.ts";
import { SMALL_REASONING } from "../../../model/regions/reasoning/options.ts";
import { ReasoningClassifier } from "../../../model/regions/reasoning/reasoner.ts";
import { applyWeights } from "../../../model/weights/apply_weights.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

const CLASSES = ["__background__", "red", "green", "blue"];
const NAMES: EntryNames = { classes: CLASSES, classEdges: ["is a", "has"], regionEdges: ["left", "right"] };
/** The same names in another order, and for each its place in the first. */
const TURNED: EntryNames = {
  classes: ["__background__", "blue", "red", "green"],
  classEdges: ["has", "is a"],
  regionEdges: ["right", "left"],
};
const PLACES = { classes: [0, 3, 1, 2], classEdges: [1, 0], regionEdges: [1, 0] } as const;

/** A model with memory and graph; `vectors` are given, or random by the seed. */
function build(device: Device, seed: number, vectors = false): ReasoningClassifier {
  const edges = [0, 1].map((type) => ({ type, from: 1, to: 2 + type, weight: 1 }));
  const given = vectors ? { vectors: Float32Array.from({ length: 1200 }, (_, i) => i), dim: 300 } : null;
  const knowledge = { types: ["a", "b"], edges, ...given ?? { vectors: new Float32Array(), dim: 0 } };
  const { graph, memory, head } = SMALL_REASONING;
  return new ReasoningClassifier(device, {
    classes: 4,
    resnet: resnetPresets.small,
    mode: "final",
    reasoning: {
      ...SMALL_REASONING,
      graph: { ...graph, width: 4, layers: 1, regionEdges: ["left", "right"] },
      memory: { ...memory, depth: 4 },
      head: { ...head, width: 4 },
    },
    knowledge: classKnowledge(knowledge, 4, null, seed),
    seed,
  });
}

async function valuesOf(model: RegionModel): Promise<Map<string, readonly number[]>> {
  const read = model.stateDict().entries().map(async ([name, tensor]) => [name, [...await tensor.data()]] as const);
  return new Map(await Promise.all(read));
}

/** Weights of a model as a file has them. */
async function savedOf(model: RegionModel, names?: EntryNames) {
  const { tensors } = decodeSafetensors(await saveTensors(model.stateDict()));
  return { path: "a.safetensors", tensors, settings: {}, ...names ? { names } : {} };
}

/** Values [outer, blocks of the names, inner] with each block's entries at their places. */
function turned(values: readonly number[], inner: number, places: readonly number[]): number[] {
  return values.map((_, i) => {
    const at = Math.floor(i / inner), block = at - at % places.length;
    return values[(block + places[at % places.length]) * inner + i % inner];
  });
}

Deno.test("the same names in another order are put in the model's, in every parameter that has entries for them", async () => {
  await using device = await Device.open();
  using trained = build(device, 1);
  using model = build(device, 2);
  const before = await valuesOf(trained), weights = await savedOf(trained, NAMES);
  const said = applyWeights(model, weights, { ...TURNED, vectors: false });
  match(said, /cls_score: 2 tensors \(put in order by the names of its classes\); memory: \d+ tensors \(put in order/);
  match(
    said,
    /graph: \d+ tensors \(put in order by the names of its classes; .*edges between regions; .*between classes\)/,
  );
  const after = await valuesOf(model);
  const axes: Record<string, [keyof EntryNames, number]> = {
    "cls_score.weight": ["classes", 1],
    "cls_score.bias": ["classes", 1],
    "memory.head.score.weight": ["classes", 1],
    "memory.head.score.bias": ["classes", 1],
    "memory.map_prob.weight": ["classes", 4],
    "graph.head.score.weight": ["classes", 1],
    "graph.head.score.bias": ["classes", 1],
    "graph.map_prob.weight": ["classes", 4],
    "graph.vectors": ["classes", 300],
    "graph.layer1.class.weight": ["classEdges", 16],
    "graph.layer1.region.weight": ["regionEdges", 16],
  };
  for (const [name, values] of before) {
    const [of, inner] = axes[name] ?? ["classes", 0];
    deepStrictEqual(after.get(name), inner > 0 ? turned(values, inner, PLACES[of]) : values, name);
  }
  ok(Object.keys(axes).every((name) => before.has(name)));
});

Deno.test("with other names of classes all that is per class stays random, and the rest is taken", async () => {
  await using device = await Device.open();
  using trained = build(device, 1);
  using model = build(device, 2, true);
  const [theirs, own] = [await valuesOf(trained), await valuesOf(model)];
  const classes = ["__background__", "red", "green", "crimson"];
  const said = applyWeights(model, await savedOf(trained, NAMES), { ...NAMES, classes, vectors: true });
  match(
    said,
    /cls_score: random \(its classes have other names, only there: blue, only here: crimson\); memory: \d+ tensors, 3 random/,
  );
  const after = await valuesOf(model);
  for (const [name, values] of after) {
    const perClass = /^cls_score|head\.score|map_prob|^graph\.vectors/.test(name);
    deepStrictEqual(values, (perClass ? own : theirs).get(name), name);
  }
  notDeepStrictEqual(theirs.get("graph.vectors"), own.get("graph.vectors"));
});

Deno.test("classes without names are taken in order, and that is said; a name twice is never guessed at", async () => {
  await using device = await Device.open();
  const resnet = resnetPresets.small;
  using trained = new BaselineClassifier(device, { classes: 4, resnet, seed: 1 });
  using model = new BaselineClassifier(device, { classes: 4, resnet, seed: 2 });
  const own = { ...NAMES, vectors: false };
  match(
    applyWeights(model, await savedOf(trained), own),
    /cls_score: 2 tensors; its classes have no names and are taken for the run's, in order$/,
  );
  const twice = ["__background__", "red", "red", "blue"], names = { ...NAMES, classes: twice };
  match(applyWeights(model, await savedOf(trained, names), { ...own, classes: twice }), /cls_score: 2 tensors$/);
  match(
    applyWeights(model, await savedOf(trained, names), { ...own, classes: ["__background__", "blue", "red", "red"] }),
    /cls_score: random \(its classes have other names or another order\)$/,
  );
  // A model that does not say which of its parameters are per class.
  const silent: RegionModel = Object.create(model, {
    namedAxes: { value: undefined },
    parameters: { value: () => model.parameters() },
  });
  match(
    applyWeights(silent, await savedOf(trained, NAMES), { ...own, classes: TURNED.classes }),
    /cls_score: random \(its classes have other names or another order\)$/,
  );
});
