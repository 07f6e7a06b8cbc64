/** Readers of annotations: COCO, Visual Genome, ADE20K, lists of class names, and the indices made of them. */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { UserError } from "../../../engine/base/user_error.ts";
import { cocoBoxes } from "../../../datasets/coco/boxes.ts";
import { openCoco } from "../../../datasets/coco/open.ts";
import type { TableDataset } from "../../../datasets/index/dataset.ts";
import { readVocabulary } from "../../../datasets/knowledge/vocabulary.ts";
import { openVg } from "../../../datasets/vg/open.ts";
import { BINARY } from "../mutate/bytes.ts";
import { JSON_MUTATORS } from "../mutate/json.ts";
import { TEXT } from "../mutate/text.ts";
import { slowCoco } from "../oracles/coco.ts";
import { elements, independentJson, members, strictText } from "../oracles/json.ts";
import type { Files, FuzzReader } from "../reader.ts";
import { json, lines, plainPng } from "./samples.ts";

const COCO = "annotations/instances_train2017.json";

async function cocoSample(): Promise<Files> {
  const annotation = (id: number, image: number, category: number, bbox: number[], others = {}) => ({
    id,
    image_id: image,
    category_id: category,
    bbox,
    iscrowd: 0,
    ...others,
  });
  const set = {
    info: { description: "a sample", year: 2017 },
    images: [
      { id: 1, file_name: "0.png", width: 48, height: 40, license: 1 },
      { id: 2, file_name: "1.png", width: 48, height: 40 },
    ],
    annotations: [
      annotation(10, 1, 2, [2, 6, 16, 14], { area: 224 }),
      annotation(11, 1, 5, [24, 6, 16.5, 14.25], { segmentation: [[24, 6, 40, 6, 40, 20, 24, 20]], area: 224 }),
      annotation(12, 2, 9, [3, 8, 60, 14], { segmentation: [] }),
      annotation(13, 2, 2, [25, 8, 16, 14], {
        segmentation: { size: [40, 48], counts: "QR:5k0" },
        iscrowd: 1,
        area: 200,
      }),
    ],
    categories: [{ id: 2, name: "red" }, { id: 5, name: "green" }, { id: 9, name: "dark blue" }],
  };
  const png = await plainPng(48, 40);
  return { [COCO]: json(set), "train2017/0.png": png, "train2017/1.png": png };
}

/** Records of a set, its classes and what was found. */
function records(set: TableDataset): unknown {
  return {
    classes: set.classes,
    records: Array.from({ length: set.size }, (_, i) => ({ ...set.record(i), path: set.table.paths[i] })),
    findings: set.table.findings,
  };
}

/** A value, or the words of a refusal. */
async function orRefusal(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError) return `refused: ${error.message}`;
    throw error;
  }
}

interface Opened {
  readonly lenient: { readonly classes: string[]; readonly records: readonly RecordOf[] };
  readonly strict: unknown;
  readonly again: unknown;
}

interface RecordOf {
  readonly id: string;
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly boxes: Float32Array;
  readonly labels: Int32Array;
}

/** Invariants of every opened set. */
function unsound({ lenient, strict, again }: Opened): string | null {
  if (!isDeepStrictEqual(again, lenient)) return "its index gives something else";
  if (typeof strict !== "string" && !isDeepStrictEqual((strict as Opened["lenient"]).records, lenient.records)) {
    return "read otherwise where what is broken may be left out";
  }
  for (const { id, width, height, boxes, labels } of lenient.records) {
    if (boxes.length !== 4 * labels.length) return `${id}: ${boxes.length} numbers for ${labels.length} boxes`;
    if (labels.some((label) => label < 1 || label >= lenient.classes.length)) return `${id}: a label of no class`;
    for (let i = 0; i < boxes.length; i += 4) {
      const [x1, y1, x2, y2] = boxes.subarray(i, i + 4);
      if (!(0 <= x1 && x1 <= x2 && x2 < width && 0 <= y1 && y1 <= y2 && y2 < height)) {
        return `${id}: the box ${[x1, y1, x2, y2]} in ${width}×${height}`;
      }
    }
  }
  return null;
}

