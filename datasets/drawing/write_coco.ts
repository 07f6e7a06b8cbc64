/** Writes drawn scenes to disk in COCO's layouts, so that COCO's reader can be tried on them. */
import { join } from "node:path";
import { loadSharp } from "../../engine/base/packages/sharp.ts";
import type { DrawnDataset } from "./dataset.ts";

/** Drawn splits that become the parts of the set on disk. */
export interface WrittenSplits {
  readonly train: DrawnDataset;
  readonly val: DrawnDataset;
}

/** An annotation file, the folder of its pictures, what their names begin with, and the images of which split it has. */
interface Part {
  readonly annotations: string;
  readonly images: string;
  readonly prefix: string;
  readonly set: DrawnDataset;
  readonly from: number;
  readonly to: number;
}

/**
 * Writes `annotations/instances_*.json` and the pictures, as lossless PNG, under `folder`. Of 2017 there are train and val;
 * of 2014 train, and val in two halves: minival, and valminusminival, which the reference trains on too. `onImage` is called
 * for each picture written.
 */
export async function writeAsCoco(
  folder: string,
  { train, val }: WrittenSplits,
  onImage: (done: number, of: number) => void = () => {},
  release: 2014 | 2017 = 2017,
): Promise<void> {
  await Deno.mkdir(join(folder, "annotations"), { recursive: true });
  const half = Math.ceil(val.size / 2);
  const all = { from: 0, prefix: "" };
  const of2014 = { images: "images/val2014", prefix: "COCO_val2014_", set: val };
  const parts: readonly Part[] = release === 2017
    ? [
      { ...all, annotations: "train2017", images: "train2017", set: train, to: train.size },
      { ...all, annotations: "val2017", images: "val2017", set: val, to: val.size },
    ]
    : [
      {
        annotations: "train2014",
        images: "images/train2014",
        prefix: "COCO_train2014_",
        set: train,
        from: 0,
        to: train.size,
      },
      { ...of2014, annotations: "minival2014", from: 0, to: half },
      { ...of2014, annotations: "valminusminival2014", from: half, to: val.size },
    ];
  const total = train.size + val.size;
  let done = 0;
  for (const part of parts) {
    await writePart(folder, part, () => onImage(++done, total));
  }
}

async function writePart(
  folder: string,
  { annotations: part, images: pictures, prefix, set, from, to }: Part,
  onImage: () => void,
): Promise<void> {
  await Deno.mkdir(join(folder, pictures), { recursive: true });
  const images = [];
  const annotations = [];
  for (let i = from; i < to; i++) {
    const { width, height, pixels } = set.draw(i);
    const name = `${prefix}${String(i + 1).padStart(12, "0")}.png`;
    await (await loadSharp())(pixels, { raw: { width, height, channels: 3 } }).png().toFile(
      join(folder, pictures, name),
    );
    images.push({ id: i + 1, file_name: name, width, height });
    const { boxes, labels } = set.record(i);
    for (let r = 0; r < labels.length; r++) {
      const [x1, y1, x2, y2] = boxes.subarray(4 * r, 4 * r + 4);
      // Inclusive corners: a box of one pixel has width 1.
      const [w, h] = [x2 - x1 + 1, y2 - y1 + 1];
      annotations.push({
        id: annotations.length + 1,
        image_id: i + 1,
        category_id: labels[r],
        bbox: [x1, y1, w, h],
        area: w * h,
        iscrowd: 0,
      });
    }
    onImage();
  }
  const categories = set.classes.slice(1).map((name, i) => ({ id: i + 1, name }));
  const text = JSON.stringify({ images, annotations, categories });
  await Deno.writeTextFile(join(folder, "annotations", `instances_${part}.json`), text);
}
