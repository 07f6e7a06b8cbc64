import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../engine/base/user_error.ts";
import { readJsonArrays } from "../../../datasets/formats/json_arrays.ts";
import { withFolder } from "../../support/folder.ts";
import { type Random, withRandom } from "../../support/random.ts";

type Element = [string | null, unknown, number];

async function elements(path: string, text: string): Promise<Element[]> {
  await Deno.writeTextFile(path, text);
  const found: Element[] = [];
  await readJsonArrays(path, (...element) => void found.push(element));
  return found;
}

/** The same from the whole file at once. */
function slow(text: string): Element[] {
  const value = JSON.parse(text);
  const lists: [string | null, unknown][] = Array.isArray(value) ? [[null, value]] : Object.entries(value);
  return lists.flatMap(([key, list]) => Array.isArray(list) ? list.map((one, i): Element => [key, one, i]) : []);
}

/** A random JSON value, its strings full of characters with a meaning outside of them. */
function value(random: Random, depth: number): unknown {
  const text = () =>
    Array.from({ length: random.integer(0, 6) }, () => '[]{},:"\\ é\n'[random.integer(0, 11)]).join("");
  switch (random.integer(0, depth > 0 ? 6 : 4)) {
    case 0:
      return random.integer(-9, 1000) / 8;
    case 1:
      return random() < 0.5;
    case 2:
      return null;
    case 3:
      return text();
    case 4:
      return Array.from({ length: random.integer(0, 4) }, () => value(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.integer(0, 4) }, () => [text(), value(random, depth - 1)]),
      );
  }
}

Deno.test("the elements passed on are those of the whole file parsed at once", async () => {
  await withFolder(async (folder) => {
    await withRandom("json", async (random) => {
      for (let n = 0; n < 60; n++) {
        const list = Array.from({ length: random.integer(0, 5) }, () => value(random, 3));
        const file = random() < 0.5 ? list : { info: value(random, 3), 'a"b': list, z: 3, list: [value(random, 2)] };
        const text = JSON.stringify(file, null, random.integer(0, 3));
        deepStrictEqual(await elements(join(folder, "a.json"), text), slow(text), text);
      }
    });
  });
});

Deno.test("elements, keys and strings may lie across the pieces a file is read in", async () => {
  await withFolder(async (folder) => {
    // Pieces of 1 MiB: one element is longer than several, and escapes fall on every offset of a border.
    for (const shift of [0, 1]) {
      const skipped = { skipped: '\\"'.repeat((1 << 18) + shift) };
      const long = '\\"é,]'.repeat(1 << 18);
      const file = { info: skipped, ["k".repeat((1 << 20) - 7)]: [1, long, [2]], last: [{ a: "}" }] };
      const found = await elements(join(folder, "a.json"), JSON.stringify(file));
      deepStrictEqual(found.map(([key]) => key!.length), [(1 << 20) - 7, (1 << 20) - 7, (1 << 20) - 7, 4]);
      deepStrictEqual([found[0][1], found[1][1] === long, found[2][1], found[3][1]], [1, true, [2], { a: "}" }]);
    }
  });
});

Deno.test("progress ends with the whole file", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.json");
    await Deno.writeTextFile(path, JSON.stringify(["x".repeat(5 << 19)]));
    const progress: [number, number][] = [];
    await readJsonArrays(path, () => {}, (...bytes) => void progress.push(bytes));
    const { size } = await Deno.stat(path);
    deepStrictEqual(progress.at(-1), [size, size]);
    deepStrictEqual(progress.map(([bytes]) => bytes), progress.map(([bytes]) => bytes).sort((a, b) => a - b));
    strictEqual(progress.length > 2, true);
  });
});

Deno.test("a file that is missing, cut or no list is named in one line", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.json");
    const whole = '{"a": [{"b": [1, 2]}, "x]"], "c": {}}';
    strictEqual((await elements(path, whole)).length, 2);
    for (let length = 0; length < whole.length; length++) {
      await rejects(
        elements(path, whole.slice(0, length)),
        (e) => e instanceof UserError && e.message.startsWith(`${path}: is not whole JSON (`),
        whole.slice(0, length),
      );
    }
    await rejects(elements(path, "3"), /it is neither a list nor an object/);
    await rejects(elements(path, "[1]]"), /line 1: something follows the end/);
    await rejects(elements(path, "[nulx]"), /is not whole JSON \(.*nulx/);
    await rejects(readJsonArrays(join(folder, "b.json"), () => {}), /b\.json: there is no such file/);
  });
});