function opened(folder: string, open: (skipBroken: boolean, cache: string) => Promise<TableDataset>): Promise<Opened> {
  const cache = join(folder, ".cache");
  // Of a moment ago, each reading would wait for the clock.
  for (const { name } of [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile)) {
    Deno.utimeSync(join(folder, name), TIME, TIME);
  }
  const read = async (skipBroken: boolean, at: string): Promise<unknown> => records(await open(skipBroken, at));
  return (async () => {
    const lenient = await read(true, cache);
    return { lenient, again: await read(true, cache), strict: await orRefusal(() => read(false, join(cache, "own"))) };
  })() as Promise<Opened>;
}

/** The project's regions as {@link slowCoco} has them. */
function compareCoco({ lenient }: Opened, bytes: Uint8Array): string | null {
  const slow = slowCoco(bytes);
  if (!slow) return "read what pycocotools or JSON.parse refuses";
  const found = Object.fromEntries(lenient.records.map(({ id, path, boxes, labels }) => [
    `${id} ${path}`,
    [...labels].map((label, i) => [[...boxes.subarray(4 * i, 4 * i + 4)], lenient.classes[label]]),
  ]));
  const wanted = Object.entries(slow);
  if (wanted.length !== lenient.records.length) return `${lenient.records.length} pictures, not ${wanted.length}`;
  for (const [name, regions] of wanted) {
    const own = Object.entries(found).find(([key]) => sameName(key, name))?.[1];
    // Outlines without an area are judged by their own area, which the slow reader does not know.
    if (!own || own.length > regions.length) return `${name}: ${own?.length} regions, not ${regions.length}`;
    if (!own.every((one) => regions.some((other) => isDeepStrictEqual(one, other)))) return `${name}: other regions`;
  }
  return null;
}

function sameName(path: string, name: string): boolean {
  const [id, ...rest] = name.split(" ");
  const plain = rest.join(" ").split("/").reduce<string[]>((parts, part) => {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
    return parts;
  }, []).join("/");
  return path === `${id} train2017/${plain}`;
}

const VG_OBJECT = { object_id: 1, x: 1, y: 2, w: 10, h: 12, names: ["tree"], synsets: ["tree.n.01"] };

async function vgSample(): Promise<Files> {
  const images = Array.from({ length: 5 }, (_, i) => ({
    image_id: i + 1,
    url: `https://example.org/images/VG_100K_2/${i + 1}.jpg`,
    width: 40,
    height: 30,
  }));
  const png = await plainPng(40, 30);
  const objects = images.map(({ image_id }) => ({
    image_id,
    objects: [VG_OBJECT, { ...VG_OBJECT, x: 20.5, synsets: ["man.n.01", "person.n.01"] }, {
      ...VG_OBJECT,
      synsets: [],
    }],
  }));
  return {
    "image_data.json": json(images),
    "objects.json": json(objects),
    "synsets.txt": lines("first.n.01:9", "tree.n.01:25", "man.n.01:7", "rare.n.01:2"),
    ...Object.fromEntries(images.map(({ image_id }) => [`VG_100K_2/${image_id}.jpg`, png])),
  };
}

/** Counts of the pictures and objects that `JSON.parse` finds: none may come of nothing. */
function compareVg({ lenient }: Opened, files: Files): string | null {
  const [pictures, objects] = ["image_data.json", "objects.json"].map((name) => {
    const text = strictText(files[name]);
    return text === undefined ? undefined : independentJson(text, true);
  });
  if (!pictures || !objects) return "read what JSON.parse refuses";
  const ids = new Set(elements(pictures).map((one) => String(members(one).image_id)));
  for (const { id, labels } of lenient.records) {
    if (!ids.has(id)) return `${id}: is in no list of pictures`;
    const own = elements(objects).map(members).filter(({ image_id }) => String(image_id) === id);
    const most = own.flatMap((one) => elements(one.objects).flatMap((object) => elements(members(object).synsets)));
    if (labels.length > most.length) return `${id}: ${labels.length} regions of ${most.length} synsets`;
  }
  return null;
}

