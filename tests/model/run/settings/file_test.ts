import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../../engine/base/user_error.ts";
import { settingsLayer } from "../../../../model/run/settings/file.ts";
import { withFolder } from "../../../support/folder.ts";

/** The settings of a file of that name and text. */
async function read(name: string, text: string): Promise<unknown> {
  let value: unknown;
  await withFolder(async (folder) => {
    const path = join(folder, name);
    await Deno.writeTextFile(path, text);
    const layer = await settingsLayer(path);
    strictEqual(layer.source, path);
    value = layer.value;
  });
  return value;
}

async function refuses(name: string, text: string, message: RegExp): Promise<void> {
  await rejects(read(name, text), (error) => {
    ok(error instanceof UserError && !error.message.includes("\n"), String(error));
    match(error.message, message);
    return true;
  });
}

const SETTINGS = { steps: 5, optimiser: { decaySteps: [1, 2], kind: "adam" }, dataset: { data: "a//b /* c */, ]" } };

Deno.test("settings in JSON may have comments and a comma at the end", async () => {
  const text = `// first
{ "steps": /* five */ 5, // of them
  "optimiser": { "decaySteps": [1, 2, /* no more */], "kind": "adam", },
  "dataset": { "data": "a//b /* c */, ]" },
}
/* last */`;
  for (const name of ["a.json", "a.jsonc", "a"]) deepStrictEqual(await read(name, text), SETTINGS);
  deepStrictEqual(await read("a.json", JSON.stringify(SETTINGS)), SETTINGS);
});

Deno.test("settings in YAML are read by YAML's rules of today", async () => {
  const text = `# first
steps: 5
optimiser:
  decaySteps: [1, 2]  # of them
  kind: adam
dataset:
  data: "a//b /* c */, ]"
`;
  for (const name of ["a.yaml", "a.yml", "A.YAML"]) deepStrictEqual(await read(name, text), SETTINGS);
  // Words that were booleans, numbers and dates once.
  deepStrictEqual(await read("a.yaml", "a: no\nb: 2020-01-01\nc: 010\nd: 1_000\ne: null\nf: 1e-3\n"), {
    a: "no",
    b: "2020-01-01",
    c: 10,
    d: "1_000",
    e: null,
    f: 0.001,
  });
});

Deno.test("a mistake in a file of settings is named by line and column, a key that is there twice too", async () => {
  await refuses("a.json", '{ // one\n  "a": 1,\n  "a": 2\n}', /a\.json:3:3: is not JSON \(the key "a" is there twice/);
  await refuses("a.json", '{ /* one\n */ "a": 1\n  "b": 2\n}', /a\.json:3:3: is not JSON \(a comma or } is wanted/);
  await refuses("a.json", '{ "a": [,] }', /a\.json:1:9: is not JSON/);
  await refuses("a.json", '{ "a": 1,, }', /a\.json:1:10: is not JSON/);
  await refuses("a.json", '{ "a": 1 /* never closed', /a\.json.* is not JSON/);
  await refuses("a.json", '{ "a": 1 }\n/* never closed', /a\.json:2:1: is not JSON/);
  await refuses("a.json", "// nothing\n", /a\.json: is not JSON, it ends too early/);
  await refuses("a.yaml", "a:\n  b: 1\n  b: 2\n", /a\.yaml:3:3: is not YAML \(Map keys must be unique\)/);
  await refuses("a.yaml", "a: 1\na: 2\n", /a\.yaml:2:1: is not YAML/);
  await refuses("a.yaml", "a: [1\nb: 2\n", /a\.yaml:2:1: is not YAML/);
  for (const deep of ["[", "{", "{a: [", "\n- ", "- ? "]) {
    const text = deep === "\n- " ? `a:\n  ${"- ".repeat(101)}` : `${deep === "- ? " ? "" : "a: "}${deep.repeat(101)}`;
    await refuses("a.yaml", text, /a\.yaml: is nested more than 100 deep/);
  }
  await refuses("a.yaml", "a: *b\n", /a\.yaml.*: is not YAML/);
  await refuses("a.yaml", "a: !!js/function f\n", /a\.yaml:1:4: is not YAML/);
  await refuses("a.yaml", "? [a]\n: 1\n", /a\.yaml:1:3: is not YAML/);
  await refuses("a.yaml", "- a\n- b\n", /a\.yaml: holds no object of settings/);
  await refuses("a.yaml", "", /a\.yaml: holds no object of settings/);
  await refuses("a.json", "[]", /a\.json: holds no object of settings/);
  // Aliases of aliases stand for billions of values.
  const lists = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(", ")}]`);
  await refuses("a.yaml", `l0: &l0 [x]\n${lists.join("\n")}\n`, /a\.yaml: is not YAML \(/);
  // The time that YAML takes grows with the square of its keys: 40,000 took a minute and a half.
  const many = Array.from({ length: 40_000 }, (_, i) => `k${i}: 1`).join("\n");
  await refuses("a.yaml", many, /a\.yaml: has \d+ letters, settings in YAML have at most 65536/);
  await rejects(settingsLayer("no-such-file.yaml"), /no-such-file\.yaml: there is no such file/);
});
