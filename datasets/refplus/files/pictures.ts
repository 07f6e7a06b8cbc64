/** The pictures of a split, in the order of their numbers. */
import { join } from "node:path";
import { UserError } from "../../../engine/base/user_error.ts";

/**
 * Paths of the PNG files of a folder by the number after the last `_` of their names, which must be 0, 1, 2 and so on.
 *
 * @throws {UserError} when the folder is not there, has none, or a number is missing or there twice.
 */
export async function listPictures(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (name.endsWith(".png") && !name.startsWith(".")) names.push(name);
    }
  } catch {
    throw new UserError(`${folder}: there is no such folder of pictures`, { path: folder });
  }
  if (names.length === 0) throw new UserError(`${folder}: has no PNG pictures`, { path: folder });
  const paths: string[] = [];
  for (const name of names) {
    const number = Number(/_(\d+)\.png$/.exec(name)?.[1] ?? NaN);
    const path = join(folder, name);
    if (Number.isNaN(number)) throw new UserError(`${path}: its name does not end in _ and a number`, { path });
    if (paths[number] !== undefined) throw new UserError(`${path}: ${paths[number]} has the same number`, { path });
    paths[number] = path;
  }
  // As many as there are names: a number beyond them leaves some earlier one out, and may be of any size.
  const missing = names.findIndex((_, number) => paths[number] === undefined);
  if (missing >= 0) throw new UserError(`${folder}: picture ${missing} is missing; rows are numbered by pictures`);
  return paths;
}
