/** Readers of settings that people write: JSON with comments, and YAML. */
import { isDeepStrictEqual } from "node:util";
import { join } from "node:path";
import { newConfig } from "../../../model/regions/config.ts";
import { settingsLayer } from "../../../model/run/settings/file.ts";
import { JSON_MUTATORS } from "../mutate/json.ts";
import { type Mutator, pick, textOf, utf8 } from "../mutate/mutator.ts";
import { TEXT } from "../mutate/text.ts";
import { independentJson, strictText } from "../oracles/json.ts";
import type { FuzzReader } from "../reader.ts";
import { lines } from "./samples.ts";

const AS_JSON = lines(
  "// first",
  '{ "model": { "name": "baseline" }, /* of 900 */ "steps": 5, "seed": 3,',
  '  "optimiser": { "rate": 1e-3, "decaySteps": [2, 4, /* no more */], },',
  '  "dataset": { "dataset": "coco", "data": "a//b /* c */, ]" } // where it lies',
  "}",
  "/* last */",
);

const AS_YAML = lines(
  "# first",
  "model:",
  "  name: baseline",
  "steps: 5  # of 900",
  "seed: 3",
  "optimiser: {rate: 1e-3, decaySteps: [2, 4]}",
  "dataset:",
  "  dataset: coco",
  '  data: "a # b"',
  "image: &sizes",
  "  shortSide: 40",
  "  longSide: 64",
);

/** Comments, and commas that nothing follows. */
const comments: Mutator = {
  kind: "comments",
  apply: (bytes, random) => {
    const text = textOf(bytes), at = random.integer(0, text.length + 1);
    return utf8(
      text.slice(0, at) + pick(random, ["//", "/*", "*/", "/**/", "// x\n", ",", "/", "*", ", /* */"]) + text.slice(at),
    );
  },
};

/** Forms that YAML has and JSON has not. */
const yaml: Mutator = {
  kind: "YAML",
  apply: (bytes, random) => {
    const all = textOf(bytes).split("\n"), line = random.integer(0, all.length);
    const more = pick(random, [
      ...[
        "---",
        "...",
        "%YAML 1.1",
        "<<: *sizes",
        "more: *sizes",
        "? [a, b]",
        "steps: 6",
        "steps: !!str 5",
        "seed: !!x 3",
        "- a",
      ],
      ...[
        "a: &a [*a]",
        "seed: .inf",
        "seed: .nan",
        "__proto__: {steps: 9}",
        "? steps\n: 7",
        '"steps": 8',
        "data: |",
        "data: >-\n  a\n\n  b",
      ],
      ...[
        "  shortSide: 41",
        "\tshortSide: 41",
        "seed: 0o17",
        "seed: 0x11",
        "seed: 1:30",
        "a: [b, c",
        "{steps: 5}",
        "a: 'b",
        "@a: 1",
        "a: !!binary aGk=",
      ],
      `a: ${pick(random, ["[", "{", "- ", "? "]).repeat(pick(random, [3, 50, 101, 5000]))}`,
      pick(random, ["- ", "? ", "-\t"]).repeat(pick(random, [3, 50, 101, 5000])),
      Array.from({ length: pick(random, [3, 30, 3000]) }, (_, i) => `k${i}: &k${i} [*sizes, *k${Math.max(0, i - 1)}]`)
        .join("\n"),
    ]);
    all.splice(line, random() < 0.3 ? 1 : 0, more);
    return utf8(all.join("\n"));
  },
};

/** A text without comments and without commas that only a closing bracket follows. */
function plain(text: string): string {
  const tokens = text.match(/"(?:[^"\\\n\r]|\\[^\n\r])*"|\/\/[^\n\r]*|\/\*[^]*?\*\/|[^]/g) ?? [];
  const said = tokens.filter((token) => !/^\/[/*]/.test(token) || token.length === 1);
  return said.filter((token, i) => {
    if (token !== ",") return true;
    const blank = /^[ \t\n\r]$/, after = said.slice(i + 1).find((next) => !blank.test(next));
    const before = said.slice(0, i).findLast((one) => !blank.test(one)) ?? ",";
    return !(/^[\]}]$/.test(after ?? "") && !/^[[{,]$/.test(before));
  }).join("");
}

/** True where a key of the outermost block stands twice: its lines begin with a letter, and nothing else's may. */
function twice(text: string): boolean {
  const keys = [...text.matchAll(/^([A-Za-z]+):(?= |\n|$)/gm)].map(([, key]) => key);
  return new Set(keys).size < keys.length;
}

/** True for what a JSON file can hold. */
function isJson(value: unknown): boolean {
  if (value === null || ["boolean", "string"].includes(typeof value)) return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  return typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype &&
    Object.values(value!).every(isJson);
}

const begun = async (path: string): Promise<unknown> => {
  const { value } = await settingsLayer(path);
  return { value, config: newConfig([{ source: path, value }]) };
};

/** The readers. */
export const SETTINGS: readonly FuzzReader[] = [
  {
    name: "settings with comments",
    samples: () => [{ "a.jsonc": AS_JSON }, { "a.jsonc": utf8(plain(textOf(AS_JSON))) }],
    mutators: () => [...JSON_MUTATORS, ...TEXT, comments],
    read: (folder) => begun(join(folder, "a.jsonc")),
    check: (read, files) => {
      const text = strictText(files["a.jsonc"]), value = text === undefined ? undefined : independentJson(plain(text));
      if (value === undefined) return "read what must be refused";
      return isDeepStrictEqual((read as { value: unknown }).value, value)
        ? null
        : "read something else than JSON.parse";
    },
  },
  {
    name: "settings in YAML",
    samples: () => [{ "a.yaml": AS_YAML }],
    mutators: () => [...TEXT, yaml],
    read: (folder) => begun(join(folder, "a.yaml")),
    check: (read, files) => {
      const { value } = read as { value: unknown };
      const text = strictText(files["a.yaml"]);
      if (text === undefined) return "read what is no text";
      if (twice(text)) return "read a key that stands twice";
      return isJson(value) ? null : "read what JSON cannot hold";
    },
  },
];
