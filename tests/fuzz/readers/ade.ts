/** Readers of ADE20K's files: both releases, and the lists of the split. */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { adeRegions, readAdeAnnotation } from "../../../datasets/ade/annotation.ts";
import { readAttributes } from "../../../datasets/ade/attributes.ts";
import { readAdeJson } from "../../../datasets/ade/json.ts";
import { readAdeLists } from "../../../datasets/ade/lists.ts";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";
import { JSON_MUTATORS } from "../mutate/json.ts";
import type { Bytes } from "../mutate/mutator.ts";
import { PNG } from "../mutate/pictures.ts";
import { TEXT } from "../mutate/text.ts";
import { elements, independentJson, members } from "../oracles/json.ts";
import type { Files, FuzzReader } from "../reader.ts";
import { json, lines } from "./samples.ts";
import { pixelBytes } from "./pictures.ts";

const [WIDTH, HEIGHT] = [12, 8];

/** A map of instances as rectangles of a value each. */
async function map(
  rectangles: readonly (readonly [value: number, x: number, y: number, w: number, h: number])[],
): Promise<Bytes> {
  const rgb = new Uint8Array(WIDTH * HEIGHT * 3).fill(7);
  for (let i = 2; i < rgb.length; i += 3) rgb[i] = 0;
  for (const [value, x, y, w, h] of rectangles) {
    for (let v = y; v < y + h; v++) for (let u = x; u < x + w; u++) rgb[(v * WIDTH + u) * 3 + 2] = value;
  }
  const sharp = await loadSharp();
  return new Uint8Array(await sharp(rgb, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } }).png().toBuffer());
}

const maps = async (): Promise<Files> => ({
  "a_seg.png": await map([[40, 0, 0, 6, 8], [90, 6, 2, 5, 5], [200, 11, 7, 1, 1]]),
  "a_parts_1.png": await map([[3, 7, 3, 2, 2]]),
});

interface Annotation {
  readonly width: number;
  readonly height: number;
  readonly regions: readonly { readonly name: string; readonly box: readonly number[] }[];
}

async function annotation(folder: string): Promise<Annotation> {
  const read = await readAdeAnnotation(join(folder, "a.jpg"));
  return { width: read.width, height: read.height, regions: adeRegions(read) };
}

function unsound({ width, height, regions }: Annotation): string | null {
  const wrong = regions.find(({ box: [x1, y1, x2, y2] }) =>
    !(0 <= x1 && x1 <= x2 && x2 < width && 0 <= y1 && y1 <= y2 && y2 < height)
  );
  return wrong ? `the box ${wrong.box} in ${width}×${height}` : null;
}

/** Text in UTF-8 or else in Latin-1. */
function anyText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("latin1").decode(bytes);
  }
}

const polygon = (x: number, y: number, w: number, h: number) => ({ x: [x, x + w, x + w, x], y: [y, y, y + h, y + h] });

/** The readers. */
export const ADE: readonly FuzzReader[] = [
  {
    name: "ade 2016",
    samples: async () => [{
      ...await maps(),
      "a_atr.txt": lines(
        '001 # 0 # 0 # wall, something # wall # ""',
        '002 # 0 # 1 # left arm # left arm # "broken"',
        '001 # 1 # 0 # hand # hand # ""',
      ),
    }],
    mutators: (file) => file.endsWith(".png") ? PNG : TEXT,
    read: async (folder) => ({ ...await annotation(folder), names: await readAttributes(join(folder, "a_atr.txt")) }),
    check: (value, files) => {
      const { names } = value as { names: Map<number, Map<number, string>> };
      // The last line of a number and a level counts.
      const slow = new Map<string, string>();
      for (const line of anyText(files["a_atr.txt"]).split("\n")) {
        const [number, level, , , name] = line.split("#").map((field) => field.trim());
        if (line.trim() !== "") slow.set(`${Number(number)} ${Number(level)}`, name?.replace(/ /g, "_"));
      }
      const found = new Map(
        [...names].flatMap(([level, own]) => [...own].map(([number, name]) => [`${number} ${level}`, name])),
      );
      return unsound(value as Annotation) ?? (sameEntries(slow, found) ? null : "other names");
    },
    unpacked: pixelBytes,
  },
  {
    name: "ade 2021",
    samples: async () => [{
      ...await maps(),
      "a.json": json({
        annotation: {
          filename: "a.jpg",
          object: [
            { id: 0, raw_name: "wall", parts: { part_level: 0 }, polygon: polygon(0, 0, 6, 8) },
            { id: 1, raw_name: "left arm", parts: { part_level: "0" }, polygon: polygon(6, 2, 5, 5) },
            { id: 2, raw_name: null, parts: { part_level: 0 }, polygon: polygon(11, 7, 1, 1) },
            { id: 3, raw_name: "hand", parts: { part_level: 1 }, polygon: polygon(7, 3, 2, 2) },
          ],
        },
      }),
    }],
    mutators: (file) => file.endsWith(".png") ? PNG : JSON_MUTATORS,
    read: async (folder) => ({ ...await annotation(folder), objects: await readAdeJson(join(folder, "a.json")) }),
    check: (value, files) => {
      const set = independentJson(anyText(files["a.json"]));
      if (set === undefined) return "read what JSON.parse refuses";
      const listed = members(members(set).annotation).object;
      const names = elements(Array.isArray(listed) ? listed : [listed]).map((one) => {
        const name = members(one).raw_name;
        return typeof name === "string" ? name.trim().replace(/ /g, "_") : "";
      });
      const { objects } = value as { objects: { name: string }[] };
      return unsound(value as Annotation) ??
        (isDeepStrictEqual(objects.map(({ name }) => name), names) ? null : "other names");
    },
    unpacked: pixelBytes,
  },
  {
    name: "ade lists",
    samples: () => [{
      "train.txt": lines(
        "images/training/s/street/ADE_train_00000001.jpg",
        "images/training/k/b/ADE_train_00000002.jpg",
      ),
      "objectnames.txt": lines("- ", "wall ", "left_arm ", "right_arm ", "tree "),
      "objectcounts.txt": lines("1", "90", "7", "7", "2"),
    }],
    mutators: () => TEXT,
    read: (folder) => readAdeLists(folder, "train"),
    check: (value, files) => {
      const { classes, pictures } = value as { classes: string[]; pictures: string[] };
      const named = anyText(files["train.txt"]).split("\n").map((line) => line.trim()).filter((line) => line !== "");
      if (!isDeepStrictEqual(pictures, named)) return "other pictures";
      return new Set(classes).size === classes.length ? null : "a class twice";
    },
  },
];

function sameEntries(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return isDeepStrictEqual([...a].sort(), [...b].sort());
}
