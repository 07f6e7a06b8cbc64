import assert from "node:assert/strict";
import { join } from "node:path";
import { openCoco } from "../../../datasets/coco/open.ts";
import { UserError } from "../../../datasets/errors.ts";
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
  const set = await openCoco(REAL, "val");
  assert.equal(set.size, 80);
  assert.equal(set.classes.length, 81);
  assert.deepEqual([set.classes[1], set.classes[80]], ["person", "toothbrush"]);
  const regions = Array.from({ length: set.size }, (_, i) => set.record(i).labels.length).reduce((a, b) => a + b);
  assert.ok(regions > 780 && regions <= 815, `${regions}`);
});
