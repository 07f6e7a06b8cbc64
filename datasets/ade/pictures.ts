/** Paths of the pictures of ADE20K's lists, in either release. */
import { basename, join } from "node:path";
import { Spelling } from "../index/spelling.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { isDirectory, type Listing } from "../../engine/base/files.ts";

/**
 * The file of each picture below `folder`, null where it is nowhere. The lists have the paths of 2016
 * (`images/training/s/street/ADE_train_00016869.jpg`); the release of 2021 has the same names in other folders
 * (`images/ADE/training/urban/street/`), where a picture is looked for by its name.
 */
export async function findPictures(
  folder: string,
  listed: readonly string[],
  listing: Listing,
): Promise<(string | null)[]> {
  const elsewhere = await isDirectory(join(folder, "images", "ADE"))
    ? await picturesBelow(folder, join("images", "ADE"))
    : new Map<string, readonly string[]>();
  const spelling = new Spelling(folder);
  return listed.map((path) =>
    listing.has(join(folder, path)) ? path : only(folder, elsewhere.get(basename(path))) ?? spelling.find(path)
  );
}

/** The one picture of a name; null where there is none. Throws {@link UserError} where it cannot be said which. */
function only(folder: string, paths: readonly string[] = []): string | null {
  if (paths.length < 2) return paths[0] ?? null;
  throw new UserError(`${join(folder, paths[0])}: ${join(folder, paths[1])} has the same name; keep one of them`);
}

/** Pictures by name, with their paths below `folder`. The folders of instance masks beside them hold none. */
async function picturesBelow(folder: string, inside: string): Promise<Map<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  const walk = async (path: string): Promise<void> => {
    const entries = await Array.fromAsync(Deno.readDir(join(folder, path)));
    const stems = new Set<string>();
    for (const { name } of entries) {
      if (!name.endsWith(".jpg")) continue;
      found.set(name, [...found.get(name) ?? [], join(path, name)]);
      stems.add(name.slice(0, -".jpg".length));
    }
    for (const { name, isDirectory } of entries) if (isDirectory && !stems.has(name)) await walk(join(path, name));
  };
  await walk(inside);
  return found;
}
