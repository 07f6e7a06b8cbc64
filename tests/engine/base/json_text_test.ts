import { deepStrictEqual, match, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { readJsonArrays } from "../../../datasets/formats/json_arrays.ts";
import { parseJsonFile, readJson } from "../../../engine/base/json_text.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { withFolder } from "../../support/folder.ts";
import { withRandom } from "../../support/random.ts";

/** Texts that are no JSON, or have a key twice, with the line of the fault. */
const BROKEN: readonly (readonly [string, number])[] = [
  ['{"a": [\n1 2]}', 2],
  ['{"a": [1,\n]}', 2],
  ['{"a": [,1]}', 1],
  ['{"a": []\n"b": []}', 2],
  ['{"a": [{"x": [1, 2}]}', 1],
  ['{"a": [1\n}', 2],
  ['{"a": [1]]}', 1],
  ['{"a": [1]}\n{"a": [2]}', 2],
  ["[1]\n\n[2]", 3],
  ['{"a": [{"x": 1,\n"y": {},\n"x": 2}]}', 3],
  ['{"a": [1],\n"a": [2]}', 2],
  ['{"info": {"y": 1,\n"y": 2}, "a": []}', 2],
  ['{"a": [1],}', 1],
  ['{"a" [1]}', 1],
  ['{"i": NaN, "a": []}', 1],
  ['[\n"a\tb"]', 2],
  ["[01]", 1],
  ['\ufeff{"a": []}', 1],
  ["", 1],
];

Deno.test("what JSON.parse refuses, and a key twice in one object, is refused by line, read whole or by elements", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.json");
    for (const [text, line] of BROKEN) {
      throws(
        () => parseJsonFile(path, text),
        (e) => e instanceof UserError && e.message.startsWith(`${path}:${line}: is not JSON (`),
        text,
      );
      await Deno.writeTextFile(path, text);
      await rejects(
        readJsonArrays(path, () => {}),
        (e) => e instanceof UserError && e.message.startsWith(`${path}: is not whole JSON (line ${line}: `),
        text,
      );
    }
    await Deno.writeFile(path, Uint8Array.of(0x5b, 0x0a, 0x22, 0xe9, 0x22, 0x5d));
    await rejects(readJsonArrays(path, () => {}), /line 1: a character is not UTF-8/);
  });
});

Deno.test("a byte order mark, which cannot be seen, is named", () => {
  throws(() => parseJsonFile("a.json", "\ufeff{}"), /a\.json:1: is not JSON \(a byte order mark stands before it/);
});

Deno.test("the same key in two objects, in a string or under __proto__ is no fault", () => {
  const text = '{"a": {"x": 1}, "b": {"x": "x: {\\"x\\": 1}"}, "__proto__": {"y": 2}}';
  deepStrictEqual(readJson(text), { value: JSON.parse(text) });
});

Deno.test("a random change of a text is refused just where JSON.parse refuses it", () =>
  withRandom("json text", (random) => {
    const text = '{"a": [{"b": -1.5e3, "c": "d\\u00e9"}, [], true, null], "e": {}}', marks = '[]{},:"x0 -\\';
    for (let n = 0; n < 2000; n++) {
      const at = random.integer(0, text.length),
        changed = text.slice(0, at) + marks[random.integer(0, marks.length)] +
          text.slice(at + random.integer(0, 2));
      const parsed = ((): { readonly value: unknown } | null => {
        try {
          return { value: JSON.parse(changed) };
        } catch {
          return null;
        }
      })();
      const read = readJson(changed);
      // Keys of this text that one change makes equal are the one thing that JSON.parse lets pass.
      if ("fault" in read && parsed) match(read.fault.reason, /is there twice/, changed);
      else deepStrictEqual("value" in read ? read : null, parsed, changed);
    }
    return Promise.resolve();
  }));

Deno.test("depth costs no stack, and deeper than any annotation is refused", () => {
  for (const depth of [1000, 1_000_000]) {
    const read = readJson("[".repeat(depth) + "," + "]".repeat(depth));
    match("fault" in read ? read.fault.reason : "", /deeper than 512/);
  }
});
