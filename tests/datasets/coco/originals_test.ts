import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { openCoco } from "../../../datasets/coco/open.ts";
import { matchClasses } from "../../../datasets/match_classes.ts";
import { withFolder } from "../../support/folder.ts";

type Json = Record<string, unknown>;

async function write(folder: string, name: string, images: string, set: Json): Promise<void> {
  await Deno.mkdir(join(folder, "annotations"), { recursive: true });
  await Deno.mkdir(join(folder, images), { recursive: true });
  await Deno.writeTextFile(join(folder, "annotations", `${name}.json`), JSON.stringify(set));
  for (const { file_name } of set.images as Json[]) await Deno.writeTextFile(join(folder, images, `${file_name}`), "");
}

const image = (id: unknown, name: string): Json => ({ id, file_name: name, width: 20, height: 10 });
const box = (id: unknown, image_id: unknown, category_id: unknown, bbox: number[], more = {}): Json => ({
  ...{ id, image_id, category_id, bbox, area: 9 },
  ...more,
});

Deno.test("ids and boxes are those of the annotation file, of the regions that are read and in their order", () =>
  withFolder(async (folder) => {
    await write(folder, "instances_val2017", "val2017", {
      images: [image(7, "b.png"), image("7a", "a.png"), image(3, "c.png")],
      categories: [{ id: 90, name: "toothbrush" }, { id: "4", name: "traffic light" }],
      annotations: [
        box(1, 3, 90, [1.25, 2.5, 4.75, 3.5]),
        box(2, "7", "90", [-3, 2, 8, 4]), // cut, and its image named by a text
        box(3, 7, 4, [30, 2, 8, 4]), // wholly outside
        box("x", 7, 4, [2, 3, 30, 4]),
        { ...box(0, "7a", 4, [0, 0, 2, 2]), id: undefined },
        box(9, 3, 4, [0, 0, 2, 2], { iscrowd: 1 }),
      ],
    });
    const set = await openCoco(folder, "val"), originals = await set.originals!();
    deepStrictEqual(originals.imageIds, [7, "7a", 3]);
    deepStrictEqual(originals.categoryIds, [null, "4", 90]);
    deepStrictEqual(set.classes.slice(1), ["traffic_light", "toothbrush"]);
    deepStrictEqual(originals.regionIds, [2, "x", null, 1, 9]);
    const boxes = [[-3, 2, 8, 4], [2, 3, 30, 4], [0, 0, 2, 2], [1.25, 2.5, 4.75, 3.5], [0, 0, 2, 2]];
    deepStrictEqual([...originals.boxes], boxes.flat());
    deepStrictEqual(originals.regionIds.length, set.table.labels.length);

    const fewer = await (await openCoco(folder, "val", { crowd: false })).originals!();
    deepStrictEqual(fewer.regionIds, [2, "x", null, 1]);

    const other = matchClasses(set, ["__background__", "bus", "toothbrush", "traffic_light"], "the model");
    deepStrictEqual((await other.originals!()).categoryIds, [null, null, 90, "4"]);

    await Deno.writeTextFile(
      join(folder, "annotations", "instances_val2017.json"),
      JSON.stringify({ images: [image(7, "b.png")], categories: [], annotations: [] }),
    );
    await rejects(set.originals!(), /instances_val2017\.json: has changed since it was opened/);
  }));

Deno.test("an id of two files of a split is known by the folder of its picture", () =>
  withFolder(async (folder) => {
    const categories = [{ id: 1, name: "cat" }];
    const part = (name: string, id: number, bbox: number[]): Json => ({
      images: [image(5, name)],
      categories,
      annotations: [box(id, 5, 1, bbox)],
    });
    await write(folder, "instances_train2014", "train2014", part("a.png", 1, [1, 1, 2, 2]));
    await write(folder, "instances_valminusminival2014", "val2014", part("b.png", 2, [3, 3, 4, 4]));
    await write(folder, "instances_minival2014", "val2014", part("c.png", 3, [5, 5, 1, 1]));
    const set = await openCoco(folder, "train"), originals = await set.originals!();
    ok(set.size === 2);
    deepStrictEqual([originals.imageIds, originals.regionIds], [[5, 5], [1, 2]]);
    deepStrictEqual([...originals.boxes], [1, 1, 2, 2, 3, 3, 4, 4]);
  }));
