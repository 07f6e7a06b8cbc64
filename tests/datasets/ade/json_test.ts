import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";
import { adeRegions, readAdeAnnotation } from "../../../datasets/ade/annotation.ts";
import { type AdeObject, nameByPolygons, readAdeJson } from "../../../datasets/ade/json.ts";
import { openDataset } from "../../../datasets/open.ts";
import { writeAttributes, writeLists, writeMap, writePicture } from "../../support/files/ade_files.ts";
import { withFolder } from "../../support/folder.ts";
import { withRandom } from "../../support/random.ts";

const sharp = await loadSharp();

/** An object as the files have it; its polygon is the outline of a box of pixels. */
function object(id: number, name: string, level: number, [x1, y1, x2, y2]: readonly number[]) {
  return {
    id,
    name: `${name}, thing`,
    raw_name: name,
    parts: { hasparts: [], ispartof: [], part_level: level },
    polygon: { x: [x1, x2 + 1, x2 + 1, x1], y: [y1, y1, y2 + 1, y2 + 1] },
  };
}

const json = (objects: unknown): string => JSON.stringify({ annotation: { filename: "a.jpg", object: objects } });

Deno.test("instances of 2021 get the names of the polygons they fill, in the order of the maps", async () => {
  await withFolder(async (folder) => {
    const stem = join(folder, "a");
    // A van behind a car that was outlined carelessly; the car's window lies under its mirror but for a column.
    await writeMap(`${stem}_seg.png`, [[3, 3, 3, 3, 0, 0], [3, 9, 9, 9, 9, 0], [3, 9, 9, 9, 9, 0]]);
    await writeMap(`${stem}_parts_1.png`, [[0, 0, 0, 0, 0, 0], [0, 5, 255, 255, 0, 0], [0, 0, 0, 0, 0, 0]]);
    await Deno.writeTextFile(
      `${stem}.json`,
      json([
        object(0, "delivery car", 0, [1, 1, 3, 2]),
        object(1, "van", 0, [0, 0, 4, 2]),
        object(2, "mirror", 1, [2, 1, 3, 1]),
        object(4, "window", 1, [1, 1, 3, 1]),
        object(5, "hidden", 0, [2, 2, 3, 2]),
      ]),
    );
    deepStrictEqual(adeRegions(await readAdeAnnotation(`${stem}.jpg`)), [
      { name: "van", level: 0, box: [0, 0, 3, 2] },
      { name: "delivery_car", level: 0, box: [1, 1, 4, 2] },
      { name: "window", level: 1, box: [1, 1, 1, 1] },
      { name: "mirror", level: 1, box: [2, 1, 3, 1] },
    ]);
    // Files of 2016 beside it are what the reference reads.
    await writeAttributes(`${stem}_atr.txt`, [[2, 0, "lorry"]]);
    deepStrictEqual(adeRegions(await readAdeAnnotation(`${stem}.jpg`)), [
      { name: "lorry", level: 0, box: [1, 1, 4, 2] },
    ]);
  });
});

Deno.test("lists of one may lack their brackets, and bytes may be Latin-1", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.json");
    const one = object(0, "café table", 0, [0, 0, 1, 1]);
    await Deno.writeFile(path, Uint8Array.from(json(one), (c) => c.charCodeAt(0)));
    deepStrictEqual((await readAdeJson(path)).map(({ name, level }) => [name, level]), [["café_table", 0]]);
    await Deno.writeTextFile(path, json({ ...one, polygon: { x: 3, y: 4 } }));
    const [point] = await readAdeJson(path);
    deepStrictEqual([point.name, point.x, point.y], ["café_table", [3], [4]]);
    deepStrictEqual([...nameByPolygons(new Uint8Array(64).fill(1), { width: 8, height: 8 }, [point])], []);
    const { polygon: _polygon, ...nowhere } = { ...one, raw_name: [], parts: { part_level: "1" } };
    await Deno.writeTextFile(path, json([nowhere]));
    deepStrictEqual(await readAdeJson(path), [{ name: "", level: 1, x: [], y: [] }]);
    await Deno.writeTextFile(path, json([]));
    deepStrictEqual(await readAdeJson(path), []);
    await Deno.writeTextFile(path, json([one, { ...one, raw_name: null }]));
    deepStrictEqual((await readAdeJson(path)).map(({ name }) => name), ["café_table", ""]);
    await Deno.writeTextFile(path, json([one, { ...one, raw_name: 3 }]));
    await rejects(readAdeJson(path), /a\.json: annotation\.object\.1\.raw_name: /);
    await Deno.writeTextFile(path, "{}");
    await rejects(readAdeJson(path), /a\.json: annotation: /);
    await Deno.writeTextFile(path, json(one).slice(0, 40));
    await rejects(readAdeJson(path), /a\.json:1: is not JSON/);
  });
});

Deno.test("random boxes that do not touch find their names whatever their order", async () => {
  await withRandom("polygons", (random) => {
    const width = 40, height = 30, map = new Uint8Array(width * height);
    const objects: AdeObject[] = [], wanted: [number, string][] = [];
    for (let cell = 0; cell < 12; cell++) {
      const [left, top] = [10 * (cell % 4), 10 * Math.floor(cell / 4)];
      const x1 = left + random.integer(0, 5), y1 = top + random.integer(0, 5);
      const [x2, y2] = [x1 + random.integer(0, 5), y1 + random.integer(0, 5)];
      for (let y = y1; y <= y2; y++) map.fill(cell + 1, y * width + x1, y * width + x2 + 1);
      const { raw_name: name, polygon } = object(cell, `n${cell}`, 0, [x1, y1, x2, y2]);
      objects.splice(random.integer(0, objects.length + 1), 0, { name, level: 0, ...polygon });
      wanted.push([cell + 1, name]);
    }
    deepStrictEqual([...nameByPolygons(map, { width, height }, objects)].sort((a, b) => a[0] - b[0]), wanted);
  });
});

