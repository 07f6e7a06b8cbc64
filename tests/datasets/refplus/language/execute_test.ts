import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { COUNTED_FROM, FUNCTIONS, functionTokens, ORDINALS } from "../../../../datasets/refplus/scenes/catalogue.ts";
import { asSet, execute } from "../../../../datasets/refplus/language/execute.ts";
import { unflatten } from "../../../../datasets/refplus/encoding/programs.ts";
import { makeScene } from "../../../../datasets/refplus/scenes/scene.ts";
import type { ProgramNode, Scene } from "../../../../datasets/refplus/files/types.ts";
import { visibilityOf } from "../../../../datasets/refplus/scenes/visibility.ts";
import { handScene, ROW } from "../../../support/refplus/hand_scene.ts";
import { type Random, withRandom } from "../../../support/random.ts";
import { Invalid, partlyHidden, refersTo } from "../../../support/refplus/slow_refplus.ts";

/** Output of a program that is written last node first. */
function run(scene: Scene, ...tokens: string[]): number | readonly number[] | null {
  return execute(scene, unflatten(tokens, "prefix")!)?.at(-1) ?? null;
}

Deno.test("the catalogue has the 56 functions of the format", () => {
  const tokens = functionTokens();
  strictEqual(tokens.length, 56);
  strictEqual(new Set(tokens).size, 56);
  const counts = Object.entries(FUNCTIONS).map(([name]) => [
    name,
    tokens.filter((token) => token.split("[")[0] === name).length,
  ]);
  deepStrictEqual(Object.fromEntries(counts), {
    scene: 1,
    filter_size: 2,
    filter_color: 8,
    filter_material: 2,
    filter_shape: 3,
    filter_ordinal: 27,
    filter_visible: 2,
    unique: 1,
    relate: 4,
    same_size: 1,
    same_color: 1,
    same_material: 1,
    same_shape: 1,
    union: 1,
    intersect: 1,
  });
  ok(tokens.includes("filter_ordinal[the nineth one of the,from front]"));
});

Deno.test("each function has the output that can be read off a scene laid out by hand", () => {
  const scene = handScene(ROW);
  deepStrictEqual(run(scene, "scene"), [0, 1, 2]);
  deepStrictEqual(run(scene, "filter_color[red]", "scene"), [0, 2]);
  deepStrictEqual(run(scene, "filter_color[green]", "scene"), []);
  deepStrictEqual(run(scene, "filter_size[small]", "scene"), [1, 2]);
  deepStrictEqual(run(scene, "filter_material[metal]", "scene"), [1]);
  deepStrictEqual(run(scene, "filter_shape[sphere]", "filter_color[red]", "scene"), [2]);
  strictEqual(run(scene, "unique", "filter_color[blue]", "scene"), 1);
  strictEqual(run(scene, "unique", "filter_color[red]", "scene"), null);
  strictEqual(run(scene, "unique", "filter_color[green]", "scene"), null);
  const blue = ["unique", "filter_color[blue]", "scene"];
  deepStrictEqual(run(scene, "relate[left]", ...blue), [0]);
  deepStrictEqual(run(scene, "relate[right]", ...blue), [2]);
  deepStrictEqual(run(scene, "relate[behind]", ...blue), [2]);
  deepStrictEqual(run(scene, "relate[front]", ...blue), [0]);
  deepStrictEqual(run(scene, "same_shape", ...blue), [2]);
  deepStrictEqual(run(scene, "same_size", ...blue), [2]);
  deepStrictEqual(run(scene, "same_color", ...blue), []);
  deepStrictEqual(run(scene, "same_material", ...blue), []);
  const [red, small] = [["filter_color[red]", "scene"], ["filter_size[small]", "scene"]];
  deepStrictEqual(run(scene, "union", ...small, ...red), [0, 1, 2]);
  deepStrictEqual(run(scene, "intersect", ...small, ...red), [2]);
  const rank = (k: number, from: number) => `filter_ordinal[${ORDINALS[k]},${COUNTED_FROM[from]}]`;
  deepStrictEqual([0, 1, 2].map((k) => run(scene, rank(k, 0), "scene")), [[0], [1], [2]]);
  deepStrictEqual([0, 1, 2].map((k) => run(scene, rank(k, 1), "scene")), [[2], [1], [0]]);
  deepStrictEqual([0, 1, 2].map((k) => run(scene, rank(k, 2), "scene")), [[0], [1], [2]]);
  strictEqual(run(scene, rank(3, 0), "scene"), null);
  strictEqual(run(scene, rank(0, 0), "filter_color[blue]", "scene"), null);
  strictEqual(run(scene, rank(0, 0), "filter_color[green]", "scene"), null);
  deepStrictEqual(run(scene, "filter_visible[partially visible]", "scene"), [1]);
  deepStrictEqual(run(scene, "filter_visible[fully visible]", "scene"), [0, 2]);
  deepStrictEqual(run(scene, "filter_visible[partially visible]", ...red), []);
  strictEqual(run(scene, "filter_visible[fully visible]", "filter_color[green]", "scene"), null);
});

