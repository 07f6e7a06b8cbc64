import assert from "node:assert/strict";
import { join } from "node:path";
import { openCoco } from "../../../datasets/coco/open.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { openDataset } from "../../../datasets/open.ts";
import { withFolder } from "../../support/folder.ts";

const ANNOTATIONS = {
  images: [
    { id: 7, file_name: "a.jpg", width: 20, height: 10 },
    { id: 9, file_name: "b.jpg", width: 20, height: 10 },
  ],
  categories: [{ id: 90, name: "tooth brush" }, { id: 3, name: "car" }, { id: 13, name: "stop sign" }],
  annotations: [
    { image_id: 7, category_id: 90, bbox: [2.7, 1.2, 5, 4], area: 12, iscrowd: 0 },
    { image_id: 7, category_id: 3, bbox: [-3, 8, 40, 9], area: 5, iscrowd: 1 },
    { image_id: 7, category_id: 13, bbox: [1, 1, 4, 4], area: 0, iscrowd: 0 },
    { image_id: 7, category_id: 13, bbox: [19, 9, 0.5, 0.5], area: 1, iscrowd: 0 },
    { image_id: 7, category_id: 13, bbox: [25, 2, 3, 3], area: 4, iscrowd: 0 },
  ],
};

async function writeSet(
  folder: string,
  annotations: string = JSON.stringify(ANNOTATIONS),
  pictures = ["a.jpg", "b.jpg"],
) {
  await Deno.mkdir(join(folder, "annotations"), { recursive: true });
  await Deno.mkdir(join(folder, "val2017"), { recursive: true });
  await Deno.writeTextFile(join(folder, "annotations", "instances_val2017.json"), annotations);
  for (const name of pictures) await Deno.writeTextFile(join(folder, "val2017", name), "");
}

const refuses = (run: () => Promise<unknown>, message: RegExp) =>
  assert.rejects(
    run,
    (error) => error instanceof UserError && message.test(error.message) && !error.message.includes("\n"),
  );

Deno.test("boxes are clipped, truncated and filtered as the reference does, classes are ranks of their ids", async () => {
  await withFolder(async (folder) => {
    await writeSet(folder);
    const set = await openCoco(folder, "val");
    assert.deepEqual(set.classes, ["__background__", "car", "stop_sign", "tooth_brush"]);
    const first = set.record(0);
    assert.deepEqual([...first.labels], [3, 1, 2]);
    assert.deepEqual([...first.boxes], [2, 1, 6, 4, 0, 8, 19, 9, 19, 9, 19, 9]);
    assert.equal(set.record(1).labels.length, 0);
    const withoutCrowd = await openCoco(folder, "val", { crowd: false });
    assert.deepEqual([...withoutCrowd.record(0).labels], [3, 2]);
  });
});

Deno.test("missing folders, cut JSON, unknown categories and missing pictures are named in one line", async () => {
  await withFolder(async (folder) => {
    await refuses(() => openCoco(join(folder, "nowhere"), "val"), /nowhere: there is no such folder/);
    await refuses(() => openCoco(folder, "val"), /none of instances_val2017\.json/);
    await writeSet(folder, JSON.stringify(ANNOTATIONS).slice(0, 300));
    await refuses(() => openCoco(folder, "val"), /instances_val2017\.json: is not whole JSON/);
    await writeSet(
      folder,
      JSON.stringify({ ...ANNOTATIONS, images: [{ id: 7, file_name: "a.jpg", width: "20", height: 10 }] }),
    );
    await refuses(() => openCoco(folder, "val"), /instances_val2017\.json: images\.0\.width/);
    await writeSet(folder, JSON.stringify({ ...ANNOTATIONS, categories: [] }));
    await refuses(() => openCoco(folder, "val"), /annotations\.0: category_id 90 is not among/);
    await writeSet(folder);
    await Deno.remove(join(folder, "val2017", "b.jpg"));
    await refuses(() => openCoco(folder, "val"), /b\.jpg: is named in .* but missing; --skip-broken/);
    assert.equal((await openCoco(folder, "val", { skipBroken: true })).size, 2);
    await refuses(() => openDataset({ dataset: "coco", split: "val" }), /--dataset coco needs --data/);
  });
});

const REAL = new URL("../../../../shared/data/coco-tiny", import.meta.url).pathname;
const there = await Deno.stat(REAL).then(() => true, () => false);

Deno.test(`real COCO photographs are read${there ? "" : " (left out: ../shared/data/coco-tiny is not here)"}`, async () => {
  if (!there) return;
  await withFolder(async (cache) => {
    const set = await openCoco(REAL, "val", { cache });
    assert.equal(set.size, 80);
    assert.equal(set.classes.length, 81);
    assert.deepEqual([set.classes[1], set.classes[80]], ["person", "toothbrush"]);
    const regions = Array.from({ length: set.size }, (_, i) => set.record(i).labels.length).reduce((a, b) => a + b);
    assert.ok(regions > 780 && regions <= 815, `${regions}`);
  });
});