Deno.test("lists with the paths of 2016 find pictures of 2021 by their names", async () => {
  await withFolder(async (folder) => {
    const inside = join(folder, "images", "ADE", "training", "urban", "street");
    await Deno.mkdir(join(inside, "ADE_train_00000001"), { recursive: true });
    const stem = join(inside, "ADE_train_00000001");
    await writePicture(`${stem}.jpg`, 3, 2);
    await writePicture(join(stem, "instance_000.jpg"), 3, 2);
    await writeMap(`${stem}_seg.png`, [[0, 7, 7], [0, 7, 7]]);
    await Deno.writeTextFile(`${stem}.json`, json(object(0, "road", 0, [1, 0, 2, 1])));
    const train = ["images/training/s/street/ADE_train_00000001.jpg"];
    await writeLists(folder, { train, mval: ["images/validation/x.jpg"], mtest: [] }, { road: 5 });
    const set = await openDataset({ dataset: "ade", data: folder, split: "train" });
    deepStrictEqual([set.record(0).id, set.record(0).path], ["ADE_train_00000001", `${stem}.jpg`]);
    deepStrictEqual([[...set.record(0).labels], [...set.record(0).boxes]], [[1], [1, 0, 2, 1]]);
    await rejects(
      openDataset({ dataset: "ade", data: folder, split: "val" }),
      /images\/validation\/x\.jpg: is named in/,
    );
    const other = join(folder, "images", "ADE", "training", "rural");
    await Deno.mkdir(other);
    await writePicture(join(other, "ADE_train_00000001.jpg"), 3, 2);
    await rejects(
      openDataset({ dataset: "ade", data: folder, split: "train" }),
      /ADE_train_00000001\.jpg has the same name/,
    );
    await Deno.remove(other, { recursive: true });
    const { mtime, size } = await Deno.stat(`${stem}.json`);
    await Deno.writeTextFile(`${stem}.json`, json(object(0, "field", 0, [1, 0, 2, 1])));
    ok(size !== (await Deno.stat(`${stem}.json`)).size && mtime !== null);
    strictEqual((await openDataset({ dataset: "ade", data: folder, split: "train" })).record(0).labels.length, 0);
  });
});

const SHARED = new URL("../../../../shared/data", import.meta.url).pathname;
const SCENES = join(SHARED, "ade20k-2021-sample");
const STREET = join(SCENES, "images", "ADE", "training", "urban", "street");
const here = await Deno.stat(STREET).then(() => true, () => false);
const leftOut = here ? "" : " (left out: ../shared/data/ade20k-2021-sample is not here)";

Deno.test(`real scenes of 2021: the authors' instance masks agree with the names found by polygon${leftOut}`, async () => {
  if (!here) return;
  await withRandom("a real scene", async (random) => {
    const scenes = [...Deno.readDirSync(STREET)].filter(({ isDirectory }) => isDirectory).map(({ name }) => name)
      .sort();
    const scene = scenes[random.integer(0, scenes.length)];
    const { levels } = await readAdeAnnotation(join(STREET, `${scene}.jpg`));
    const { annotation } = JSON.parse(await Deno.readTextFile(join(STREET, `${scene}.json`)));
    // A mask takes long to decode: some of them, others in the next run.
    for (let n = 0; n < 8; n++) {
      const one = annotation.object[random.integer(0, annotation.object.length)];
      const mask = await sharp(join(STREET, one.instance_mask)).extractChannel(0).raw().toBuffer();
      const { map, names } = levels[one.parts.part_level];
      const votes = new Map<number, number>();
      // 255 is visible, 128 is covered by something else.
      mask.forEach((value, at) => value === 255 && votes.set(map[at], (votes.get(map[at]) ?? 0) + 1));
      const [[position]] = [...votes].sort((a, b) => b[1] - a[1]);
      strictEqual(names.get(position), one.raw_name.replaceAll(" ", "_"), `${scene} ${one.id}`);
    }
  });
});

Deno.test(`real scenes of 2021 through the reference's lists: every name is a class${leftOut}`, async () => {
  if (!here) return;
  await withFolder(async (cache) => {
    const lists = join(SHARED, "ade-split");
    const options = { dataset: "ade", data: SCENES, lists, cache, split: "train" } as const;
    await rejects(openDataset(options), /ADE_train_\d+\.jpg: is named in .*ade-split\/train\.txt but missing/);
    const messages: string[] = [];
    const set = await openDataset({ ...options, skipBroken: true }, { onMessage: (text) => messages.push(text) });
    strictEqual(set.classes.length, 1485);
    deepStrictEqual([1, 2, 3, 1428, 1465, 1484].map((label) => set.classes[label]), [
      "acropolis",
      "advertisement",
      "aerial",
      "wall",
      "window",
      "wreath",
    ]);
    const counts = Array.from({ length: set.size }, (_, i) => [set.record(i).id, set.record(i).labels.length]);
    deepStrictEqual(counts, [["ADE_train_00016869", 70], ["ADE_train_00016900", 37], ["ADE_train_00016964", 32]]);
    strictEqual(messages.at(-1), "left out 20187 more; `itera data check` counts all");
    const pairs = ["arm", "foot", "hand", "leg", "shoulder"].map((name) => set.classes.indexOf(`left_${name}`));
    const swapped = [...set.flipLabels!].flatMap((label, i) => label > i ? [i] : []);
    deepStrictEqual(swapped, pairs.sort((a, b) => a - b));
  });
});