Deno.test("of equal places, the earlier object comes first from the left and last from the right", () => {
  const looks = ["small", "red", "rubber", "cube"] as const;
  const box = [100, 100, 20, 20] as const;
  const scene = handScene([{ looks, box, depth: 5 }, { looks, box: [100, 200, 20, 20], depth: 6 }]);
  deepStrictEqual(run(scene, "filter_ordinal[the first one of the,from left]", "scene"), [0]);
  deepStrictEqual(run(scene, "filter_ordinal[the first one of the,from right]", "scene"), [1]);
});

Deno.test("visibility follows from boxes, and is invalid where little or nothing is hidden", () => {
  // The blue box is 40 x 40; `overlap` columns of it are under the red object.
  const hide = (overlap: number, rows = 40) =>
    handScene([
      { looks: ["small", "red", "metal", "cube"], box: [100, 100, 50, rows], depth: 4 },
      { looks: ["small", "blue", "metal", "cube"], box: [150 - overlap, 100, 40, 40], depth: 5 },
    ]);
  deepStrictEqual(visibilityOf(hide(8)), { full: [0], partial: [1] }); // 8 of 40 columns: exactly a fifth
  strictEqual(visibilityOf(hide(7)), null);
  strictEqual(visibilityOf(hide(0)), null); // nobody is hidden
  strictEqual(visibilityOf(hide(8, 39)), null); // 8 x 39 of 1600
  deepStrictEqual(visibilityOf(hide(40)), { full: [0], partial: [1] });
  // A third object of which a little is hidden makes the whole scene unclear.
  const [red, blue] = [[100, 100, 50, 40], [140, 100, 40, 40]] as const;
  const third = (x: number) =>
    handScene([
      { looks: ["small", "red", "metal", "cube"], box: red, depth: 4 },
      { looks: ["small", "blue", "metal", "cube"], box: blue, depth: 5 },
      { looks: ["small", "gray", "metal", "cube"], box: [x, 100, 40, 40], depth: 6 },
    ]);
  deepStrictEqual(visibilityOf(third(300)), { full: [0, 2], partial: [1] });
  strictEqual(visibilityOf(third(178)), null);
  // What juts out of the picture is counted with its whole box.
  const edge = handScene([
    { looks: ["small", "red", "metal", "cube"], box: [400, 100, 80, 40], depth: 4 },
    { looks: ["small", "blue", "metal", "cube"], box: [460, 100, 20, 40], depth: 5 },
  ]);
  deepStrictEqual(visibilityOf({ ...edge, obj_bbox: { ...edge.obj_bbox, "2": [460, 100, 25, 40] } })?.partial, [1]);
});

