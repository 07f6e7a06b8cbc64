/**
 * Our readers of COCO, Visual Genome and ADE20K beside the reference's own, which `make/datasets.py` ran on the same
 * annotations: sizes, boxes, classes and their order, what is left out, and what mirroring makes of it.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { openAde } from "../../../datasets/ade/open.ts";
import { openCoco } from "../../../datasets/coco/open.ts";
import { flipBoxes } from "../../../datasets/images/preprocess.ts";
import type { RegionDataset } from "../../../datasets/types.ts";
import { openVg } from "../../../datasets/vg/open.ts";
import { writeMap } from "../../support/files/ade_files.ts";
import { withFolder } from "../../support/folder.ts";
import golden from "./golden/datasets.json" with { type: "json" };

/** A set as the reference reads it. */
interface Wanted {
  readonly classes: readonly string[];
  readonly images: readonly {
    readonly width: number;
    readonly height: number;
    readonly plain: Regions;
    readonly mirrored: Regions;
  }[];
}

interface Regions {
  readonly boxes: readonly (readonly number[])[];
  readonly labels: readonly number[];
}

function regions(boxes: Float32Array, labels: Int32Array): Regions {
  return { boxes: Array.from(labels, (_, r) => [...boxes.subarray(4 * r, 4 * r + 4)]), labels: [...labels] };
}

function assertSame(set: RegionDataset, { classes, images }: Wanted): void {
  deepStrictEqual(set.classes, classes.map((name) => name.replaceAll(" ", "_")));
  deepStrictEqual(set.size, images.length);
  ok(images.some(({ plain }) => plain.labels.length > 5));
  images.forEach((want, i) => {
    const { width, height, boxes, labels } = set.record(i);
    deepStrictEqual({ width, height }, { width: want.width, height: want.height });
    deepStrictEqual(regions(boxes, labels), want.plain, `image ${i}`);
    const mirrored = labels.map((label) => set.flipLabels?.[label] ?? label);
    deepStrictEqual(regions(flipBoxes(boxes, width), mirrored), want.mirrored, `image ${i} mirrored`);
  });
}

async function put(folder: string, path: string, text = ""): Promise<void> {
  await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
  await Deno.writeTextFile(join(folder, path), text);
}

Deno.test("COCO's boxes, classes and omissions are the reference's, by its way with corners outside", () =>
  withFolder(async (folder) => {
    const { instances } = golden.coco;
    await put(folder, "annotations/instances_val2014.json", JSON.stringify(instances));
    for (const { file_name } of instances.images) await put(folder, `images/val2014/${file_name}`);
    assertSame(await openCoco(folder, "val", { moveBoxes: true }), golden.coco);
  }));

Deno.test("Visual Genome's boxes, classes and omissions are the reference's", () =>
  withFolder(async (folder) => {
    const { synsets, pictures, objects } = golden.vg;
    await put(folder, "synsets.txt", synsets.join("\n"));
    await put(folder, "image_data.json", JSON.stringify(pictures));
    for (const split of ["train", "val", "test"]) await put(folder, `${split}.json`, JSON.stringify(objects));
    for (const { url } of pictures) await put(folder, url.split("/").slice(-2).join("/"));
    assertSame(await openVg(folder, "val"), golden.vg);
  }));

Deno.test("ADE20K's boxes, classes and omissions are the reference's, by its numbering", () =>
  withFolder(async (folder) => {
    const { vocabulary, scenes } = golden.ade;
    await put(folder, "objectnames.txt", Object.keys(vocabulary).join("\n"));
    await put(folder, "objectcounts.txt", Object.values(vocabulary).join("\n"));
    await put(folder, "mval.txt", scenes.map(({ path }) => `${path}.jpg`).join("\n"));
    for (const { path, maps, attributes } of scenes) {
      await put(folder, `${path}.jpg`);
      await put(folder, `${path}_atr.txt`, attributes);
      for (const [level, map] of maps.entries()) {
        await writeMap(join(folder, level === 0 ? `${path}_seg.png` : `${path}_parts_${level}.png`), map);
      }
    }
    assertSame(await openAde(folder, "val", { referenceNumbers: true }), golden.ade);
  }));
