import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { TEMPLATE_FILES } from "../../../../datasets/refplus/language/templates.ts";
import { SPECIAL_TOKENS } from "../../../../datasets/refplus/encoding/tokens.ts";
import { isWhole } from "../../../../model/refplus/engine/program_tree.ts";
import { ProgramTokens } from "../../../../model/refplus/engine/program_tree.ts";
import { resultOf, scoreByCategory, scoreMasks, scoreNothing } from "../../../../model/refplus/evaluation/scoring.ts";
import { scoreNodes } from "../../../../model/refplus/evaluation/node_masks.ts";
import { rewardsOf } from "../../../../model/refplus/training/updates.ts";

Deno.test("masks are scored over all pixels and sample by sample; empty ones stand apart", () => {
  const scores = scoreMasks([8, 10, 1, 2, 0, 4, 0, 0, 9, 10]);
  deepStrictEqual([scores.samples, scores.empty], [5, 1]);
  ok(Math.abs(scores.cumulativeIou! - 18 / 26) < 1e-12);
  ok(Math.abs(scores.meanIou! - (0.8 + 0.5 + 0 + 0.9) / 4) < 1e-12);
  deepStrictEqual(scores.precision, { "0.5": 0.75, "0.6": 0.5, "0.7": 0.5, "0.8": 0.5, "0.9": 0.25 });
  deepStrictEqual(rewardsOf([8, 10, 0, 0]), [0.8, 0]);
  const nothing = scoreMasks([0, 0]);
  deepStrictEqual([nothing.cumulativeIou, nothing.meanIou, nothing.empty], [null, null, 1]);
});

Deno.test("categories have the table's names and order", () => {
  const [zero, same, or] = ["zero_hop.json", "same_relate.json", "single_or.json"].map((f) =>
    TEMPLATE_FILES.indexOf(f as never)
  );
  const scores = scoreByCategory([1, 2, 1, 4, 3, 4, 1, 1, 2, 2], [same, zero, zero, -1, or]);
  deepStrictEqual([...scores].map(([name, { cumulativeIou }]) => [name, cumulativeIou]), [
    ["0-Relate", 0.5],
    ["OR", 1],
    ["SAME", 0.5],
    ["other", 1],
  ]);
});

Deno.test("a result has the reference's pairs and plain numbers", () => {
  const evaluated = { overlaps: Float64Array.of(1, 2, 0, 0), exact: [true, false], illFormed: 1, overLong: 0 };
  const result = JSON.parse(JSON.stringify(resultOf(evaluated, [0, 0])));
  deepStrictEqual(result.ious, [[1, 2], [0, 0]]);
  deepStrictEqual(
    [result.cumulative_iou, result.both_empty, result.program_exact_match],
    [0.5, 1, 0.5],
  );
  deepStrictEqual([result.ill_formed_programs, result.over_long_programs], [1, 0]);
  strictEqual(Object.values(result.per_category).length, 1);
});

Deno.test("found pixels are counted where nothing is referred to", () => {
  const scores = scoreNothing([0, 0, 0, 25, 0, 0], [0, 0, 1], 100);
  const all = scores.at(-1)!;
  deepStrictEqual([all.name, all.samples], ["all", 3]);
  ok(Math.abs(all.nothing - 2 / 3) < 1e-12 && Math.abs(all.foreground - 25 / 300) < 1e-12);
  deepStrictEqual(scores.length, 3);
  const areas = Array.from({ length: 20 }, (_, n) => [0, 19 - n]).flat();
  deepStrictEqual(scoreNothing(areas, new Array(20).fill(0), 100)[0].pixels, {
    "0.5": 9,
    "0.75": 14,
    "0.9": 17,
    "0.95": 18,
    "1": 19,
  });
});

Deno.test("programs that are one whole tree are distinguished from others", () => {
  const tokens = new ProgramTokens([...SPECIAL_TOKENS, "scene", "unique", "union"]);
  const [END, UNKNOWN, SCENE, UNIQUE, UNION] = [2, 3, 4, 5, 6];
  for (const whole of [[SCENE, END], [UNIQUE, SCENE, END], [UNION, UNIQUE, SCENE, SCENE, END]]) {
    ok(isWhole(whole, tokens));
  }
  for (
    const broken of [
      [END],
      [SCENE],
      [UNIQUE, END],
      [UNION, SCENE, END],
      [SCENE, SCENE, END],
      [UNKNOWN, SCENE, END],
      [],
      [SCENE, END, END],
    ]
  ) ok(!isWhole(broken, tokens), broken.join());
});

Deno.test("nodes are grouped by function and by depth", () => {
  const nodes = [
    { type: "scene", depth: 0, intersection: 4, union: 4 },
    { type: "unique", depth: 1, intersection: 1, union: 4 },
    { type: "unique", depth: 2, intersection: 1, union: 2 },
    { type: "relate", depth: 2, intersection: 0, union: 0 },
  ];
  deepStrictEqual(scoreNodes(nodes, "type"), [
    { name: "relate", nodes: 1, iou: null },
    { name: "scene", nodes: 1, iou: 1 },
    { name: "unique", nodes: 2, iou: 1 / 3 },
  ]);
  deepStrictEqual(scoreNodes(nodes, "depth").map(({ name, iou }) => [name, iou]), [["0", 1], ["1", 0.25], ["2", 0.5]]);
});
