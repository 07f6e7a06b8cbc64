/** ADE20K as region classification: lists, classes and filtering of the reference (specification 6.1). */
import { basename, join } from "node:path";
import { UserError } from "../errors.ts";
import { forEachAtOnce, Listing, requireFolder, sizeAndTime } from "../files.ts";
import { type OpenHooks, openIndexed } from "../index/cache.ts";
import { type TableDataset, tableDataset } from "../index/dataset.ts";
import { tellBroken } from "../index/report.ts";
import { type SplitTable, TableBuilder, tableImage } from "../index/table.ts";
import type { Split } from "../types.ts";
import { type AdeFiles, adeFiles } from "./annotation.ts";
import { type AdeLists, mirroredLabels, readAdeLists } from "./lists.ts";
import { parseAnnotations } from "./parse.ts";
import type { ParsedImage } from "./parse_worker.ts";
import { findPictures } from "./pictures.ts";

/** Options of {@link openAde}. */
export interface AdeOptions {
  /** Folder of the lists; the set's own by default. */
  readonly lists?: string | undefined;
  /** Folder to keep the parsed split in. */
  readonly cache?: string | undefined;
  /** Name and leave out images that are missing or whose annotation is broken; default false: an error. */
  readonly skipBroken?: boolean;
  /** Number instances as the reference does, see {@link AdeAnnotationOptions}; default false. */
  readonly referenceNumbers?: boolean;
}

/** An image of the split, its annotation's files and their stamp; or where it should be. */
type Found =
  | { readonly path: string; readonly files: AdeFiles; readonly stamp: number }
  | { readonly missing: string };

/**
 * Opens a split of ADE20K under `folder`, the release of 2016 or of 2021: `train` by train.txt, `val` by mval.txt, `test`
 * by mtest.txt. The first time, all annotations are read in threads; later their sizes and times of change are compared,
 * and only those that changed are read again.
 *
 * @throws {UserError} naming the folder, the list, the picture or the annotation that is missing or wrong.
 */
export async function openAde(
  folder: string,
  split: Split,
  options: AdeOptions = {},
  hooks: OpenHooks = {},
): Promise<TableDataset> {
  const { lists: where = folder, cache, skipBroken = false, referenceNumbers = false } = options;
  await requireFolder(folder);
  const lists = await readAdeLists(where, split);
  const table = await openIndexed({
    data: folder,
    cache,
    name: "ade",
    split,
    options: { referenceNumbers },
    sources: lists.files,
    build: async (before) => {
      const found = await findAll(folder, lists, skipBroken);
      return await readAll(folder, found, lists.classes, { before, referenceNumbers, skipBroken }, hooks);
    },
  });
  tellBroken(table.findings, hooks);
  if (table.ids.length === 0) {
    const [first] = table.findings.broken;
    throw new UserError(
      `${lists.files[0]}: no image it names can be read, the first is ${first.path}: ${first.reason}`,
    );
  }
  return tableDataset("ade", split, folder, table, mirroredLabels(lists.classes));
}

/** Looks every image up: its picture, its annotation's files, and what tells whether these have changed. */
async function findAll(folder: string, lists: AdeLists, skipBroken: boolean): Promise<Found[]> {
  const listing = new Listing();
  const pictures = await findPictures(folder, lists.pictures, listing);
  const named = `is named in ${lists.files[0]} but missing`;
  if (pictures.every((path) => path === null)) {
    throw new UserError(
      `${join(folder, lists.pictures[0])}: ${named}, and so are all others; --data names the folder above images/`,
    );
  }
  const found: Found[] = [];
  await forEachAtOnce(pictures, 64, async (path, i) => {
    if (path === null) {
      const missing = join(folder, lists.pictures[i]);
      if (!skipBroken) throw new UserError(`${missing}: ${named}; --skip-broken leaves such images out`);
      found[i] = { missing };
      return;
    }
    const files = await adeFiles(join(folder, path), (file) => listing.has(file));
    found[i] = { path, files, stamp: await stampOf([...files.maps, files.names]) };
  });
  return found;
}

/** A number that differs when a file's size or time of change does, or when files come or go. */
async function stampOf(files: readonly string[]): Promise<number> {
  let [low, high] = [0x811c9dc5, files.length];
  for (const file of files) {
    const [size, time] = await sizeAndTime(file).catch(() => [-1, 0]);
    for (const word of [size, time, time / 2 ** 32]) {
      low = Math.imul(low ^ word, 0x01000193);
      high = Math.imul(high ^ low ^ (low >>> 15), 0x2c1b3c6d);
    }
  }
  return (low >>> 0) * 2 ** 20 + ((high >>> 0) >>> 12);
}

/** Reads what `before` does not hold unchanged; returns `before` itself where it holds everything. */
async function readAll(
  folder: string,
  found: readonly Found[],
  classes: readonly string[],
  { before, referenceNumbers, skipBroken }: {
    readonly before: SplitTable | null;
    readonly referenceNumbers: boolean;
    readonly skipBroken: boolean;
  },
  { onProgress }: OpenHooks,
): Promise<SplitTable> {
  const known = new Map(before?.ids.map((id, i) => [`${id} ${before.stamps[i]}`, i]));
  const keyOf = (one: Found): string => "files" in one ? `${idOf(one.path)} ${one.stamp}` : "";
  const fresh = found.filter((one) => "files" in one && !known.has(keyOf(one))) as Extract<Found, { files: unknown }>[];
  if (before && fresh.length === 0 && before.ids.length === found.length) return before;
  const parsed = new Map<string, ParsedImage>();
  const broken = new Map<string, { readonly path: string; readonly reason: string }>();
  let done = 0;
  if (fresh.length > 0) onProgress?.(0, fresh.length, "annotations");
  await parseAnnotations(
    fresh.map(({ path, files }) => ({ image: join(folder, path), files })),
    { classes, referenceNumbers },
    (answer) => {
      const { path } = fresh[answer.id];
      if ("reason" in answer) {
        if (!skipBroken) throw new UserError(`${answer.path}: ${answer.reason}; --skip-broken leaves such images out`);
        broken.set(path, answer);
      } else parsed.set(path, answer);
      onProgress?.(++done, fresh.length, "annotations");
    },
  );
  const builder = new TableBuilder();
  for (const one of found) {
    if ("missing" in one) {
      builder.findings.missing.push(one.missing);
      continue;
    }
    const failed = broken.get(one.path);
    if (failed) builder.findings.broken.push({ path: failed.path, reason: failed.reason });
    else {
      const image = parsed.get(one.path) ?? tableImage(before!, known.get(keyOf(one))!);
      builder.add({ ...image, id: idOf(one.path), path: one.path, stamp: one.stamp });
    }
  }
  return builder.finish(classes);
}

function idOf(path: string): string {
  return basename(path).replace(/\.[^.]+$/, "");
}
