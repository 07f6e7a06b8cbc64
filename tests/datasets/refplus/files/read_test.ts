import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../../engine/base/user_error.ts";
import { readList } from "../../../../datasets/refplus/files/json_list.ts";
import { readRefexps, readScenes } from "../../../../datasets/refplus/files/read.ts";
import { withFolder } from "../../../support/folder.ts";
import { type Random, withRandom } from "../../../support/random.ts";
import { pythonJson, realRefexps, realScenes } from "../../../support/refplus/real_refplus.ts";

async function all<T>(list: AsyncGenerator<T>): Promise<T[]> {
  return await Array.fromAsync(list);
}

Deno.test("files as the published set has them are read, whatever their spacing", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "file.json");
    for (const indent of [undefined, 2]) {
      await Deno.writeTextFile(file, pythonJson("scenes", realScenes(), indent));
      deepStrictEqual(JSON.parse(await Deno.readTextFile(file)).scenes, JSON.parse(JSON.stringify(realScenes())));
      deepStrictEqual(await all(readScenes(file)), JSON.parse(JSON.stringify(realScenes())));
      await Deno.writeTextFile(file, pythonJson("refexps", realRefexps(), indent));
      deepStrictEqual(await all(readRefexps(file)), realRefexps());
    }
    // Fields that nothing needs may be missing, and unknown ones may be there.
    const [scene] = realScenes();
    const { rotation: _, idx: __, ...object } = (scene.objects as Record<string, unknown>[])[0];
    const bare = { ...scene, split: undefined, directions: undefined, objects: [object], extra: { a: [1] } };
    const relationships = { left: [[]], right: [[]], behind: [[]], front: [[]] };
    await Deno.writeTextFile(file, pythonJson("scenes", [{ ...bare, relationships }]));
    const [read] = await all(readScenes(file));
    deepStrictEqual([read.objects[0].color, read.objects[0]["rotation"], read.directions], ["red", 0, {}]);
    const { image_index, refexp, program } = realRefexps()[0];
    await Deno.writeTextFile(file, pythonJson("refexps", [{ image_index, refexp, program }]));
    strictEqual((await all(readRefexps(file)))[0].template_filename, "");
  });
});

/** Any JSON value, with brackets, quotes and commas inside strings. */
function anything(random: Random, depth: number): unknown {
  const text = () =>
    Array.from(
      { length: random.integer(0, 6) },
      () => ['"', "\\", ",", "[", "]", "{", "}", "ä", "😀", "a", "\n"][random.integer(0, 11)],
    )
      .join("");
  switch (random.integer(0, depth > 0 ? 6 : 4)) {
    case 0:
      return text();
    case 1:
      return random.integer(-5, 1000) / 8;
    case 2:
      return null;
    case 3:
      return random() < 0.5;
    case 4:
      return Array.from({ length: random.integer(0, 4) }, () => anything(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.integer(0, 4) }, (_, i) => [`${text()}${i}`, anything(random, depth - 1)]),
      );
  }
}

Deno.test("the elements of any list come out as the whole file's parser has them", () =>
  withRandom("json lists", (random) =>
    withFolder(async (folder) => {
      const file = join(folder, "list.json");
      for (let round = 0; round < 40; round++) {
        const list = Array.from({ length: random.integer(0, 8) }, () => anything(random, 3));
        const entries: [string, unknown][] = [["info", anything(random, 3)], ["things", list], ["other", [[1], [2]]]];
        const order = random() < 0.5 ? entries : entries.reverse();
        await Deno.writeTextFile(file, JSON.stringify(Object.fromEntries(order), null, random.integer(0, 3)));
        deepStrictEqual((await all(readList(file, "things"))).map(({ value }) => value), list);
      }
      // Longer than the pieces that are read, with characters of several bytes across their borders.
      const long = Array.from({ length: 9 }, (_, i) => "ä😀".repeat(60_000 + i) + "x".repeat(i));
      await Deno.writeTextFile(file, JSON.stringify({ things: long }));
      const back = await all(readList(file, "things"));
      deepStrictEqual(back.map(({ index }) => index), [...long.keys()]);
      strictEqual(back.every(({ value }, i) => value === long[i]), true);
    })));

