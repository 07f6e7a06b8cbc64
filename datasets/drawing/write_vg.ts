/** Writes drawn scenes to disk in Visual Genome's layout, with split and class files of the reference's form. */
import { join } from "node:path";
import { loadSharp } from "../../engine/base/packages/sharp.ts";
import type { DrawnDataset } from "./dataset.ts";
import type { WrittenSplits } from "./write_coco.ts";

/** Beginning of every picture's address, as in the reference's files. */
const ADDRESS = "https://cs.stanford.edu/people/rak248";

/**
 * Writes `image_data.json`, `train.json`, `val.json` (the first half of the validation scenes), `test.json` (the second),
 * `synsets.txt` with a line that is dropped first, and the pictures, as PNG, in `VG_100K` and `VG_100K_2`. A class `cat`
 * becomes the synset `cat.n.01`. `onImage` is called for each picture written.
 */
export async function writeAsVg(
  folder: string,
  { train, val }: WrittenSplits,
  onImage: (done: number, of: number) => void = () => {},
): Promise<void> {
  const half = Math.ceil(val.size / 2);
  const parts = [["train", train, 0, train.size], ["val", val, 0, half], ["test", val, half, val.size]] as const;
  const pictures: unknown[] = [];
  for (const [name, set, from, to] of parts) {
    const images = [];
    for (let i = from; i < to; i++) {
      const id = pictures.length + 1;
      const inside = name === "train" ? "VG_100K" : "VG_100K_2";
      pictures.push(await writePicture(folder, inside, id, set, i));
      images.push({ image_id: id, objects: objectsOf(set, i) });
      onImage(id, train.size + val.size);
    }
    await Deno.writeTextFile(join(folder, `${name}.json`), JSON.stringify(images));
  }
  await Deno.writeTextFile(join(folder, "image_data.json"), JSON.stringify(pictures));
  const counts = new Int32Array(train.classes.length);
  for (let i = 0; i < train.size; i++) for (const label of train.record(i).labels) counts[label]++;
  const lines = train.classes.slice(1).map((name, c) => `${name}.n.01:${counts[c + 1]}`);
  await Deno.writeTextFile(join(folder, "synsets.txt"), ["-:1", ...lines].map((line) => `${line}\n`).join(""));
}

async function writePicture(folder: string, inside: string, id: number, set: DrawnDataset, index: number) {
  await Deno.mkdir(join(folder, inside), { recursive: true });
  const { width, height, pixels } = set.draw(index);
  await (await loadSharp())(pixels, { raw: { width, height, channels: 3 } }).png().toFile(
    join(folder, inside, `${id}.png`),
  );
  return { image_id: id, url: `${ADDRESS}/${inside}/${id}.png`, width, height };
}

function objectsOf(set: DrawnDataset, index: number) {
  const { boxes, labels } = set.record(index);
  return Array.from(labels, (label, r) => {
    const [x1, y1, x2, y2] = boxes.subarray(4 * r, 4 * r + 4);
    const name = set.classes[label];
    return { object_id: r, x: x1, y: y1, w: x2 - x1 + 1, h: y2 - y1 + 1, names: [name], synsets: [`${name}.n.01`] };
  });
}
