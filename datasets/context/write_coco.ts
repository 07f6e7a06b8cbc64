/** Writes context scenes to disk in COCO's layout, so that COCO's reader can be tried on them. */
import { join } from "node:path";
import sharp from "sharp";
import type { ContextDataset } from "./dataset.ts";
import { drawContext } from "./draw.ts";

/** Which context split becomes which part of the set on disk. */
export interface WrittenSplits {
  readonly train: ContextDataset;
  readonly val: ContextDataset;
}

/**
 * Writes `annotations/instances_{train,val}2017.json` and the pictures, as lossless PNG, under `folder`. `onImage` is told
 * of each picture written.
 */
export async function writeContextAsCoco(
  folder: string,
  splits: WrittenSplits,
  onImage: (done: number, of: number) => void = () => {},
): Promise<void> {
  await Deno.mkdir(join(folder, "annotations"), { recursive: true });
  const total = splits.train.size + splits.val.size;
  let done = 0;
  let annotationId = 1;
  for (const [part, set] of [["train2017", splits.train], ["val2017", splits.val]] as const) {
    await Deno.mkdir(join(folder, part), { recursive: true });
    const images = [];
    const annotations = [];
    for (let i = 0; i < set.size; i++) {
      const { width, height, pixels } = drawContext(set.options, i, set.tables);
      const name = `${String(i + 1).padStart(12, "0")}.png`;
      await sharp(pixels, { raw: { width, height, channels: 3 } }).png().toFile(join(folder, part, name));
      images.push({ id: i + 1, file_name: name, width, height });
      const { boxes, labels } = set.record(i);
      for (let r = 0; r < labels.length; r++) {
        const [x1, y1, x2, y2] = boxes.subarray(4 * r, 4 * r + 4);
        // Inclusive corners: a box of one pixel has width 1.
        const [w, h] = [x2 - x1 + 1, y2 - y1 + 1];
        annotations.push({
          id: annotationId++,
          image_id: i + 1,
          category_id: labels[r],
          bbox: [x1, y1, w, h],
          area: w * h,
          iscrowd: 0,
        });
      }
      onImage(++done, total);
    }
    const categories = set.classes.slice(1).map((name, i) => ({ id: i + 1, name }));
    const text = JSON.stringify({ images, annotations, categories });
    await Deno.writeTextFile(join(folder, "annotations", `instances_${part}.json`), text);
  }
}