const refuses = (run: () => Promise<unknown>, message: RegExp) =>
  rejects(run, (error) => error instanceof UserError && message.test(error.message) && !error.message.includes("\n"));

Deno.test("a broken file is named with the place that is wrong", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "broken.json");
    const [scenes, refexps] = [realScenes(), realRefexps()];
    await refuses(() => all(readScenes(file)), /broken\.json: there is no such file/);
    const texts: [string, RegExp][] = [
      ["", /broken\.json: is not whole JSON/],
      [
        pythonJson("scenes", scenes).slice(0, -20),
        /broken\.json: is not whole JSON \(line 1: it ends within scenes\.\d+\)/,
      ],
      ['{"info": {}}', /broken\.json: scenes: there is no such list/],
      ['{"scenes": {}}', /broken\.json: scenes: there is no such list/],
      ['{"scenes": [{"a": 1}, {a: 2}]}', /broken\.json: scenes\.0\./],
      [
        '{"scenes": [nothing]}',
        /broken\.json: is not whole JSON \(line 1: scenes\.0: a value is wanted, not "nothing"/,
      ],
    ];
    for (const [text, message] of texts) {
      await Deno.writeTextFile(file, text);
      await refuses(() => all(readScenes(file)), message);
    }
    const change = (list: Record<string, unknown>[], path: (string | number)[], value: unknown) => {
      const copy = structuredClone(list);
      let at: Record<string | number, unknown> = copy as unknown as Record<string, unknown>;
      for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
      at[path.at(-1)!] = value;
      return copy;
    };
    const wrongScenes: [(string | number)[], unknown, RegExp][] = [
      [[1, "image_index"], "one", /scenes\.1\.image_index: /],
      [[0, "objects", 2, "color"], "pink", /scenes\.0\.objects\.2\.color: /],
      [[0, "objects", 0, "pixel_coords"], [1, 2], /scenes\.0\.objects\.0\.pixel_coords: /],
      [[0, "obj_mask"], { "1": "153600", "2": "153600" }, /scenes\.0\.obj_mask: has nothing for object 3/],
      [[0, "obj_bbox"], { "1": [0, 0, 1, 1] }, /scenes\.0\.obj_bbox: has nothing for object 2/],
      [[0, "obj_bbox", "1"], [0, 0, 1], /scenes\.0\.obj_bbox\.1: /],
      [[1, "relationships", "left"], [[]], /scenes\.1\.relationships\.left: has 1 lists, not 2/],
      [[1, "relationships", "front"], [[5], []], /scenes\.1\.relationships\.front: names an object that is not there/],
      [[1, "relationships"], {}, /scenes\.1\.relationships\.left: /],
      [[1, "image_index"], scenes[0].image_index, /scenes\.1: is of the picture of scenes\.0 too/],
      [[1, "image_filename"], scenes[0].image_filename, /scenes\.1: is of the picture of scenes\.0 too/],
      [[1, "image_filename"], "../a.png", /scenes\.1\.image_filename: names a file outside/],
    ];
    for (const [path, value, message] of wrongScenes) {
      await Deno.writeTextFile(file, pythonJson("scenes", change(scenes, path, value)));
      await refuses(() => all(readScenes(file)), message);
    }
    const wrongRefexps: [(string | number)[], unknown, RegExp][] = [
      [[2, "refexp"], undefined, /refexps\.2\.refexp: /],
      [[1, "program"], [], /refexps\.1\.program: /],
      [[1, "program", 3, "inputs"], [3], /refexps\.1\.program\.3\.inputs: names a node that is not earlier/],
      [[1, "program", 0, "_output"], [0, 99], /refexps\.1\.program\.0\._output/],
      [
        [1, "program"],
        [{ type: "scene", inputs: [] }, ...Array.from({ length: 40 }, (_, i) => ({ type: "union", inputs: [i, i] }))],
        /refexps\.1\.program\.9\.inputs: makes a program of more than 1000 steps/,
      ],
      [[0, "image_filename"], "../../x.png", /refexps\.0\.image_filename: names a file outside/],
      [[0, "image_index"], -1, /refexps\.0\.image_index: /],
    ];
    for (const [path, value, message] of wrongRefexps) {
      await Deno.writeTextFile(file, pythonJson("refexps", change(refexps, path, value)));
      await refuses(() => all(readRefexps(file)), message);
    }
  });
});
