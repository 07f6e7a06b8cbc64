import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { compare, meanAndSpread } from "../../../../model/regions/experiments/comparison.ts";
import { closedShares } from "../../../../model/regions/experiments/comparison_charts.ts";
import { comparisonTables } from "../../../../model/regions/experiments/experiment_report.ts";
import type { MemberResults } from "../../../../model/regions/experiments/experiment.ts";
import { readResults, type ResultRow } from "../../../../model/regions/evaluation/results.ts";
import { withFolder } from "../../../support/folder.ts";

function row(name: string, kind: ResultRow["kind"], v: number): ResultRow {
  return { name, kind, perInstance: { sc: 0, ac: v, ap: v + 0.1 }, perClass: { sc: 0, ac: v + 0.2, ap: v + 0.3 } };
}

function member(name: string, seed: number, v: number, predictions: number[]): MemberResults {
  const rows = [
    row(name, "answer", v),
    ...predictions.map((p, i) => row(`${name}: local ${i + 1}`, "prediction", p)),
    row("scene posterior (exact)", "exact", 0.6),
  ];
  const contextDistances = [{
    name: "near",
    instances: 7,
    accuracy: rows.map(({ perInstance }) => perInstance.ac / 2),
  }];
  const results = { split: "context test", images: 3, instances: 9, rows, classes: [], contextDistances };
  return { folder: `${name}-seed${seed}`, name, settings: {}, results };
}

Deno.test("mean and sample spread", () => {
  deepStrictEqual(meanAndSpread([2]), { mean: 2, spread: 0 });
  const { mean, spread } = meanAndSpread([1, 2, 4]);
  ok(Math.abs(mean - 7 / 3) < 1e-12 && Math.abs(spread - Math.sqrt(7 / 3)) < 1e-12);
});

Deno.test("rows of one name are averaged over seeds, exact rows stand once at the end", () => {
  const members = [
    member("baseline", 3, 0.1, []),
    member("local", 3, 0.4, [0.2]),
    member("baseline", 4, 0.3, []),
    member("local", 4, 0.5, [0.4]),
  ];
  const comparison = compare(members);
  strictEqual(comparison.seeds, 2);
  const near = (a: readonly number[], b: readonly number[]): boolean => a.every((v, i) => Math.abs(v - b[i]) < 1e-12);
  deepStrictEqual(comparison.rows.map(({ name }) => name), [
    "baseline",
    "local",
    "local: local 1",
    "scene posterior (exact)",
  ]);
  const [baseline, local, prediction, scene] = comparison.rows;
  ok(near(baseline.mean, [0.3, 0.2, 0.5, 0.4]) && near(baseline.spread, new Array(4).fill(Math.SQRT1_2 * 0.2)));
  ok(
    near(local.mean, [0.55, 0.45, 0.75, 0.65]) && near(prediction.distances, [0.15]) &&
      near(scene.mean, [0.7, 0.6, 0.9, 0.8]),
  );
  const [closed] = closedShares(comparison.rows);
  strictEqual(closed.name, "local");
  ok(near(closed.shares, new Array(4).fill(0.25 / 0.4)));
  const tables = comparisonTables(comparison);
  strictEqual(tables.length, 3);
  deepStrictEqual(tables[0].rows[0].slice(0, 2), ["baseline", "0.300 ± 0.141"]);
  ok(Math.abs(Number(tables[0].rows[3][1]) - 0.7) < 1e-12, "an exact row has no spread");
});

Deno.test("results of before 0.2.0, which call context distances clues, are read as those of now", () =>
  withFolder(async (folder) => {
    const { results } = member("local", 3, 0.4, [0.2]), { contextDistances, ...others } = results;
    const path = join(folder, "results.json");
    for (const saved of [results, { ...others, clues: contextDistances }]) {
      await Deno.writeTextFile(path, JSON.stringify(saved));
      deepStrictEqual(readResults(path), results);
    }
    for (const broken of [others, null, [1], "text"]) {
      await Deno.writeTextFile(path, JSON.stringify(broken));
      throws(() => readResults(path), /is not a results file of this version/);
    }
    for (const rows of [[], [{}], [{ ...results.rows[0], perClass: { ap: 1 } }], "none"]) {
      await Deno.writeTextFile(path, JSON.stringify({ ...results, rows }));
      throws(() => readResults(path), /is not a results file of this version/);
    }
  }));
