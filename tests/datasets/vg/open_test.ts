import { deepStrictEqual, notDeepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../engine/base/user_error.ts";
import { openDataset } from "../../../datasets/open.ts";
import type { RegionDataset } from "../../../datasets/types.ts";
import { openVg } from "../../../datasets/vg/open.ts";
import { rebuiltSplit } from "../../../datasets/vg/split.ts";
import { withFolder } from "../../support/folder.ts";

const object = (x: number, y: number, w: number, h: number, ...synsets: string[]) => ({ x, y, w, h, synsets });

/** Six pictures of 20×10 pixels in two folders. */
const PICTURES = [1, 2, 3, 4, 5, 6].map((id) => ({
  image_id: id,
  url: `https://cs.stanford.edu/people/rak248/VG_100K${id % 2 ? "_2" : ""}/${id}.jpg`,
  width: 20,
  height: 10,
}));

const SPLITS = {
  train: [
    { image_id: 3, objects: [object(-3, 2, 8, 30, "tree.n.01", "plant.n.02"), object(30, 1, 4, 4, "tree.n.01")] },
    { image_id: 1, objects: [object(1, 1, 1, 1, "rare.n.01"), object(2, 2, 0, 3, "tree.n.01"), object(0, 0, 20, 10)] },
  ],
  val: [{ image_id: 2, objects: [object(4, 5, 6, 2, "dog.n.01")] }],
  test: [{ image_id: 4, objects: [{ ...object(1, 1, 2, 2), synsets: null }] }],
};

const SYNSETS = ["dog.n.01:99", "tree.n.01:40", "plant.n.02: 5", "rare.n.01:4"];

async function writeJson(folder: string, name: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(join(folder, name), JSON.stringify(value));
}

async function writeReference(folder: string): Promise<void> {
  for (const { image_id } of PICTURES) {
    const inside = join(folder, image_id % 2 ? "VG_100K_2" : "VG_100K");
    await Deno.mkdir(inside, { recursive: true });
    await Deno.writeTextFile(join(inside, `${image_id}.jpg`), "");
  }
  await writeJson(folder, "image_data.json", PICTURES);
  for (const [name, list] of Object.entries(SPLITS)) await writeJson(folder, `${name}.json`, list);
  await Deno.writeTextFile(join(folder, "synsets.txt"), SYNSETS.join("\n"));
}

/** Name and box of each region of an image. */
function regions(set: RegionDataset, index: number): [string, ...number[]][] {
  const { boxes, labels } = set.record(index);
  return Array.from(labels, (label, r) => [set.classes[label], ...boxes.subarray(4 * r, 4 * r + 4)]);
}

Deno.test("the reference's files: one region for each known synset, clipped; the first class is dropped", async () => {
  await withFolder(async (folder) => {
    await writeReference(folder);
    const messages: string[] = [];
    const train = await openVg(folder, "train", {}, { onMessage: (text) => messages.push(text) });
    deepStrictEqual(train.classes, ["__background__", "tree.n.01", "plant.n.02"]);
    deepStrictEqual(regions(train, 0), [["tree.n.01", 0, 2, 4, 9], ["plant.n.02", 0, 2, 4, 9]]);
    deepStrictEqual(regions(train, 1), []);
    const { width, height, path, id } = train.record(0);
    deepStrictEqual([width, height, path, id], [20, 10, join(folder, "VG_100K_2", "3.jpg"), "3"]);
    const { clipped, dropped, unknown, broken } = train.table.findings;
    deepStrictEqual([clipped, dropped], [{ count: 1, first: ["3"] }, { count: 2, first: ["3", "1"] }]);
    deepStrictEqual([unknown, broken], [{ "1": ["rare.n.01"] }, []]);
    deepStrictEqual(messages.filter((text) => /not the authors'/.test(text)), []);
    const reference = { dropFirstSynset: false };
    const val = await openDataset({ dataset: "vg", data: folder, split: "val", reference });
    deepStrictEqual(val.classes, ["__background__", "dog.n.01", "tree.n.01", "plant.n.02"]);
    deepStrictEqual([val.record(0).id, regions(val, 0)], ["2", [["dog.n.01", 4, 5, 9, 6]]]);
    const test = await openDataset({ dataset: "vg", data: folder, split: "test" });
    deepStrictEqual([test.size, regions(test, 0), test.flipLabels], [1, [], undefined]);
  });
});

Deno.test("an index answers until a file it came from changes", async () => {
  await withFolder(async (folder) => {
    await writeReference(folder);
    const open = async () => {
      let read = false;
      const set = await openVg(folder, "val", {}, { onProgress: () => read = true });
      return { set, read };
    };
    strictEqual((await open()).read, true);
    strictEqual((await open()).read, false);
    await Deno.writeTextFile(join(folder, "synsets.txt"), ["x:1", ...SYNSETS].join("\n"));
    const { set, read } = await open();
    deepStrictEqual([read, regions(set, 0)], [true, [["dog.n.01", 4, 5, 9, 6]]]);
    await writeJson(folder, "val.json", [...SPLITS.val, ...SPLITS.test]);
    strictEqual((await open()).set.size, 2);
    // Without the list, classes are counted in train.json: none is there five times.
    await Deno.remove(join(folder, "synsets.txt"));
    deepStrictEqual((await open()).set.classes, ["__background__"]);
    const objects = [object(1, 1, 2, 2, ...Array(5).fill("dog.n.01"))];
    await writeJson(folder, "train.json", [...SPLITS.train, { image_id: 5, objects }]);
    deepStrictEqual(regions((await open()).set, 0), [["dog.n.01", 4, 5, 9, 6]]);
  });
});

Deno.test("published files alone: a split of their own, classes counted in its training part, both said", async () => {
  await withFolder(async (folder) => {
    const ids = Array.from({ length: 40 }, (_, i) => 1000 - 7 * i);
    const split = (name: "train" | "val" | "test") => rebuiltSplit(ids, name);
    deepStrictEqual([split("train").size, split("val").size, split("test").size], [32, 4, 4]);
    deepStrictEqual(new Set([...split("train"), ...split("val"), ...split("test")]), new Set(ids));
    deepStrictEqual(rebuiltSplit([...ids].reverse(), "val"), split("val"));
    notDeepStrictEqual([...split("train")].sort((a, b) => b - a), ids.slice(0, 32));

    const train = split("train");
    // "seldom" is there often enough only if the images of val and test are counted too.
    let seldom = 4;
    const objects = ids.map((image_id) => {
      const names = train.has(image_id) ? ["x", seldom-- > 0 ? "seldom" : "often"] : ["seldom", "often"];
      return { image_id, objects: [object(0, 0, 3, 3, ...names)] };
    });
    await writeJson(folder, "image_data.json", ids.map((image_id) => ({ image_id, width: 20, height: 10 })));
    await rejects(openVg(folder, "train"), /objects\.json: there is no such file/);
    await writeJson(folder, "objects.json", objects);
    await Deno.mkdir(join(folder, "VG_100K"));
    for (const id of ids) await Deno.writeTextFile(join(folder, "VG_100K", `${id}.jpg`), "");
    for (const name of ["train", "val", "test"] as const) {
      const messages: string[] = [];
      const set = await openVg(folder, name, {}, { onMessage: (text) => messages.push(text) });
      deepStrictEqual(set.classes, ["__background__", "often", "x"]);
      const wanted = ids.filter((id) => split(name).has(id)).map(String);
      deepStrictEqual(Array.from({ length: set.size }, (_, i) => set.record(i).id), wanted);
      if (name !== "train") deepStrictEqual([...set.record(0).labels], [1]);
      ok(messages.some((text) => /cut 80\/10\/10; this is not the authors' split/.test(text)), messages.join("\n"));
      ok(messages.some((text) => /classes are counted, this is not the authors' list/.test(text)), messages.join("\n"));
    }
  });
});

Deno.test("what is missing or broken is named, and left out where asked", async () => {
  await withFolder(async (folder) => {
    const refuses = (message: RegExp, options = {}) =>
      rejects(
        openVg(folder, "train", options),
        (e) => e instanceof UserError && message.test(e.message) && !e.message.includes("\n"),
      );
    await refuses(/image_data\.json: there is no such file/);
    await writeReference(folder);
    await Deno.remove(join(folder, "VG_100K_2", "3.jpg"));
    await refuses(/VG_100K_2\/3\.jpg: is named in .*image_data\.json but missing; --skip-broken/);
    strictEqual((await openVg(folder, "train", { skipBroken: true })).size, 2);
    await Deno.writeTextFile(join(folder, "VG_100K_2", "3.jpg"), "");
    const broken = [{ image_id: 6, objects: [{ x: 1 }] }, { image_id: 99, objects: [] }];
    await writeJson(folder, "train.json", [...SPLITS.train, ...broken]);
    await refuses(/train\.json: 2\.objects\.0\.y: .*; --skip-broken leaves out what/);
    const messages: string[] = [];
    const set = await openVg(folder, "train", { skipBroken: true }, { onMessage: (text) => messages.push(text) });
    strictEqual(set.size, 2);
    ok(
      messages.some((text) => /left out .*train\.json: image 99 is not in .*image_data\.json/.test(text)),
      messages.join("\n"),
    );
    await writeJson(folder, "train.json", [...SPLITS.train, SPLITS.train[0]]);
    await refuses(/train\.json: image \d+ is there twice: whose are the objects\?; --skip-broken/);
    // The other image keeps its own regions.
    const sure = await openVg(folder, "train", { skipBroken: true });
    await writeJson(folder, "train.json", SPLITS.train);
    deepStrictEqual([sure.size, sure.record(0)], [1, (await openVg(folder, "train")).record(1)]);
    await Deno.writeTextFile(join(folder, "synsets.txt"), "tree\n");
    await refuses(/synsets\.txt:1: is no class; wanted synset:count/);
    const one = { image_id: 1, width: 4, height: 3 };
    await writeJson(folder, "image_data.json", [one, one]);
    await refuses(/image_data\.json: 1: image_id 1 is there twice/);
    await writeJson(folder, "image_data.json", [{ ...one, url: "https://example.org/../1.jpg" }]);
    await refuses(/image_data\.json: 0\.url: names a file outside/);
    await writeJson(folder, "image_data.json", [{ image_id: 1, width: 0, height: 3 }]);
    await refuses(/image_data\.json: 0\.width: /);
    await Deno.writeTextFile(join(folder, "image_data.json"), "[{");
    await refuses(/image_data\.json: is not whole JSON/);
  });
});