/** Annotations' times are fixed, so that an index in the input counts as theirs. */
const TIME = 1_600_000_000;

async function openWithIndex(folder: string): Promise<unknown> {
  await Deno.utime(join(folder, COCO), TIME, TIME);
  const messages: string[] = [];
  const set = await openCoco(folder, "train", { cache: join(folder, "cache") }, {
    onMessage: (text) => messages.push(text),
  });
  return records(set);
}

async function indexSample(): Promise<Files> {
  const files = await cocoSample(), folder = await Deno.makeTempDir({ prefix: "itera-fuzz-" });
  const { writeFiles } = await import("../judge.ts");
  try {
    await writeFiles(folder, files);
    await openWithIndex(folder);
    const [{ name }] = Deno.readDirSync(join(folder, "cache"));
    return { ...files, [`cache/${name}`]: Deno.readFileSync(join(folder, "cache", name)) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const jsonAlone = (file: string) => file.endsWith(".json") ? JSON_MUTATORS : file.endsWith(".txt") ? TEXT : [];

/** The readers. */
export const SETS: readonly FuzzReader[] = [
  {
    name: "coco",
    samples: async () => [await cocoSample()],
    mutators: jsonAlone,
    read: async (folder) => {
      await Deno.utime(join(folder, COCO), TIME, TIME).catch(() => {});
      return await opened(folder, (skipBroken, cache) => openCoco(folder, "train", { skipBroken, cache }));
    },
    check: (value, files) => unsound(value as Opened) ?? compareCoco(value as Opened, files[COCO]),
    checkRefusal: (message, files) => {
      // Numbers that JSON does not have are passed over in the lists alone.
      const text = files[COCO] && strictText(files[COCO]);
      if (text === undefined || independentJson(text) === undefined) return null;
      const slow = slowCoco(files[COCO]);
      return slow && Object.keys(slow).length > 0 ? `refused what pycocotools reads: ${message}` : null;
    },
  },
  {
    name: "coco boxes",
    samples: async () => [{ "boxes.json": (await cocoSample())[COCO] }],
    mutators: () => JSON_MUTATORS,
    read: (folder) => cocoBoxes(join(folder, "boxes.json"), "train2017/1.png"),
    check: (_, files) => slowCoco(files["boxes.json"]) ? null : "read what pycocotools or JSON.parse refuses",
  },
  {
    name: "indices",
    samples: async () => [await indexSample()],
    mutators: (file) => file.startsWith("cache/") ? [...BINARY, ...JSON_MUTATORS] : [],
    read: openWithIndex,
    onlyOriginal: true,
  },
  {
    name: "visual genome",
    samples: async () => [await vgSample()],
    mutators: jsonAlone,
    read: (folder) => opened(folder, (skipBroken, cache) => openVg(folder, "train", { skipBroken, cache })),
    check: (value, files) => unsound(value as Opened) ?? compareVg(value as Opened, files),
  },
  {
    name: "class names",
    samples: () => [{
      "names.txt": lines("-", "wall", "left arm", "caf\u00e9", "tree"),
      "counts.txt": lines("1", "90", "7", "5", "2"),
    }],
    mutators: () => TEXT,
    read: async (folder) => ({
      all: await orRefusal(() => readVocabulary(join(folder, "names.txt"))),
      kept: await readVocabulary(join(folder, "names.txt"), join(folder, "counts.txt")),
    }),
    check: (value) => {
      const { kept } = value as { kept: string[] };
      return new Set(kept).size === kept.length && kept.length > 1 ? null : "a name twice, or none";
    },
  },
];
