/** The metrics against the reference's own evaluation (tests/fixtures/metrics.py). */
import { ok } from "node:assert/strict";
import { regionMetrics } from "../../../../model/regions/evaluation/metrics.ts";
import fixture from "../../../fixtures/metrics.json" with { type: "json" };
import { numbers } from "../../../support/formula.ts";

/** The reference sums in float32. */
const TOLERANCE = 2e-6;

for (const { name, instances, classes, levels, figures } of fixture.tables) {
  Deno.test(`the reference's figures for the ${name} table of ${classes} classes`, () => {
    const scores = numbers(`${name} scores`, instances * classes, 0, 1);
    const raise = numbers(`${name} raise`, instances, 0, 0.5);
    const labels = Int32Array.from(
      numbers(`${name} labels`, instances, 0, 1),
      (u) => 1 + Math.floor(u ** 3 * (classes - 1)),
    );
    labels.forEach((label, n) => scores[n * classes + label] += raise[n]);
    const { perClass, perInstance } = regionMetrics(
      levels > 0 ? scores.map((v) => Math.floor(v * levels) / levels) : scores,
      labels,
      classes,
    );
    const got = { perClass, perInstance };
    for (const [key, want] of Object.entries(figures)) {
      const [family, figure] = key.split(".") as ["perClass" | "perInstance", "sc" | "ac" | "ap"];
      ok(Math.abs(got[family][figure] - want) < TOLERANCE, `${key}: ${got[family][figure]}, not ${want}`);
    }
  });
}
