/** The images of a split of ADE20K on disk, and stamps by which changed annotations are found. */
import { join } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { forEachAtOnce, Listing, sizeAndTime } from "../../engine/base/files.ts";
import { type AdeFiles, adeFiles } from "./annotation.ts";
import type { AdeLists } from "./lists.ts";
import { findPictures } from "./pictures.ts";

/** An image of the split, its annotation's files and their stamp. */
export interface FoundImage {
  readonly path: string;
  readonly files: AdeFiles;
  readonly stamp: number;
}

/** An image that is nowhere, by the path it should have. */
export interface MissingImage {
  readonly missing: string;
}

/**
 * Looks up every image that the lists name.
 *
 * @throws {UserError} naming a picture that is not there, unless `skipBroken`, and where none is.
 */
export async function findImages(
  folder: string,
  lists: AdeLists,
  skipBroken: boolean,
): Promise<(FoundImage | MissingImage)[]> {
  const listing = new Listing();
  const pictures = await findPictures(folder, lists.pictures, listing);
  const named = `is named in ${lists.files[0]} but missing`;
  if (pictures.every((path) => path === null)) {
    throw new UserError(
      `${join(folder, lists.pictures[0])}: ${named}, and so are all others; --data names the folder above images/`,
    );
  }
  const found: (FoundImage | MissingImage)[] = [];
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
