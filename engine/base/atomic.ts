/** Files that are either whole or not there: written beside, flushed to disk, then renamed into place. */
import { Buffer } from "node:buffer";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { kill } from "node:process";
import { UserError } from "./user_error.ts";

/** Options of {@link writeFileAtomic}. */
export interface AtomicOptions {
  /** Called after each piece with the number of bytes written, of `total`; the file does not bear its name yet. */
  readonly onProgress?: (written: number, total: number) => void | Promise<void>;
  /** Called with the bytes read back, before the file bears its name; the old content stays where it throws. */
  readonly check?: (readBack: Uint8Array) => void;
}

/** Large files are written in pieces, so that a signal or a timer gets a turn in between. */
const PIECE = 1 << 20;
const SUFFIX = ".partial";

/**
 * Writes `content` to `path` such that `path` holds the old content or the new, whenever the process or the machine stops.
 * Folders that are missing are made: nothing that took long to compute is lost for want of one. What was written is read
 * back before it replaces anything.
 * Throws {@link UserError} when the disk is full, faulty or may not be written; the old content is untouched then.
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | string,
  { onProgress, check }: AtomicOptions = {},
): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const temporary = join(dirname(path), `.${basename(path)}.${Deno.pid}${SUFFIX}`);
  try {
    await requireReplaceable(path);
    await Deno.mkdir(dirname(path), { recursive: true });
    {
      using file = await Deno.open(temporary, { write: true, create: true, truncate: true });
      for (let at = 0; at < bytes.length;) {
        at += await file.write(bytes.subarray(at, at + PIECE));
        await onProgress?.(at, bytes.length);
      }
      await file.sync();
    }
    const readBack = await Deno.readFile(temporary);
    if (!sameBytes(readBack, bytes)) {
      throw new UserError(`${path}: reads otherwise than it was written; the disk is faulty, choose another folder`);
    }
    check?.(readBack);
    await Deno.rename(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw explainWriteError(path, error);
  }
}

/** Throws {@link UserError} for what no file may take the place of: `/dev/null` would be a file from then on. */
export async function requireReplaceable(path: string): Promise<void> {
  const found = await Deno.stat(path).catch(() => null);
  const link = await Deno.readLink(path).catch(() => "");
  if (found && !found.isFile && !found.isDirectory || link.startsWith("/proc/")) {
    throw new UserError(`${path}: is a pipe or a device, which no file can take the place of; choose another name`);
  }
}

/** Writes `value` as indented JSON, atomically. */
export async function writeJsonAtomic(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(value, null, 2) + "\n");
}

/** Removes what an interrupted {@link writeFileAtomic} left in a folder; a missing folder has nothing to remove. */
export async function removePartialFiles(folder: string): Promise<void> {
  try {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (isFile && isPartial(name)) await Deno.remove(join(folder, name));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw explainWriteError(folder, error);
  }
}

/** Removes what {@link writeFileAtomic} left beside one file in a process that is gone; others may be writing it just now. */
export async function removePartialsOf(path: string): Promise<void> {
  const begin = `.${basename(path)}.`;
  await removeAbandoned(dirname(path), (name) => name.startsWith(begin));
}

/** Removes what {@link writeFileAtomic} left in a folder in processes that are gone, of the names that `of` takes. */
export async function removeAbandoned(folder: string, of: (name: string) => boolean = () => true): Promise<void> {
  try {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      const [, writer] = /^\..*\.(\d+)\.partial$/.exec(name) ?? [];
      if (!isFile || writer === undefined || !of(name)) continue;
      if (!isRunning(Number(writer))) await Deno.remove(join(folder, name));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw explainWriteError(folder, error);
  }
}

function isRunning(pid: number): boolean {
  if (pid === Deno.pid) return true;
  try {
    // Signal 0 is none: it asks for the process alone.
    return kill(pid, 0);
  } catch (error) {
    return (error as { readonly code?: unknown }).code !== "ESRCH";
  }
}

/** True for the name of a file still being written. */
export function isPartial(name: string): boolean {
  return name.startsWith(".") && name.endsWith(SUFFIX);
}

/** A {@link UserError} that names the file, where the operating system's reason is one a user can mend; else `error`. */
export function explainWriteError(path: string, error: unknown): unknown {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: string };
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return new UserError(`${path}: the disk is full; free some space, then run it again, a training with --resume`);
    case "EFBIG":
      return new UserError(`${path}: the file would be larger than this system allows`);
    case "EROFS":
    case "EACCES":
    case "EPERM":
      return new UserError(`${path}: may not be written; choose another folder or change its permissions`);
    case "ENOTDIR":
    case "EEXIST":
      return new UserError(`${path}: a file is in the way of a folder; move it or choose another place`);
    case "EIO":
      return new UserError(`${path}: the disk fails to write or read it; choose another folder`);
    case "EISDIR":
    case "ENOTEMPTY":
      return new UserError(`${path}: a folder is in the way of the file; move it or choose another name`);
    default:
      // Libraries that write by themselves pass the system's words on, and not its code.
      return message?.includes("No space left on device") ? explainWriteError(path, { code: "ENOSPC" }) : error;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** A rename survives a power cut once its folder is flushed. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
