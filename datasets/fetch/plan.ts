/** Work that a fetch has left: which files are there, which are the user's own, and what the rest takes. */
import { basename, join } from "node:path";
import { z } from "../../engine/base/packages/zod.ts";
import { writeJsonAtomic } from "../../engine/base/atomic.ts";
import { exists, explainReadError } from "../../engine/base/files.ts";
import { UserError } from "../../engine/base/user_error.ts";
import type { SourceFile, SourceRelease, SourceSet } from "./addresses.ts";
import { checksumOf } from "./checksum.ts";
import { readPart } from "./part.ts";
import type { Step } from "./disk_space.ts";

/** A file that is still to be fetched or unpacked. */
export interface Task {
  readonly file: SourceFile;
  /** Path of the archive, or of the file in the set's folder. */
  readonly path: string;
  /** True for an archive of the user's own, which is left where it is. */
  readonly own: boolean;
  /** True where the whole file is at {@link Task.path}. */
  readonly there: boolean;
}

/** Folder of downloads and notes below the set's. */
export function workFolder(folder: string): string {
  return join(folder, ".fetch");
}

/**
 * The files of a release that are not there yet, in order. `archives` are files that the user has downloaded.
 *
 * @throws {UserError} for an archive that is none of the release, for one that wants a registration, and for other contents
 * under the name of a file of the set.
 */
export async function tasksOf(
  set: SourceSet,
  release: SourceRelease,
  folder: string,
  archives: readonly string[],
): Promise<Task[]> {
  for (const path of archives) await requireArchive(path);
  const own = matched(release, archives), tasks: Task[] = [];
  for (const file of release.files) {
    if (file.roots === null) {
      const path = join(folder, file.name);
      if (!await isWhole(file, path)) tasks.push({ file, path, own: false, there: false });
      continue;
    }
    if (await isUnpacked(folder, file)) continue;
    const given = own.get(file.name), path = given ?? join(workFolder(folder), file.name), there = await exists(path);
    if (!there && file.address === null) {
      throw new UserError(
        `${set.title} wants a registration: ask for it at ${
          set.registration ?? set.page
        }, download ${file.name} there, ` +
          `then run: itera data fetch ${set.name} --to ${folder} --archive FILE`,
      );
    }
    tasks.push({ file, path, own: given !== undefined, there });
  }
  return tasks;
}

async function requireArchive(path: string): Promise<void> {
  const { isFile } = await Deno.stat(path).catch((error) => {
    throw explainReadError(path, error);
  });
  if (!isFile) throw new UserError(`${path}: is no file; name the archive that was downloaded`, { path });
}

/** The user's archives by the names of the release's: of the same name, or the only one that is left. */
function matched({ name, files }: SourceRelease, archives: readonly string[]): Map<string, string> {
  const wanted = files.filter(({ roots }) => roots !== null).map((file) => file.name),
    found = new Map<string, string>();
  const others = archives.filter((path) => {
    const own = basename(path);
    if (!wanted.includes(own)) return true;
    found.set(own, path);
    return false;
  });
  const [left, ...more] = wanted.filter((own) => !found.has(own));
  if (others.length === 1 && left !== undefined && more.length === 0) found.set(left, others[0]);
  else if (others.length > 0) {
    throw new UserError(`${others[0]}: is none of release ${name}'s archives, which are ${wanted.join(", ")}`);
  }
  return found;
}

/** True where a file that is taken as it is has the stated contents. */
async function isWhole({ checksum, bytes }: SourceFile, path: string): Promise<boolean> {
  if (!await exists(path)) return false;
  const same = checksum
    ? await checksumOf(path, checksum.algorithm) === checksum.value
    : bytes === null || (await Deno.stat(path)).size === bytes;
  if (same) return true;
  throw new UserError(`${path}: is there with other contents than the set's; move it away or choose another folder`);
}

const doneSchema = z.object({ first: z.string(), last: z.string(), files: z.number() });

const donePath = (folder: string, { name }: SourceFile): string => join(workFolder(folder), `${name}.done.json`);

/** Notes that an archive was unpacked. */
export async function noteUnpacked(folder: string, file: SourceFile, paths: readonly string[]): Promise<void> {
  const done = { first: paths[0], last: paths.at(-1)!, files: paths.length };
  await writeJsonAtomic(donePath(folder, file), done);
}

/** True where an archive was unpacked, and its first and last file are still there. */
async function isUnpacked(folder: string, file: SourceFile): Promise<boolean> {
  try {
    const { first, last } = doneSchema.parse(JSON.parse(await Deno.readTextFile(donePath(folder, file))));
    return await exists(join(folder, first)) && await exists(join(folder, last));
  } catch {
    return false;
  }
}

/** Bytes that a task takes, as far as they are known: `length` is the file's own, null where nobody knows. */
export function stepOf({ file, path, own, there }: Task, length: number | null, keep: boolean): Step {
  const whole = length ?? 0, isArchive = file.roots !== null;
  return {
    download: there ? 0 : Math.max(0, whole - readPart(path).have),
    unpacked: isArchive ? file.unpacked ?? whole : 0,
    removed: isArchive && !own && !keep,
    there: isArchive && !own && there ? whole : 0,
  };
}
