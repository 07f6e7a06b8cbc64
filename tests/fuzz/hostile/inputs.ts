/** Small inputs that make a careless reader do much, for every reader. */
import { type Bytes, joined, utf8 } from "../mutate/mutator.ts";
import type { Files } from "../reader.ts";
import { READERS } from "../readers/registry.ts";
import { HOSTILE_ARCHIVES } from "./archives.ts";
import { HOSTILE_DATA } from "./data.ts";
import type { HostileInput } from "./input.ts";
import { HOSTILE_WEIGHTS } from "./weights.ts";

const repeated = (piece: string, count: number): Bytes => utf8(piece.repeat(count));

/** JSON that is deep, has many wrong elements, long strings or many keys, in the place of a file of the reader's sample. */
function jsons(
  reader: string,
  file: string,
  list: (elements: string) => string,
  which: "all" | "some" = "all",
): HostileInput[] {
  const sample = async (bytes: Bytes): Promise<Files> => {
    const [files] = await READERS.find(({ name }) => name === reader)!.samples();
    return { ...files, [file]: bytes };
  };
  const deep = 100_000;
  const made: (readonly [name: string, make: () => Bytes])[] = [
    ["lists in lists", () => repeated("[", deep)],
    ["whole lists in lists", () => joined(repeated("[", deep), repeated("]", deep))],
    ["objects in objects where an element stands", () => utf8(list('{"a":'.repeat(deep) + "1" + "}".repeat(deep)))],
    ["sixty thousand wrong elements", () => utf8(list("null,".repeat(59_999) + "null"))],
    ["an element that is a long list", () => utf8(list(`[${"0,".repeat(249_999)}0]`))],
    ["a string of a million letters", () => utf8(list(`"${"a".repeat(1_000_000)}"`))],
    ["quotes alone", () => repeated('"', 500_001)],
    [
      "fifty thousand keys",
      () => utf8(list(`{${Array.from({ length: 50_000 }, (_, i) => `"k${i}":{}`).join()}}`)),
    ],
  ];
  // Settings and the like have one way through: a few inputs show as much of it as all.
  const chosen = which === "all" ? made : made.filter((_, i) => i % 3 === 0);
  return chosen.map(([name, make]) => ({ reader, name, files: () => sample(make()) }));
}

/** All of them. */
export const HOSTILE_INPUTS: readonly HostileInput[] = [
  ...HOSTILE_WEIGHTS,
  ...HOSTILE_DATA,
  ...HOSTILE_ARCHIVES,
  ...jsons(
    "coco",
    "annotations/instances_train2017.json",
    (one) => `{"images":[${one}],"annotations":[${one}],"categories":[]}`,
  ),
  ...jsons("coco boxes", "boxes.json", (one) => `{"images":[${one}]}`, "some"),
  ...jsons("visual genome", "objects.json", (one) => `[${one}]`),
  ...jsons("visual genome", "image_data.json", (one) => `[${one}]`),
  ...jsons("ade 2021", "a.json", (one) => `{"annotation":{"object":[${one}]}}`),
  ...jsons("scenes", "scenes/clevr_ref+_val_scenes.json", (one) => `{"scenes":[${one}]}`),
  ...jsons("expressions", "refexps.json", (one) => `{"refexps":[${one}]}`),
  ...jsons(
    "vocabularies",
    "vocab.json",
    (one) => `{"refexp_token_to_idx":${one.includes(",") ? `[${one}]` : one},"program_token_to_idx":{}}`,
  ),
  ...jsons("settings", "config.json", (one) => `{"model":[${one}]}`, "some"),
  ...jsons("settings of generator", "config.json", (one) => `{"generator":[${one}]}`, "some"),
  ...jsons("settings of cells", "config.json", (one) => `{"network":{"widths":[${one}]}}`, "some"),
  ...jsons("experiments", "experiment.json", (one) => `{"title":"a","members":[${one}]}`, "some"),
  ...jsons("settings with comments", "a.jsonc", (one) => `{"model":[${one}]}`, "some"),
  // The library reads lists by calling itself, and looks for a key among all those before it.
  ...["[", "{", "- ", "? ", "a: &a [*a, ", "- - ? ", "&a\n"].map((piece): HostileInput => ({
    reader: "settings in YAML",
    name: `${JSON.stringify(piece)} again and again`,
    files: () => ({ "a.yaml": repeated(piece, 500_000) }),
  })),
  {
    reader: "settings in YAML",
    name: "keys as many as there may be",
    files: () => ({ "a.yaml": utf8(Array.from({ length: 6000 }, (_, i) => `k${i}: 1`).join("\n")) }),
  },
  ...jsons("results", "results.json", (one) => `{"split":"a","images":1,"rows":[${one}]}`, "some"),
  ...jsons("addresses", "addresses.json", (one) => `{"val2017.zip":${one}}`, "some"),
  ...jsons("tilings", "tuning.json", (one) => `{"format":1,"winners":[${one}]}`, "some"),
];
