import { deepStrictEqual, ok, throws } from "node:assert/strict";
import { ensemble, type EnsembleMember } from "../../../../model/regions/evaluation/ensemble.ts";

function member(name: string, rows: readonly (readonly number[])[], labels = [1, 2]): EnsembleMember {
  const probabilities = (of: readonly (readonly number[])[]) => Float32Array.from(of.flat());
  return {
    name,
    scores: {
      outputs: [
        { name: "image", probabilities: probabilities(rows.map((row) => row.map(() => 9))) },
        { name: "attended", probabilities: probabilities(rows) },
      ],
      labels: Int32Array.from(labels),
      classes: 3,
    },
    set: { split: "made test", images: 1, classes: ["__background__", "a", "b"], answers: null, options: null },
  };
}

Deno.test("an ensemble is the mean of its members' answers", () => {
  const a = member("a", [[0.1, 0.6, 0.3], [0.2, 0.5, 0.3]]), b = member("b", [[0.3, 0.2, 0.5], [0.2, 0.1, 0.7]]);
  const { scores, set } = ensemble([a, b]);
  deepStrictEqual(scores.outputs.map(({ name }) => name), ["a", "b", "ensemble"]);
  const want = [0.2, 0.4, 0.4, 0.2, 0.3, 0.5];
  ok(scores.outputs[2].probabilities.every((v, i) => Math.abs(v - want[i]) < 1e-7));
  deepStrictEqual([scores.labels, set], [a.scores.labels, a.set]);
});

Deno.test("members must have scored the same regions", () => {
  const a = member("a", [[1, 0, 0], [1, 0, 0]]);
  throws(() => ensemble([a, member("b", [[1, 0, 0], [1, 0, 0]], [2, 2])]), /b: scored 2 regions of made test, other/);
  throws(() => ensemble([a, member("c", [[1, 0, 0]], [1])]), /c: scored 1 regions/);
  const d = { ...a, name: "d", set: { ...a.set, classes: ["__background__", "a", "x"] } };
  throws(() => ensemble([a, d]), /d: scored 2 classes, a 2 \(only here: x; only there: b\); an ensemble needs/);
});
