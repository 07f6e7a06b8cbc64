import assert from "node:assert/strict";
import { averagePrecision, type Metrics, regionMetrics } from "../../../../model/regions/evaluation/metrics.ts";
import { withRandom } from "../../../support/random.ts";

const near = (actual: number, expected: number, what: string, slack = 1e-6) =>
  assert.ok(Math.abs(actual - expected) <= slack, `${what}: ${actual}, expected ${expected}`);

const P = Float32Array.of(
  ...[.05, .60, .25, .10],
  ...[.50, .20, .20, .10],
  ...[.05, .45, .40, .10],
  ...[.10, .15, .70, .05],
  ...[.05, .30, .55, .10],
  ...[.24, .28, .38, .10],
);
const LABELS = Int32Array.of(1, 1, 2, 2, 1, 2);

Deno.test("the metrics give the worked example (papers/iterative-reasoning.md#worked-metrics)", () => {
  const metrics = regionMetrics(P, LABELS, 4);
  assert.equal(metrics.instances, 6);
  assert.deepEqual(metrics.classes.map(({ label, count }) => [label, count]), [[1, 3], [2, 3]]);
  near(metrics.classes[0].ac, 2 / 3, "class 1 accuracy");
  near(metrics.classes[0].ap, 0.755556, "class 1 average precision");
  near(metrics.classes[1].ac, 2 / 3, "class 2 accuracy");
  near(metrics.classes[1].ap, 0.833333, "class 2 average precision");
  near(metrics.perClass.ac, 0.666667, "per-class accuracy");
  near(metrics.perClass.ap, 0.794444, "per-class average precision");
  near(metrics.perInstance.ac, 0.666667, "per-instance accuracy");
  near(metrics.perInstance.ap, 0.569444, "per-instance average precision");
  // Scores by hand: class 1 (.60 + .20 + .30) / 3, class 2 (.40 + .70 + .38) / 3.
  near(metrics.classes[0].sc, 1.1 / 3, "class 1 score");
  near(metrics.classes[1].sc, 1.48 / 3, "class 2 score");
  near(metrics.perClass.sc, 2.58 / 6, "per-class score");
  near(metrics.perInstance.sc, 2.58 / 6, "per-instance score");
});

Deno.test("ties in a ranking keep region order and ties in a row predict the first class", () => {
  // Equal scores: a positive before a negative ranks first, and the other way round.
  assert.equal(averagePrecision([.5, .5], [1, 0], 1), 1);
  assert.equal(averagePrecision([.5, .5], [0, 1], 1), .5);
  const metrics = regionMetrics(Float32Array.of(0, .5, .5), Int32Array.of(2), 3);
  assert.equal(metrics.perInstance.ac, 0);
  assert.equal(metrics.perInstance.ap, 0);
  assert.equal(metrics.perClass.ap, 1, "the only instance heads its own class's ranking");
});

Deno.test("classes without instances are left out of every mean, and per-class and per-instance means differ", () => {
  const rows = Float32Array.of(0, .9, .1, 0, 0, .8, .2, 0, 0, .7, .3, 0, 0, .6, .4, 0);
  const metrics = regionMetrics(rows, Int32Array.of(1, 1, 1, 2), 4);
  assert.deepEqual(metrics.classes.map((row) => row.label), [1, 2]);
  assert.equal(metrics.perClass.ac, .5);
  assert.equal(metrics.perInstance.ac, .75);
  assert.equal(metrics.perInstance.ap, .75, "the miss ranks last, so nothing is lost but the missing recall");
});

Deno.test("the area under the curve is that of the textbook's padded arrays", async () => {
  await withRandom("average precision", (random) => {
    for (let round = 0; round < 20; round++) {
      const n = random.integer(1, 40);
      const scores = random.reals(n, 0, 1).map((v) => Math.round(v * 8) / 8);
      const positive = random.integers(n, 0, 2);
      const total = Math.max(1, positive.reduce((sum, v) => sum + v, 0) + random.integer(0, 3));
      near(averagePrecision(scores, positive, total), textbook(scores, positive, total), `round ${round}`, 1e-12);
    }
  });
});

Deno.test("an empty split, wrong sizes, labels out of range and NaN are errors, not figures", () => {
  const call = (p: Float32Array, g: Int32Array, c: number) => (): Metrics => regionMetrics(p, g, c);
  assert.throws(call(new Float32Array(0), new Int32Array(0), 4), /no instance/);
  assert.throws(call(new Float32Array(7), Int32Array.of(1, 1), 4), /7 probabilities for 2 labels/);
  assert.throws(call(new Float32Array(4), Int32Array.of(0), 4), /label 0 of instance 0/);
  assert.throws(call(new Float32Array(4), Int32Array.of(4), 4), /label 4 of instance 0/);
  assert.throws(call(Float32Array.of(0, 1, NaN, 0), Int32Array.of(1), 4), /class 2 of instance 0 is NaN/);
});

/** VOC's all-point average precision as usually written: padded curves, envelope from the right, steps of recall. */
function textbook(scores: ArrayLike<number>, positive: ArrayLike<number>, total: number): number {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b] - scores[a] || a - b);
  let tp = 0, fp = 0;
  const recall = [0], precision = [0];
  for (const i of order) {
    if (positive[i]) tp++;
    else fp++;
    recall.push(tp / total);
    precision.push(tp / Math.max(tp + fp, Number.EPSILON));
  }
  recall.push(1);
  precision.push(0);
  for (let i = precision.length - 1; i > 0; i--) precision[i - 1] = Math.max(precision[i - 1], precision[i]);
  let area = 0;
  for (let i = 1; i < recall.length; i++) {
    if (recall[i] !== recall[i - 1]) area += (recall[i] - recall[i - 1]) * precision[i];
  }
  return area;
}
