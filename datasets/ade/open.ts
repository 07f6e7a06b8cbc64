/**
 * ADE20K as region classification: lists, classes and filtering of the reference
 * (papers/iterative-reasoning.md#ade20k).
 */
import { basename, join } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { requireFolder } from "../../engine/base/files.ts";
import { type OpenHooks, openIndexed } from "../index/cache.ts";
import { type TableDataset, tableDataset } from "../index/dataset.ts";
import { refuseBroken, reportBroken } from "../index/report.ts";
import { type SplitTable, TableBuilder, tableImage } from "../index/table.ts";
import type { Split } from "../types.ts";
import { findImages, type FoundImage, type MissingImage } from "./find.ts";
import { mirroredLabels, readAdeLists } from "./lists.ts";
import { parseAnnotations } from "./parse.ts";
import type { ParseAnswer, ParseSetup } from "./parse_worker.ts";

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
    onMessage: hooks.onMessage,
    cache,
    name: "ade",
    split,
    options: { referenceNumbers },
    sources: lists.files,
    build: async (before) => {
      const found = await findImages(folder, lists, skipBroken);
      return await readAll(folder, found, { classes: lists.classes, referenceNumbers }, before, hooks);
    },
  });
  if (skipBroken) reportBroken(table.findings, hooks);
  else refuseBroken(table.findings);
  if (table.ids.length === 0) {
    const [first] = table.findings.broken;
    throw new UserError(
      `${lists.files[0]}: no image it names can be read, the first is ${first.path}: ${first.reason}`,
    );
  }
  return tableDataset("ade", split, folder, table, mirroredLabels(lists.classes));
}

/**
 * Reads what `before` does not hold unchanged; returns `before` itself where it holds everything. What is broken is noted
 * and passed over, so that the rest need not be read again.
 */
async function readAll(
  folder: string,
  found: readonly (FoundImage | MissingImage)[],
  setup: ParseSetup,
  before: SplitTable | null,
  { onProgress }: OpenHooks,
): Promise<SplitTable> {
  // By path: pictures of different folders may have one name.
  const known = new Map(before?.paths.map((path, i) => [`${path} ${before.stamps[i]}`, i]));
  const keyOf = ({ path, stamp }: FoundImage): string => `${path} ${stamp}`;
  const fresh = found.filter((one): one is FoundImage => "files" in one && !known.has(keyOf(one)));
  if (before && fresh.length === 0 && before.ids.length === found.length) return before;
  const answers = new Map<string, ParseAnswer>();
  if (fresh.length > 0) onProgress?.(0, fresh.length, "annotations");
  await parseAnnotations(fresh.map(({ path, files }) => ({ image: join(folder, path), files })), setup, (answer) => {
    answers.set(fresh[answer.id].path, answer);
    onProgress?.(answers.size, fresh.length, "annotations");
  });
  const builder = new TableBuilder();
  for (const one of found) {
    if ("missing" in one) {
      builder.findings.missing.push(one.missing);
      continue;
    }
    const image = answers.get(one.path) ?? tableImage(before!, known.get(keyOf(one))!);
    if ("reason" in image) builder.findings.broken.push({ path: image.path, reason: image.reason });
    else builder.add({ ...image, id: idOf(one.path), path: one.path, stamp: one.stamp });
  }
  return builder.finish(setup.classes);
}

function idOf(path: string): string {
  return basename(path).replace(/\.[^.]+$/, "");
}
