/** Fetching a published set into a folder: download, check, unpack, one file after another. */
import { join } from "node:path";
import { explainWriteError } from "../../engine/base/atomic.ts";
import { UserError } from "../../engine/base/user_error.ts";
import type { SourceFile, SourceRelease, SourceSet } from "./addresses.ts";
import { openArchive } from "./archive.ts";
import { checksumOf } from "./checksum.ts";
import { download, type DownloadOptions } from "./download.ts";
import { BrokenArchive, mostUnpacked } from "./entries.ts";
import { noteUnpacked, stepOf, type Task, tasksOf, workFolder } from "./plan.ts";
import { freeBytes, spaceFor } from "./disk_space.ts";
import { lengthAt } from "./server.ts";
import { type Placed, placedFiles, unpack } from "./unpack.ts";

/** Options of {@link fetchSet}. */
export interface FetchOptions extends Pick<DownloadOptions, "signal" | "tries" | "wait" | "silence"> {
  /** Archives that the user has downloaded; they are left where they are. */
  readonly archives?: readonly string[];
  /** Keep archives that were downloaded after they are unpacked; default false. */
  readonly keep?: boolean;
  /** Bytes free at a folder; by default the system's word. */
  readonly free?: (folder: string) => Promise<number | null>;
  /** A line on what is done, or goes otherwise than it should. */
  readonly onMessage?: (text: string) => void;
  /** Work done, of how much, in units such as MB. */
  readonly onProgress?: (phase: string, unit: string, done: number, of: number) => void;
}

/** Bytes in the units of archives' pages. */
export function inUnits(bytes: number): string {
  const [size, unit] = bytes >= 1e9 ? [bytes / 1e9, "GB"] : bytes >= 1e6 ? [bytes / 1e6, "MB"] : [bytes / 1e3, "kB"];
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${unit}`;
}

/**
 * Brings a release of a set into `folder`, or what of it is not there yet: a fetch that was stopped in any way goes on where it
 * stopped when it is called again.
 *
 * @throws {UserError} where the disk has too little space, a server or an archive is not as it should be, or a registration is wanted.
 */
export async function fetchSet(
  set: SourceSet,
  release: SourceRelease,
  folder: string,
  options: FetchOptions = {},
): Promise<void> {
  const { archives = [], keep = false, signal, onMessage } = options;
  // What is refused leaves no folder behind.
  await tasksOf(set, release, folder, archives);
  try {
    await Deno.mkdir(workFolder(folder), { recursive: true });
  } catch (error) {
    throw explainWriteError(folder, error);
  }
  using _lock = await lock(folder);
  const tasks = await tasksOf(set, release, folder, archives);
  if (tasks.length === 0) return onMessage?.(`${set.name}: everything is there`);
  const lengths = await lengthsOf(tasks, signal);
  const steps = tasks.map((task, i) => stepOf(task, lengths[i], keep)), space = spaceFor(steps);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const unknown = tasks.filter((_, i) => lengths[i] === null).map(({ file }) => file.name);
  const least = unknown.length > 0 ? "at least " : "";
  onMessage?.(
    `${set.name}: ${least}${inUnits(sum(steps.map((s) => s.download)))} to download, ${least}` +
      `${inUnits(sum(steps.map((s) => s.unpacked)))} unpacked; at most ${
        inUnits(space)
      } of disk space are needed on the way` +
      (unknown.length > 0 ? `, besides ${unknown.join(", ")}, whose length nobody says` : ""),
  );
  await requireSpace(folder, space, options);
  for (const task of tasks) {
    signal?.throwIfAborted();
    await bring(task, options);
    if (task.file.roots === null) continue;
    try {
      await unfold(task, folder, options);
    } catch (error) {
      // What was downloaded and is not as it should be would be found again each time.
      if (error instanceof BrokenArchive && !task.own) await Deno.remove(task.path);
      throw error;
    }
    if (!task.own && !keep) await Deno.remove(task.path);
  }
  onMessage?.(`${set.name}: everything is there`);
}

/** Throws {@link UserError} where the disk has less than `bytes` free. */
async function requireSpace(folder: string, bytes: number, { free = freeBytes }: FetchOptions): Promise<void> {
  const there = await free(folder);
  if (there === null || there >= bytes) return;
  throw new UserError(
    `${folder}: ${inUnits(bytes)} of disk space are needed there, ${
      inUnits(there)
    } are free; free some, or choose another folder by --to`,
  );
}

/** Length of each task's file: as it lies there, as stated, or as its server says. */
async function lengthsOf(tasks: readonly Task[], signal: AbortSignal | undefined): Promise<(number | null)[]> {
  return await Promise.all(tasks.map(async ({ file, path, there }) => {
    if (there) return (await Deno.stat(path)).size;
    return file.bytes ?? await lengthAt(file.address!, signal);
  }));
}

/** Has the whole file at its path, with the stated length and checksum. */
async function bring({ file, path, own, there }: Task, options: FetchOptions): Promise<void> {
  const { bytes, checksum, name, address } = file, { onProgress, signal } = options;
  const progress = (phase: string) => (done: number, of: number | null): void =>
    onProgress?.(`${phase} ${name}`, "MB", Math.floor(done / 1e6), Math.ceil((of ?? done) / 1e6));
  // What was downloaded was checked before it got its name.
  if (there && !own) return;
  if (!there) {
    return await download({ address: address!, path, bytes, checksum }, {
      ...options,
      onProgress: progress("downloading"),
    });
  }
  const { size } = await Deno.stat(path);
  if (bytes !== null && size !== bytes) throw other(path, file, `has ${size} bytes, ${bytes} are stated`);
  if (!checksum) return;
  const found = await checksumOf(path, checksum.algorithm, { signal, onProgress: progress("checking") });
  if (found !== checksum.value) throw other(path, file, `its ${checksum.algorithm} is not the stated one`);
}

function other(path: string, { name }: SourceFile, reason: string): UserError {
  return new UserError(`${path}: ${reason}; it is cut short, or another release than ${name}`, { path });
}

/** Unpacks an archive into the set's folder. */
async function unfold({ file, path }: Task, folder: string, options: FetchOptions): Promise<void> {
  const { signal, onProgress } = options, { size } = await Deno.stat(path);
  await using archive = await openArchive(path);
  const placed = await placedFiles(path, archive, { roots: file.roots!, needed: file.needed }, mostUnpacked(size));
  await requireSpace(folder, missingBytes(placed, folder), options);
  await unpack(archive, placed, folder, {
    signal,
    onProgress: (done, of) => onProgress?.(`unpacking ${file.name}`, "files", done, of),
  });
  await noteUnpacked(folder, file, placed.map((one) => one.path));
}

/** Bytes of those files that are not there in their size. */
function missingBytes(placed: readonly Placed[], folder: string): number {
  return placed.reduce((sum, { entry, path }) => {
    try {
      return sum + (Deno.statSync(join(folder, path)).size === entry.size ? 0 : entry.size);
    } catch {
      return sum + entry.size;
    }
  }, 0);
}

/** The right to fetch into a folder: the operating system's, which ends with its process however that ends. */
async function lock(folder: string): Promise<Disposable> {
  const file = await Deno.open(join(workFolder(folder), "lock"), { write: true, create: true });
  if (file.tryLockSync(true)) return { [Symbol.dispose]: () => file.close() };
  file.close();
  throw new UserError(`${folder}: another process fetches into it; wait for that one`);
}
