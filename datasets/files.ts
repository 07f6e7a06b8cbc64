/** Files and folders, with complaints a person can act on. */
import { basename, dirname } from "node:path";
import { UserError } from "./errors.ts";

/** Whether there is a folder of that name. */
export async function isDirectory(path: string): Promise<boolean> {
  return await Deno.stat(path).then((found) => found.isDirectory, () => false);
}

/** Whether there is anything of that name. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/**
 * The folder of a data set.
 *
 * @throws {UserError} when there is none.
 */
export async function requireFolder(path: string): Promise<void> {
  if (!await isDirectory(path)) {
    throw new UserError(`${path}: there is no such folder; --data names the folder of the set`);
  }
}

/**
 * Lines of a text file without blanks around them, empty ones left out.
 *
 * @throws {UserError} naming the file, with `advice` where it is missing.
 */
export async function readLines(path: string, advice = ""): Promise<string[]> {
  const text = await Deno.readTextFile(path).catch(() => {
    throw new UserError(`${path}: there is no such file, or it cannot be read${advice && `; ${advice}`}`);
  });
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

/** Longest time, in ms, in which a file system gives two changes of a file the same time. */
const TICK = 20;

/**
 * Size and time of the last change of a file, in ms. Waits for the clock where the change is so recent that another could
 * still bear the same time, so that whoever reads the file afterwards can tell it from any later one.
 */
export async function sizeAndTime(path: string): Promise<readonly [size: number, time: number]> {
  const { size, mtime } = await Deno.stat(path);
  const time = mtime?.getTime() ?? 0;
  const age = Date.now() - time;
  if (age >= 0 && age < TICK) await new Promise((resolve) => setTimeout(resolve, TICK - age));
  return [size, time];
}

/** Runs `work` on every item, at most `at` at once; stops at the first error. */
export async function forEachAtOnce<T>(
  items: readonly T[],
  at: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      await work(items[index], index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(at, items.length) }, one));
}

/** Which files are there. A folder is listed once and answers for all its files: quicker than asking for each. */
export class Listing {
  readonly #folders = new Map<string, ReadonlySet<string>>();

  /** Whether the file was there when its folder was first asked about. */
  has(path: string): boolean {
    const folder = dirname(path);
    let names = this.#folders.get(folder);
    if (!names) this.#folders.set(folder, names = namesIn(folder));
    return names.has(basename(path));
  }
}

function namesIn(folder: string): ReadonlySet<string> {
  try {
    return new Set([...Deno.readDirSync(folder)].map(({ name }) => name));
  } catch {
    return new Set();
  }
}