Deno.test("malformed programs are refused", () => {
  const scene = handScene(ROW);
  const node = (type: string, inputs: number[] = [], value_inputs: string[] = []): ProgramNode => ({
    type,
    inputs,
    value_inputs,
  });
  const all = node("scene");
  const refused: [ProgramNode[], RegExp][] = [
    [[node("fly")], /there is no function fly/],
    [[node("count")], /there is no function count/],
    [[all, node("filter_color", [0], ["pink"])], /filter_color cannot have the values \[pink\]/],
    [[all, node("filter_color", [0])], /filter_color cannot have the values \[\]/],
    [[all, node("filter_ordinal", [0], ["the first one of the"])], /filter_ordinal cannot have/],
    [[all, node("relate", [0], ["left"])], /relate takes object, given set/],
    [[all, node("union", [0])], /union takes set and set, given set/],
    [[node("unique")], /unique takes set, given $/],
    [[all, node("filter_size", [1], ["small"])], /node 1, filter_size: input 1 is not an earlier node/],
    [[all, node("filter_size", [-1], ["small"])], /input -1 is not an earlier node/],
  ];
  for (const [program, message] of refused) throws(() => execute(scene, program), message);
});

/** A random program of up to `depth` levels that is well-formed, whatever it means. */
function randomProgram(random: Random, depth: number): string[] {
  const pick = <T>(list: readonly T[]): T => list[random.integer(0, list.length)];
  const set = (left: number): string[] => {
    if (left <= 0 || random() < 0.15) return ["scene"];
    const tokens = functionTokens();
    switch (random.integer(0, 6)) {
      case 0:
        return [pick(tokens.filter((t) => t.startsWith("relate"))), ...one(left - 1)];
      case 1:
        return [pick(tokens.filter((t) => t.startsWith("same"))), ...one(left - 1)];
      case 2:
        return [pick(["union", "intersect"]), ...set(left - 1), ...set(left - 2)];
      case 3:
        return [pick(tokens.filter((t) => t.startsWith("filter_ordinal"))), ...set(left - 1)];
      default:
        return [pick(tokens.filter((t) => /^filter_(size|color|shape|material|visible)/.test(t))), ...set(left - 1)];
    }
  };
  const one = (left: number): string[] => [
    "unique",
    pick(functionTokens().filter((t) => /^filter_ordinal.*(first|second|third)/.test(t))),
    ...set(left - 2),
  ];
  return set(depth);
}

Deno.test("random programs have the slow executor's outputs, and are invalid in the same cases", () =>
  withRandom("random programs", (random) => {
    let valid = 0, invalid = 0, unclear = 0;
    for (let index = 0; index < 12; index++) {
      const scene = makeScene({ seed: random.integer(0, 2 ** 24), split: "val", index });
      try {
        const hidden = partlyHidden(scene);
        deepStrictEqual(visibilityOf(scene)?.partial, [...hidden].sort((a, b) => a - b));
      } catch (error) {
        if (!(error instanceof Invalid)) throw error;
        strictEqual(visibilityOf(scene), null);
        unclear++;
      }
      for (let i = 0; i < 150; i++) {
        const tokens = randomProgram(random, random.integer(1, 8));
        // The slow executor counts pixels for each visibility: a few are enough.
        if (tokens.some((t) => t.startsWith("filter_visible")) && i > 20) continue;
        const program = unflatten(tokens, "prefix")!;
        const outputs = execute(scene, program);
        let wanted: number[] | null;
        try {
          wanted = [...refersTo(scene, program)].sort((a, b) => a - b);
        } catch (error) {
          if (!(error instanceof Invalid)) throw error;
          wanted = null;
        }
        // A set is in the order of what it was filtered from.
        deepStrictEqual(outputs && [...asSet(outputs.at(-1)!)].sort((a, b) => a - b), wanted, tokens.join(";"));
        if (wanted) valid++;
        else invalid++;
      }
    }
    ok(valid > 200 && invalid > 50, `${valid} valid, ${invalid} invalid, ${unclear} unclear`);
  }));
