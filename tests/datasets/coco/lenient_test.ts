import assert from "node:assert/strict";
import { join } from "node:path";
import { cocoBoxes } from "../../../datasets/coco/boxes.ts";
import { openCoco } from "../../../datasets/coco/open.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { withFolder } from "../../support/folder.ts";

type Json = Record<string, unknown>;

const IMAGES = [1, 2].map((id): Json => ({ id, file_name: `${id}.png`, width: 20, height: 10 }));
const CATEGORIES = [{ id: 4, name: "car" }, { id: 9, name: "bus" }];
const ANNOTATIONS = [1, 2].map((id): Json => ({ id, image_id: id, category_id: 4, bbox: [2, 1, 5, 4], area: 20 }));

/** Writes a validation split; pictures are empty files. */
async function write(folder: string, set: Json, text = JSON.stringify): Promise<void> {
  const images = (set.images ?? IMAGES) as Json[];
  await Deno.mkdir(join(folder, "annotations"), { recursive: true });
  const file = { images, categories: CATEGORIES, annotations: ANNOTATIONS, ...set };
  await Deno.writeTextFile(join(folder, "annotations", "instances_val2017.json"), text(file));
  for (const { file_name } of images) {
    const path = join(folder, "val2017", String(file_name));
    await Deno.mkdir(join(path, ".."), { recursive: true });
    await Deno.writeTextFile(path, "");
  }
}

/** Regions of both images, and what was left out as broken. */
async function regions(folder: string, options = {}) {
  const set = await openCoco(folder, "val", options);
  const { broken, dropped, clipped, repeated } = set.table.findings;
  const records = Array.from({ length: set.size }, (_, i) => set.record(i));
  return {
    boxes: records.map(({ boxes }) => [...boxes]),
    labels: records.map(({ labels }) => [...labels]),
    broken: broken.map(({ reason }) => reason),
    counts: [dropped.count, clipped.count, repeated.count],
  };
}

const refuses = (run: Promise<unknown>, message: RegExp) =>
  assert.rejects(run, (e) => e instanceof UserError && message.test(e.message) && !e.message.includes("\n"));

Deno.test("fields are read as loosely as pycocotools reads them", () =>
  withFolder(async (folder) => {
    const plain = { boxes: [[2, 1, 6, 4], [2, 1, 6, 4]], labels: [[1], [1]], broken: [], counts: [0, 0, 0] };
    const changes: Json[] = [
      { image_id: "1" },
      { category_id: "4" },
      { iscrowd: false },
      { iscrowd: true },
      { iscrowd: null },
      { area: null },
      { area: undefined, segmentation: [] },
      { area: undefined, segmentation: [[]] },
      { area: null, segmentation: {} },
      { area: null, segmentation: null },
      { area: null, segmentation: [[2, 1, 6, 4]] },
      { area: null, segmentation: { counts: "" } },
      { area: null, segmentation: { counts: [] } },
      { segmentation: "none" },
      { id: undefined },
      { id: "a" },
    ];
    for (const change of changes) {
      await write(folder, { annotations: [{ ...ANNOTATIONS[0], ...change }, ANNOTATIONS[1]] });
      assert.deepEqual(await regions(folder), plain, JSON.stringify(change));
    }
    const named = (id: unknown) => `img_${id}`;
    await write(folder, {
      images: IMAGES.map((image) => ({ ...image, id: named(image.id) })),
      annotations: ANNOTATIONS.map((one) => ({ ...one, image_id: named(one.image_id) })),
    });
    assert.deepEqual(await regions(folder), plain);
    await write(folder, { annotations: [{ ...ANNOTATIONS[0], iscrowd: true }, ANNOTATIONS[1]] });
    assert.deepEqual((await regions(folder, { crowd: false })).labels, [[], [1]]);
    // Ten comes after nine, whether they are written as numbers or as texts.
    const categories = [{ id: "10", name: "ten" }, { id: "9", name: "nine" }];
    await write(folder, { categories, annotations: [] });
    assert.deepEqual((await openCoco(folder, "val")).classes, ["__background__", "nine", "ten"]);
  }));

Deno.test("boxes that reach out are cut, those outside left out; a switch moves them as the reference does", () =>
  withFolder(async (folder) => {
    const boxes = [[-3, -2, 8, 6], [-9, 1, 4, 4], [18, 8, 9, 9], [25, 2, 3, 3], [4, 4, -2, 3], [5, 5, 1e9, 1e9]];
    const annotations = boxes.map((bbox, id) => ({ id, image_id: 1, category_id: 4, bbox, area: 9 }));
    await write(folder, { annotations });
    const cut = await regions(folder);
    assert.deepEqual(cut.boxes[0], [[0, 0, 4, 3], [18, 8, 19, 9], [5, 5, 19, 9]].flat());
    assert.deepEqual(cut.counts, [3, 3, 0]);
    const moved = await regions(folder, { moveBoxes: true });
    const wanted = [[0, 0, 7, 5], [0, 1, 3, 4], [18, 8, 19, 9], [4, 4, 4, 6], [5, 5, 19, 9]];
    assert.deepEqual(moved.boxes[0], wanted.flat());
  }));

