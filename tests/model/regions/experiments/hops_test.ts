import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { newConfig } from "../../../../model/regions/config.ts";
import type { ResultRow } from "../../../../model/regions/evaluation/results.ts";
import type { MemberResults } from "../../../../model/regions/experiments/experiment.ts";
import { HOP_QUICK, HOP_SETTINGS, hopMembers, hopTables } from "../../../../model/regions/experiments/hops.ts";

/** A run whose prediction k has accuracy `figures[k]` by distance. */
function member(
  name: string,
  seed: number,
  layers: number,
  figures: Readonly<Record<string, number[]>>,
): MemberResults {
  const posteriors = { p0: [1, 0.2, 0.2], p1: [1, 1, 0.2], p2: [1, 1, 1] };
  const all = { ...figures, ...posteriors }, nothing = { sc: 0, ac: 0, ap: 0 };
  const rows = Object.keys(all).map((key): ResultRow => ({
    name: key in posteriors ? key : key === name ? name : `${name}: ${key}`,
    kind: key in posteriors ? "exact" : key === name ? "answer" : "prediction",
    perInstance: nothing,
    perClass: nothing,
  }));
  const contextDistances = [0, 1, 2].map((d) => ({
    name: `${d} links`,
    instances: 10 + d,
    accuracy: Object.values(all).map((row) => row[d]),
  }));
  const results = { split: "hops test", images: 1, instances: 1, rows, classes: [], contextDistances };
  return { folder: `${name}-${seed}`, name, settings: { seed, model: { reasoning: { graph: { layers } } } }, results };
}

Deno.test("accuracy and share of the way stand by distance and update, means over seeds", () => {
  const seeds = [3, 4].flatMap((seed, s) => [
    member("baseline", seed, 1, { baseline: [1, 0.2, 0.3] }),
    member("global", seed, 1, {
      global: [0, 0, 0],
      image: [1, 0.1, 0.1],
      "global 1": [1, 0.6 + 0.2 * s, 0.2],
      "global 2": [1, 1, 0.3 + 0.7 * s],
    }),
  ]);
  const [accuracy, shares] = hopTables(seeds);
  deepStrictEqual(accuracy.columns, ["model", "prediction", "0 links (10)", "1 links (11)", "2 links (12)"]);
  deepStrictEqual(accuracy.rows.map(([model, prediction]) => `${model}/${prediction}`), [
    "baseline/image",
    "global/image",
    "global/global, 1 update",
    "global/global, 2 updates",
    "exact posterior/looks up to 0 links away",
    "exact posterior/looks up to 1 links away",
    "exact posterior/looks up to 2 links away",
  ]);
  strictEqual(accuracy.rows[2][3], "0.700 ± 0.141");
  // From the baseline's own .2 and .3, of the same seed, to 1; nothing where the updates cannot reach.
  deepStrictEqual(shares.rows, [
    ["global", "global, 1 update", "", "0.625 ± 0.177", ""],
    ["global", "global, 2 updates", "", "1.000 ± 0.000", "0.500 ± 0.707"],
  ]);
  const [, three] = hopTables([member("global, 3 layers", 3, 3, { image: [1, 0.2, 0.2], "global 1": [1, 1, 0.6] })]);
  strictEqual(three.rows[0][4], 0.49999999999999994, "three layers reach two links at once");
});

Deno.test("every run of the proof has valid settings and a folder of its own", () => {
  for (const options of [{}, { quick: true }, { all: true }]) {
    const members = hopMembers([3, 4], options);
    strictEqual(new Set(members.map(({ folder }) => folder)).size, members.length);
    for (const { settings } of members) {
      const layers = [HOP_SETTINGS, ...options.quick ? [HOP_QUICK] : [], settings];
      const config = newConfig(layers.map((value) => ({ source: "test", value })));
      strictEqual(config.dataset.dataset, "hops");
      ok(config.optimiser.decaySteps.every((step) => step < config.steps));
    }
  }
});
