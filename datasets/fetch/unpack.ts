/** Unpacking what a set needs of an archive, each file whole or not there. */
import { closeSync, fsyncSync, openSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { explainWriteError, removeAbandoned } from "../../engine/base/atomic.ts";
import { checkedEntries } from "./archive.ts";
import { type Archive, type ArchiveEntry, BrokenArchive } from "./entries.ts";
import { belowRoot } from "./names.ts";

/** The part of an archive that is needed, see `SourceFile`. */
export interface Needed {
  readonly roots: readonly string[];
  readonly needed?: RegExp | undefined;
}

/** A file of an archive and the path that it gets below the set's folder. */
export interface Placed {
  readonly entry: ArchiveEntry;
  readonly path: string;
}

/** Options of {@link unpack}. */
export interface UnpackOptions {
  readonly signal?: AbortSignal | undefined;
  /** Files unpacked, of how many. */
  readonly onProgress?: (done: number, of: number) => void;
}

/**
 * The needed files of an archive, all names of which were looked at.
 *
 * @throws {BrokenArchive} for a hostile or broken archive, and one that has nothing of the set.
 */
export async function placedFiles(
  path: string,
  archive: Archive,
  { roots, needed }: Needed,
  most: number,
): Promise<Placed[]> {
  const placed: Placed[] = [], taken = new Set<string>();
  for (const entry of await checkedEntries(path, archive, most)) {
    const place = entry.kind === "file" ? belowRoot(entry.path, roots) : null;
    if (place === null || needed && !needed.test(place)) continue;
    if (taken.size === taken.add(place).size) {
      throw new BrokenArchive(path, `two of its files would be ${place}; nothing of it was unpacked`);
    }
    placed.push({ entry, path: place });
  }
  if (placed.length > 0) return placed;
  throw new BrokenArchive(path, `has nothing below ${roots.join(", ")}; is it the archive of another set?`);
}

/**
 * Writes the files below `folder`, each beside its name and renamed when its length and its checksum are right. One that is
 * there already with both is left as it is.
 *
 * @throws {BrokenArchive} for a broken archive, `UserError` where a file cannot be written.
 */
export async function unpack(
  archive: Archive,
  placed: readonly Placed[],
  folder: string,
  { signal, onProgress }: UnpackOptions = {},
): Promise<void> {
  const pathOf = new Map(placed.map(({ entry, path }) => [entry.path, join(folder, path)]));
  const folders = new Set<string>();
  let done = 0;
  const count = (more: number): void => {
    done += more;
    onProgress?.(done, placed.length);
  };
  count(0);
  const wanted = (entry: ArchiveEntry): boolean => {
    const path = entry.kind === "file" ? pathOf.get(entry.path) : undefined;
    if (path === undefined) return false;
    signal?.throwIfAborted();
    if (!isThere(path, entry)) return true;
    count(1);
    return false;
  };
  for await (const { entry, bytes } of archive.contents(wanted)) {
    const path = pathOf.get(entry.path)!;
    try {
      await prepare(dirname(path), folders);
      await write(path, bytes, signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw explainWriteError(path, error);
    }
    count(1);
  }
  if (done !== placed.length) throw new Error(`internal: ${done} of ${placed.length} files were unpacked`);
  // Only then may anything say that the archive is unpacked: a power cut may take what is not on the disk.
  await flush(folder, [...pathOf.values(), ...folders]);
}

/** Makes a folder, and removes what a killed process left half written in it. */
async function prepare(folder: string, before: Set<string>): Promise<void> {
  if (before.has(folder)) return;
  await Deno.mkdir(folder, { recursive: true });
  await removeAbandoned(folder);
  before.add(folder);
}

async function write(path: string, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${Deno.pid}.partial`);
  try {
    {
      using file = await Deno.open(temporary, { write: true, create: true, truncate: true });
      for await (const piece of bytes) {
        signal?.throwIfAborted();
        for (let at = 0; at < piece.length;) at += file.writeSync(piece.subarray(at));
      }
    }
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** True where the file is there with the entry's length and checksum; false for an archive that has no checksums. */
function isThere(path: string, { size, crc }: ArchiveEntry): boolean {
  if (crc === null) return false;
  try {
    if (Deno.statSync(path).size !== size) return false;
    using file = Deno.openSync(path);
    const buffer = new Uint8Array(1 << 20);
    let sum = 0;
    for (let read = file.readSync(buffer); read !== null; read = file.readSync(buffer)) {
      sum = crc32(buffer.subarray(0, read), sum);
    }
    return sum === crc;
  } catch {
    return false;
  }
}

/** Flushes files to the disk: their whole file system at once, or, where the system has no such command, one after another. */
async function flush(folder: string, paths: readonly string[]): Promise<void> {
  const sync = new Deno.Command("sync", { args: ["-f", folder], stdout: "null", stderr: "null" });
  if (await sync.output().then(({ success }) => success, () => false)) return;
  for (const path of paths) {
    const handle = openSync(path, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  }
}