Deno.test("ids that are there twice, and annotations of nothing, are named; what is sure is read where asked", () =>
  withFolder(async (folder) => {
    const lenient = () => regions(folder, { skipBroken: true });
    const wrong = async (set: Json, reason: RegExp): Promise<void> => {
      await write(folder, set);
      await refuses(regions(folder), new RegExp(`val2017\\.json: ${reason.source}.*; --skip-broken`));
      assert.match((await lenient()).broken[0], reason);
    };
    await wrong(
      { images: [...IMAGES, { ...IMAGES[0], file_name: "3.png" }] },
      /images\.2: id 1 is that of images\.0 too/,
    );
    // Whose the annotations are cannot be known, so neither picture bears them.
    assert.deepEqual((await lenient()).labels, [[1]]);
    await wrong(
      { annotations: [...ANNOTATIONS, { ...ANNOTATIONS[0], image_id: 999 }] },
      /annotations\.2: image_id 999 is not/,
    );
    assert.deepEqual((await lenient()).labels, [[1], [1]]);
    await wrong({ images: [IMAGES[0], { ...IMAGES[1], width: 0 }] }, /images\.1\.width: /);
    assert.deepEqual((await lenient()).labels, [[1]]);
    await wrong(
      { images: [...IMAGES, { ...IMAGES[0], id: 3, file_name: "../../x.png" }] },
      /images\.2\.file_name: names a file outside/,
    );
    assert.deepEqual((await lenient()).labels, [[1], [1]]);
    await write(folder, { annotations: [...ANNOTATIONS, { ...ANNOTATIONS[0], image_id: 2 }] });
    assert.deepEqual((await regions(folder)).counts, [0, 0, 1]);
    await write(folder, { categories: [...CATEGORIES, { id: 4, name: "van" }] });
    await refuses(regions(folder), /categories\.2: id 4 is there twice/);
  }));

Deno.test("an annotation with a number that is none is named, and left out where asked", () =>
  withFolder(async (folder) => {
    // Python writes NaN, which is no JSON.
    const python = (set: unknown) => JSON.stringify(set).replace('"?"', "NaN");
    await write(
      folder,
      { annotations: [ANNOTATIONS[0], { ...ANNOTATIONS[1], bbox: [1, 2, "?", 4] }] },
      python as never,
    );
    await refuses(regions(folder), /val2017\.json: annotations\.1\.bbox\.2: .*NaN/);
    assert.deepEqual((await regions(folder, { skipBroken: true })).labels, [[1], []]);
  }));

Deno.test("a picture is found in whichever spelling of a marked letter its folder has", () =>
  withFolder(async (folder) => {
    const [composed, apart] = ["NFC", "NFD"].map((form) => "Übung é.png".normalize(form));
    for (const [inFile, onDisk] of [[composed, apart], [apart, composed]]) {
      await write(folder, { images: [IMAGES[1], { ...IMAGES[0], file_name: onDisk }] });
      await write(folder, { images: [IMAGES[1]] });
      const path = join(folder, "annotations", "instances_val2017.json");
      const set = {
        images: [{ ...IMAGES[0], file_name: inFile }],
        categories: CATEGORIES,
        annotations: [ANNOTATIONS[0]],
      };
      await Deno.writeTextFile(path, JSON.stringify(set));
      assert.equal((await openCoco(folder, "val")).record(0).path, join(folder, "val2017", onDisk));
      await Deno.remove(join(folder, "val2017", onDisk));
    }
  }));

Deno.test("a picture's boxes are those of the longest matching path; where several match, none is guessed", () =>
  withFolder(async (folder) => {
    const images = ["a/x.png", "b/x.png", "b/y.png"].map((file_name, id) => ({ ...IMAGES[0], id, file_name }));
    const annotations = images.map(({ id }) => ({ ...ANNOTATIONS[0], id, image_id: id, bbox: [id, 0, 3, 3] }));
    await write(folder, { images, annotations });
    const file = join(folder, "annotations", "instances_val2017.json");
    const first = async (picture: string) => (await cocoBoxes(file, picture)).regions[0].box[0];
    assert.deepEqual(
      [await first(join(folder, "val2017/a/x.png")), await first("b/x.png"), await first("elsewhere/y.png")],
      [0, 1, 2],
    );
    await refuses(
      cocoBoxes(file, "elsewhere/x.png"),
      /names 2 pictures that elsewhere\/x\.png may be, such as a\/x\.png and b\/x\.png/,
    );
    await refuses(cocoBoxes(file, "z.png"), /names no picture z\.png/);
    // A name that is the end of the path stands before others that have more folders.
    images[2].file_name = "x.png";
    await write(folder, { images, annotations });
    assert.deepEqual(
      [await first("elsewhere/x.png"), await first("elsewhere/a/x.png"), await first("c/b/x.png")],
      [2, 0, 1],
    );
  }));
