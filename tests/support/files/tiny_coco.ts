/** A data set in COCO's layout that is small enough to train on within a test. */
import { join } from "node:path";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";

const sharp = await loadSharp();

const COLOURS = [[220, 40, 40], [40, 200, 60], [50, 60, 220]] as const;

/** Writes `images` pictures of coloured squares for training and two for validation under `folder`. */
export async function writeTinyCoco(folder: string, images = 6): Promise<void> {
  await Deno.mkdir(join(folder, "annotations"), { recursive: true });
  for (const [split, count] of [["train", images], ["val", 2]] as const) {
    const pictures = join(folder, `${split}2017`);
    await Deno.mkdir(pictures);
    const set = {
      images: [] as unknown[],
      annotations: [] as unknown[],
      categories: [{ id: 2, name: "red" }, { id: 5, name: "green" }, { id: 9, name: "dark blue" }],
    };
    for (let i = 0; i < count; i++) {
      const pixels = new Uint8Array(48 * 40 * 3).fill(128);
      set.images.push({ id: i + 1, file_name: `${i}.png`, width: 48, height: 40 });
      for (let b = 0; b < 2; b++) {
        const [colour, x, y] = [(i + b) % 3, 2 + 22 * b + i % 4, 6 + i * 2];
        for (let v = y; v < y + 14; v++) for (let u = x; u < x + 16; u++) pixels.set(COLOURS[colour], (v * 48 + u) * 3);
        set.annotations.push({
          id: 2 * i + b,
          image_id: i + 1,
          category_id: [2, 5, 9][colour],
          bbox: [x, y, 16, 14],
          area: 16 * 14,
          iscrowd: 0,
        });
      }
      await sharp(pixels, { raw: { width: 48, height: 40, channels: 3 } }).png().toFile(join(pictures, `${i}.png`));
    }
    await Deno.writeTextFile(join(folder, "annotations", `instances_${split}2017.json`), JSON.stringify(set));
  }
}

/** Settings of a run on it that takes seconds. */
export const TINY = {
  dataset: { dataset: "coco" },
  image: { shortSide: 40, longSide: 64 },
  steps: 12,
  displayEvery: 3,
  checkpointEvery: 4,
} as const;
