/** COCO instances as region classification, by the reference's rules (papers/iterative-reasoning.md#coco). */
import { join, sep } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { inMebibytes, type OpenHooks, openIndexed } from "../index/cache.ts";
import { type TableDataset, tableDataset } from "../index/dataset.ts";
import { locatePictures, refuseBroken, reportBroken, requirePictures } from "../index/report.ts";
import { noteBroken, type SplitTable, TableBuilder, tally } from "../index/table.ts";
import type { Split } from "../types.ts";
import { readInstances } from "./instances.ts";
import { type CocoPart, findParts } from "./layout.ts";
import { readOriginals } from "./originals.ts";
import { classNames, type CocoRules, labelsById, regionsOf } from "./regions.ts";

/** Options of {@link openCoco}. */
export interface CocoOptions {
  /** Keep crowd annotations, as the reference does; default true. */
  readonly crowd?: boolean;
  /** Move boxes whose first corner lies outside into the picture, as the reference does; default false: they are cut. */
  readonly moveBoxes?: boolean;
  /** Folder to keep the parsed split in. */
  readonly cache?: string | undefined;
  /**
   * Name and leave out annotations that are broken; images named in the annotations but missing on disk are left to the
   * loader to skip. Default false: both are errors.
   */
  readonly skipBroken?: boolean;
}

/**
 * Opens a split of COCO under `folder` (`annotations/instances_*.json` and the image folders).
 *
 * @throws {UserError} naming the folder, the file or the field that is wrong.
 */
export async function openCoco(
  folder: string,
  split: Split,
  options: CocoOptions = {},
  hooks: OpenHooks = {},
): Promise<TableDataset> {
  const { crowd = true, moveBoxes = false, cache, skipBroken = false } = options;
  const parts = await findParts(folder, split);
  const table = await openIndexed({
    data: folder,
    onMessage: hooks.onMessage,
    cache,
    name: "coco",
    split,
    options: { crowd, moveBoxes, images: parts.map(({ images }) => images) },
    sources: parts.map(({ annotations }) => join(folder, annotations)),
    build: async (before) => before ?? await readParts(folder, parts, { crowd, moveBoxes }, hooks),
  });
  const located = locatePictures(folder, table);
  if (skipBroken) reportBroken(table.findings, hooks);
  else {
    refuseBroken(table.findings);
    requirePictures(folder, located.missing, (picture) => {
      const part = parts.find(({ images }) => picture.startsWith(images + sep)) ?? parts[0];
      return join(folder, part.annotations);
    });
  }
  const { table: found } = located;
  return {
    ...tableDataset("coco", split, folder, found),
    originals: () => readOriginals(folder, parts, { crowd, moveBoxes }, found),
  };
}

async function readParts(
  folder: string,
  parts: readonly CocoPart[],
  rules: CocoRules,
  hooks: OpenHooks,
): Promise<SplitTable> {
  const builder = new TableBuilder();
  let classes: string[] | undefined;
  for (const { annotations, images } of parts) {
    const file = join(folder, annotations);
    const onBroken = (reason: string) => noteBroken(builder.findings, file, reason);
    const set = await readInstances(file, onBroken, inMebibytes(hooks));
    const names = classNames(set);
    if (classes && String(classes) !== String(names)) {
      throw new UserError(`${file}: has other categories than ${join(folder, parts[0].annotations)}`);
    }
    classes = names;
    for (const id of set.repeated.first) tally(builder.findings.repeated, id);
    builder.findings.repeated.count += set.repeated.count - set.repeated.first.length;
    const labels = labelsById(set);
    for (const image of set.images) {
      const { id } = image;
      const regions = regionsOf(set, image, labels, rules, (fault) => tally(builder.findings[fault], id));
      builder.add({
        ...image,
        path: join(images, image.file_name),
        boxes: regions.flatMap(({ box }) => box),
        labels: regions.map(({ label }) => label),
      });
    }
  }
  return builder.finish(classes!);
}