/** A category, a picture of 20×10 pixels and its one annotation, named like COCO's of 2014. */
async function writePart(folder: string, annotations: string, images: string, id: number, extra = {}): Promise<void> {
  await Deno.mkdir(join(folder, "annotations"), { recursive: true });
  await Deno.mkdir(join(folder, images), { recursive: true });
  const file_name = `COCO_${images.split("/").at(-1)}_${String(id).padStart(12, "0")}.jpg`;
  await Deno.writeTextFile(join(folder, images, file_name), "");
  const set = {
    info: { description: '[{"not": "an annotation"}]' },
    annotations: [{ image_id: id, category_id: 4, bbox: [id, 1, 3, 3], area: 9, iscrowd: 0, ...extra }],
    images: [{ id, file_name, width: 20, height: 10 }],
    categories: [{ id: 4, name: "car" }],
  };
  await Deno.writeTextFile(join(folder, "annotations", `${annotations}.json`), JSON.stringify(set));
}

Deno.test("with the reference's files for 2014 training is the union, and val and test are minival", async () => {
  await withFolder(async (folder) => {
    const ids = async (split: "train" | "val" | "test") => {
      const set = await openCoco(folder, split);
      return Array.from({ length: set.size }, (_, i) => [set.record(i).id, set.record(i).boxes[0], set.record(i).path]);
    };
    await writePart(folder, "instances_train2014", "images/train2014", 3);
    await writePart(folder, "instances_val2014", "val2014", 5);
    assert.deepEqual((await ids("train")).map(([id]) => id), ["3"]);
    assert.deepEqual((await ids("val")).map(([id]) => id), ["5"]);
    await writePart(folder, "instances_valminusminival2014", "val2014", 8);
    await writePart(folder, "instances_minival2014", "val2014", 9);
    const pictures = [
      join(folder, "images", "train2014", "COCO_train2014_000000000003.jpg"),
      join(folder, "val2014", "COCO_val2014_000000000008.jpg"),
    ];
    assert.deepEqual(await ids("train"), [["3", 3, pictures[0]], ["8", 8, pictures[1]]]);
    // The reference's split is preferred, so that training and validation are of one kind.
    await writePart(folder, "instances_val2017", "val2017", 11);
    for (const split of ["val", "test"] as const) {
      assert.deepEqual(await ids(split), [["9", 9, join(folder, "val2014", "COCO_val2014_000000000009.jpg")]]);
    }
    await Deno.remove(join(folder, "annotations", "instances_train2014.json"));
    await refuses(() => openCoco(folder, "train"), /instances_train2014\.json: the split with minival needs this file/);
    const other = JSON.stringify({ ...ANNOTATIONS, annotations: [] });
    await Deno.writeTextFile(join(folder, "annotations", "instances_train2014.json"), other);
    await refuses(() => openCoco(folder, "train"), /valminusminival2014\.json: has other categories than .*train2014/);
  });
});

Deno.test("an area that is not given comes from the outline; nothing without area is kept", async () => {
  await withFolder(async (folder) => {
    const kept = async (extra: object) => {
      await writePart(folder, "instances_val2017", "val2017", 2, { area: undefined, ...extra });
      const set = await openCoco(folder, "val");
      return [set.record(0).labels.length, set.table.findings.dropped.count];
    };
    assert.deepEqual(await kept({ segmentation: [[2, 1, 5, 1, 5, 4, 2, 4]] }), [1, 0]);
    assert.deepEqual(await kept({ segmentation: [[2, 1, 5, 1, 2, 1]] }), [0, 1]);
    assert.deepEqual(await kept({ segmentation: { size: [10, 20], counts: [20, 3, 177] } }), [1, 0]);
    assert.deepEqual(await kept({ segmentation: { size: [10, 20], counts: [200] } }), [0, 1]);
    assert.deepEqual(await kept({ segmentation: { size: [10, 20], counts: "333" } }), [1, 0]);
    assert.deepEqual(await kept({}), [1, 0]);
    assert.deepEqual(await kept({ bbox: [2, 1, 0, 3] }), [0, 1]);
  });
});

Deno.test("a broken annotation is named, and left out where asked; the index knows its options and its file", async () => {
  await withFolder(async (folder) => {
    await writeSet(folder);
    const messages: string[] = [];
    let read = 0;
    const hooks = { onMessage: (text: string) => void messages.push(text), onProgress: () => void read++ };
    const open = (options = {}) => openCoco(folder, "val", options, hooks);
    const reads = () => [read, read = 0][0];
    const sizes = async (options = {}) => (await open(options)).record(0).labels.length;
    assert.deepEqual([await sizes(), await sizes({ crowd: false }), reads()], [3, 2, 2]);
    assert.deepEqual([await sizes(), await sizes({ crowd: false }), reads()], [3, 2, 0]);
    const broken = { image_id: 7, category_id: 3, bbox: [1, 2, 3], area: 4 };
    await writeSet(folder, JSON.stringify({ ...ANNOTATIONS, annotations: [...ANNOTATIONS.annotations, broken] }));
    for (let n = 0; n < 2; n++) {
      await refuses(open, /val2017\.json: annotations\.5\.bbox: .*; --skip-broken leaves out what/);
    }
    assert.equal(reads(), 1);
    assert.equal(await sizes({ skipBroken: true }), 3);
    assert.deepEqual(messages.map((text) => text.replace(/: Invalid.*|: Too.*/, "")), [
      `left out ${join(folder, "annotations", "instances_val2017.json")}: annotations.5.bbox`,
    ]);
  });
});
