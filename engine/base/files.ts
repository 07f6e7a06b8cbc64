/** Files and folders, with complaints a person can act on. */
import { basename, dirname } from "node:path";
import { UserError } from "./user_error.ts";

/** True where there is a folder of that name. */
export async function isDirectory(path: string): Promise<boolean> {
  return await Deno.stat(path).then((found) => found.isDirectory, () => false);
}

/** True where there is anything of that name. */
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

/** Message about a missing file, where a reader has no better one. */
const MISSING = "there is no such file";

/**
 * Opens a file to read.
 *
 * @throws {UserError} naming the file, with `missing` where there is none.
 */
export async function openFile(path: string, missing = MISSING): Promise<Deno.FsFile> {
  let file: Deno.FsFile;
  try {
    const found = await Deno.stat(path);
    // Opened, a pipe that nobody writes to would be waited for without end.
    if (found.isFifo) throw new UserError(`${path}: is a pipe, not a file; store it in one`, { path });
    refuseDevice(path, found);
    file = await Deno.open(path);
  } catch (error) {
    throw error instanceof UserError ? error : explainReadError(path, error, missing);
  }
  // A folder can be opened too; it fails only when it is read.
  if (!file.statSync().isDirectory) return file;
  file.close();
  throw isFolder(path);
}

/** Throws where there is something else than a file: a pipe that nobody writes to would be waited for without end. */
export async function requireFile(path: string): Promise<void> {
  if (!(await Deno.stat(path)).isFile) throw new Error("is no file but a folder, a pipe or a device");
}

/**
 * All bytes of a file that is read as a whole. A device may have no end, and a pipe that nobody writes to no beginning.
 *
 * @throws {UserError} naming the file, with `missing` where there is none.
 */
export async function readBytes(path: string, missing = MISSING): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const { isFile, isDirectory } = await Deno.stat(path);
    if (isDirectory) throw isFolder(path);
    if (!isFile) throw new UserError(`${path}: is a pipe or a device, not a file; store it in one`, { path });
    return await Deno.readFile(path);
  } catch (error) {
    throw error instanceof UserError ? error : explainReadError(path, error, missing);
  }
}

/**
 * The text of a file.
 *
 * @throws {UserError} naming the file, with `missing` where there is none, and the line of what is no UTF-8.
 */
export async function readText(path: string, missing = MISSING): Promise<string> {
  try {
    refuseDevice(path, await Deno.stat(path));
    return decodeText(path, await Deno.readFile(path));
  } catch (error) {
    throw error instanceof UserError ? error : explainReadError(path, error, missing);
  }
}

/** The same at once, for where nothing may happen in between. */
export function readTextSync(path: string, missing = MISSING): string {
  try {
    refuseDevice(path, Deno.statSync(path));
    return decodeText(path, Deno.readFileSync(path));
  } catch (error) {
    throw error instanceof UserError ? error : explainReadError(path, error, missing);
  }
}

/** Throws {@link UserError} for a device: some have no end. A pipe's ends with its writer. */
export function refuseDevice(path: string, { isCharDevice, isBlockDevice }: Deno.FileInfo): void {
  if (isCharDevice || isBlockDevice) throw new UserError(`${path}: is a device, not a file; store it in one`, { path });
}

/** Names with a letter replaced by a mark of what cannot be read would pass for others. A byte order mark is kept, and seen. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text of a file's bytes.
 *
 * @throws {UserError} naming the file and the line of what is no UTF-8.
 */
export function decodeText(path: string, bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new UserError(`${path}:${1 + wholeLines(bytes)}: a character is not UTF-8; save the file as UTF-8`, { path });
  }
}

/** Lines before the first that is not UTF-8. */
function wholeLines(bytes: Uint8Array): number {
  for (let line = 0, at = 0;; line++) {
    const end = bytes.indexOf(0x0a, at);
    try {
      UTF8.decode(bytes.subarray(at, end < 0 ? bytes.length : end));
    } catch {
      return line;
    }
    if (end < 0) return line;
    at = end + 1;
  }
}

/** A {@link UserError} that names the file and says why it cannot be read: `missing` where there is none. */
export function explainReadError(path: string, error: unknown, missing = MISSING): UserError {
  const { code, message } = error as { readonly code?: unknown; readonly message: string };
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return new UserError(`${path}: ${missing}`, { path });
    case "EISDIR":
      return isFolder(path);
    case "EACCES":
    case "EPERM":
      return new UserError(`${path}: may not be read; change its permissions`, { path });
    default:
      return new UserError(`${path}: cannot be read (${message.split("\n")[0]})`, { path });
  }
}

function isFolder(path: string): UserError {
  return new UserError(`${path}: is a folder, not a file`, { path });
}

/**
 * Lines of a text file without blanks around them, empty ones left out.
 *
 * @throws {UserError} naming the file, with `advice` where it is missing.
 */
export async function readLines(path: string, advice = ""): Promise<string[]> {
  const text = await readText(path, advice ? `${MISSING}; ${advice}` : MISSING);
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

/** Presence of files. A folder is listed once and answers for all its files: quicker than asking for each. */
export class Listing {
  readonly #folders = new Map<string, ReadonlySet<string>>();

  /** True where the file was there when its folder was first asked about. */
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
