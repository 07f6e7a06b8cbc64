/** Writes drawn scenes to disk in the layouts of ADE20K's releases of 2016 and 2021, with the reference's lists. */
import { join } from "node:path";
import { loadSharp } from "../../engine/base/packages/sharp.ts";
import type { DrawnDataset } from "./dataset.ts";
import { writeAdeJson } from "./write_ade_json.ts";
import type { WrittenSplits } from "./write_coco.ts";

/**
 * Writes pictures, `_seg.png` (classes in red and green, instances in blue) and names, the lists train, val, mval (its
 * first half) and mtest (its second half), and the vocabulary with counts. The release of 2016 has `_atr.txt` below
 * `images/training` and `images/validation`; that of 2021 has `.json` and a mask for each instance below `images/ADE`,
 * while the lists keep the paths of 2016, as the reference's do. Scenes name the folders, as ADE's do. `onImage` is called
 * for each picture written.
 */
export async function writeAsAde(
  folder: string,
  splits: WrittenSplits,
  onImage: (done: number, of: number) => void = () => {},
  release: 2016 | 2021 = 2016,
): Promise<void> {
  const total = splits.train.size + splits.val.size;
  let done = 0;
  const lists: string[][] = [];
  for (const [part, code, set] of [["training", "train", splits.train], ["validation", "val", splits.val]] as const) {
    const list: string[] = [];
    for (let i = 0; i < set.size; i++) {
      const scene = set.place(i);
      const stem = `ADE_${code}_${String(i + 1).padStart(8, "0")}`;
      const listed = `images/${part}/${scene[0]}/${scene}`;
      await writeImage(join(folder, release === 2016 ? listed : `images/ADE/${part}/${scene}`), stem, set, i, release);
      list.push(`${listed}/${stem}.jpg`);
      onImage(++done, total);
    }
    lists.push(list);
  }
  const [train, val] = lists;
  const half = Math.ceil(val.length / 2);
  const files = { train, val, mval: val.slice(0, half), mtest: val.slice(half) };
  for (const [name, list] of Object.entries(files)) {
    await Deno.writeTextFile(join(folder, `${name}.txt`), list.map((line) => `${line}\n`).join(""));
  }
  await writeVocabulary(folder, splits.train);
}

async function writeImage(
  folder: string,
  stem: string,
  set: DrawnDataset,
  index: number,
  release: 2016 | 2021,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const image = set.draw(index);
  const { width, height, pixels, regions } = image;
  const raw = { raw: { width, height, channels: 3 as const } };
  const sharp = await loadSharp();
  await sharp(pixels, raw).jpeg({ quality: 95 }).toFile(join(folder, `${stem}.jpg`));
  const { labels } = set.record(index);
  const segmentation = new Uint8Array(width * height * 3);
  regions.forEach((region, at) => {
    if (region === 0) return;
    const label = labels[region - 1];
    segmentation.set([Math.floor(label / 256) * 10, label % 256, region], 3 * at);
  });
  await sharp(segmentation, raw).png().toFile(join(folder, `${stem}_seg.png`));
  const names = Array.from(labels, (label) => set.classes[label]);
  if (release === 2016) await writeAttributes(join(folder, `${stem}_atr.txt`), names);
  else await writeAdeJson(folder, stem, names, image);
}

/** Instance number, part level, occluded, class as WordNet has it, raw name, attributes. */
async function writeAttributes(path: string, names: readonly string[]): Promise<void> {
  const lines = names.map((name, r) => `${String(r + 1).padStart(3, "0")} # 0 # 0 # ${name} # ${name} # ""\n`);
  await Deno.writeTextFile(path, lines.join(""));
}

/** Names with a trailing blank, a dash first, and aligned counts over the training images. */
async function writeVocabulary(folder: string, set: DrawnDataset): Promise<void> {
  const counts = new Int32Array(set.classes.length);
  for (let i = 0; i < set.size; i++) for (const label of set.record(i).labels) counts[label]++;
  const order = set.classes.map((_, c) => c).slice(1).sort((a, b) => set.classes[a] < set.classes[b] ? -1 : 1);
  await Deno.writeTextFile(
    join(folder, "objectnames.txt"),
    ["-", ...order.map((c) => set.classes[c])].map((n) => `${n} \n`).join(""),
  );
  await Deno.writeTextFile(
    join(folder, "objectcounts.txt"),
    [1, ...order.map((c) => counts[c])].map((n) => `${n}\n`).join(""),
  );
}
