/** Visual Genome as region classification, by the reference's rules (papers/iterative-reasoning.md#visual-genome). */
import { requireFolder } from "../../engine/base/files.ts";
import { inMebibytes, type OpenHooks, openIndexed } from "../index/cache.ts";
import { type TableDataset, tableDataset } from "../index/dataset.ts";
import { NumberList } from "../index/numbers.ts";
import { locatePictures, refuseBroken, reportBroken, requirePictures } from "../index/report.ts";
import { noteBroken, type SplitTable, TableBuilder, tally } from "../index/table.ts";
import type { Split } from "../types.ts";
import { readObjects, readPictures, type VgObjects, type VgPicture } from "./files.ts";
import { countedClasses, findVgFiles, readSynsets, rebuiltSplit, type VgFiles } from "./split.ts";

/** Options of {@link openVg}. */
export interface VgOptions {
  /** Folder to keep the parsed split in. */
  readonly cache?: string | undefined;
  /** Name and leave out what is broken; images missing on disk are left to the loader to skip. Default false: an error. */
  readonly skipBroken?: boolean;
  /** Keep the first line of synsets.txt, which the reference drops; default false. */
  readonly keepFirstSynset?: boolean;
}

/**
 * Opens a split of Visual Genome under `folder`: `image_data.json`, the pictures in `VG_100K` and `VG_100K_2`, and either
 * the reference's `train.json`, `val.json`, `test.json` and `synsets.txt`, or the published `objects.json`.
 *
 * @throws {UserError} naming the folder, the file or the field that is wrong.
 */
export async function openVg(
  folder: string,
  split: Split,
  options: VgOptions = {},
  hooks: OpenHooks = {},
): Promise<TableDataset> {
  const { cache, skipBroken = false, keepFirstSynset = false } = options;
  await requireFolder(folder);
  const files = await findVgFiles(folder, split);
  const { pictures, objects, training, whole, synsets } = files;
  if (whole) {
    hooks.onMessage?.(
      "Visual Genome's published files name no split: images are shuffled and cut 80/10/10; this is not the authors' split",
    );
  }
  if (synsets === null) {
    hooks.onMessage?.("there is no synsets.txt: classes are counted, this is not the authors' list");
  }
  const table = await openIndexed({
    data: folder,
    onMessage: hooks.onMessage,
    cache,
    name: "vg",
    split,
    options: { keepFirstSynset },
    sources: [...new Set([pictures, objects, ...synsets === null ? [training] : [synsets]])],
    build: async (before) => before ?? await readSplit(files, split, keepFirstSynset, hooks),
  });
  const located = locatePictures(folder, table);
  if (skipBroken) reportBroken(table.findings, hooks);
  else {
    refuseBroken(table.findings);
    requirePictures(folder, located.missing, () => pictures);
  }
  return tableDataset("vg", split, folder, located.table);
}

/** Regions of the split's images, with every synset by a number of its own until the classes are known. */
class Regions {
  readonly images: { readonly id: number; readonly picture: VgPicture; readonly regions: number }[] = [];
  readonly boxes = new NumberList(Uint16Array);
  readonly synsets = new NumberList(Uint32Array);
  readonly names = new Map<string, number>();

  add({ image_id: id, objects }: VgObjects, picture: VgPicture, { findings }: TableBuilder): void {
    const before = this.synsets.length;
    for (const { x, y, w, h, synsets } of objects) {
      const x1 = Math.max(x, 0), y1 = Math.max(y, 0);
      const x2 = Math.min(x + w - 1, picture.width - 1), y2 = Math.min(y + h - 1, picture.height - 1);
      // Fractions count here, and are cut off afterwards, as in the reference.
      if (x1 > x2 || y1 > y2) {
        tally(findings.dropped, String(id));
        continue;
      }
      if (x < 0 || y < 0 || x + w > picture.width || y + h > picture.height) tally(findings.clipped, String(id));
      for (const synset of synsets) {
        const name = synset.trim();
        let number = this.names.get(name);
        if (number === undefined) this.names.set(name, number = this.names.size);
        this.boxes.push(...[x1, y1, x2, y2].map(Math.trunc));
        this.synsets.push(number);
      }
    }
    this.images.push({ id, picture, regions: this.synsets.length - before });
  }
}

async function readSplit(
  { pictures: pictureFile, objects, training, whole, synsets }: VgFiles,
  split: Split,
  keepFirst: boolean,
  hooks: OpenHooks,
): Promise<SplitTable> {
  const pictures = await readPictures(pictureFile);
  const own = whole ? rebuiltSplit(pictures.keys(), split) : null;
  const trained = whole ? rebuiltSplit(pictures.keys(), "train") : null;
  const builder = new TableBuilder();
  const found = new Regions();
  const counts = new Map<string, number>();
  const counting = synsets === null;
  const count = ({ image_id, objects }: VgObjects): void => {
    if (!counting || trained && !trained.has(image_id)) return;
    for (const { synsets } of objects) {
      for (const synset of synsets) counts.set(synset.trim(), (counts.get(synset.trim()) ?? 0) + 1);
    }
  };
  const seen = new Set<number>(), twice = new Set<number>();
  const broken = (path: string) => (reason: string) => noteBroken(builder.findings, path, reason);
  await readObjects(
    objects,
    (image) => {
      const picture = pictures.get(image.image_id), again = seen.size === seen.add(image.image_id).size;
      if (!again && training === objects) count(image);
      if (again) {
        twice.add(image.image_id);
        broken(objects)(`image ${image.image_id} is there twice: whose are the objects?`);
      } else if (!picture) broken(objects)(`image ${image.image_id} is not in ${pictureFile}`);
      else if (!own || own.has(image.image_id)) found.add(image, picture, builder);
    },
    broken(objects),
    inMebibytes(hooks),
  );
  if (counting && training !== objects) await readObjects(training, count, broken(training));
  const classes = synsets === null ? countedClasses(counts) : await readSynsets(synsets, keepFirst);
  return tableOf(found, twice, builder, classes);
}

/** Known synsets become labels, the others are named; images that are there `twice` are left out. */
function tableOf(
  found: Regions,
  twice: ReadonlySet<number>,
  builder: TableBuilder,
  classes: readonly string[],
): SplitTable {
  const labelOf = new Map(classes.map((name, label) => [name, label]));
  const names = [...found.names.keys()];
  const labels = names.map((name) => labelOf.get(name) ?? 0);
  let region = 0;
  for (const { id, picture, regions } of found.images) {
    if (twice.has(id)) {
      region += regions;
      continue;
    }
    const image = { boxes: [] as number[], labels: [] as number[], unknown: [] as string[] };
    for (const end = region + regions; region < end; region++) {
      const synset = found.synsets.at(region);
      if (labels[synset] === 0) image.unknown.push(names[synset]);
      else {
        image.labels.push(labels[synset]);
        for (let c = 0; c < 4; c++) image.boxes.push(found.boxes.at(4 * region + c));
      }
    }
    builder.add({ id: String(id), ...picture, ...image });
  }
  return builder.finish(classes);
}
