/** The cache of parsed splits: its place, and checks that it still agrees with the data. */
import { createHash } from "node:crypto";
import { dirname, join, relative, resolve } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { writeFileAtomic } from "../../engine/base/atomic.ts";
import { sizeAndTime } from "../../engine/base/files.ts";
import { decodeIndex, encodeIndex } from "./file.ts";
import type { SplitTable } from "./table.ts";

/** Goes up whenever a reader would read something differently from the same files. */
const READER_VERSION = 4;

/** Callbacks while a set is opened. */
export interface OpenHooks {
  /** A message, such as of an image left out. */
  readonly onMessage?: (text: string) => void;
  /** Amount read, of how much, and the unit; from 0 on, and not at all where nothing is to be read. */
  readonly onProgress?: (done: number, of: number, unit: "annotations" | "MiB") => void;
}

/** Bytes of a file that are read, reported as whole MiB. */
export function inMebibytes({ onProgress }: OpenHooks): (bytes: number, of: number) => void {
  return (bytes, of) => onProgress?.(Math.ceil(bytes / 2 ** 20), Math.ceil(of / 2 ** 20), "MiB");
}

/** Hooks that turn progress into a line now and then, for where there is no bar, and say nothing twice. */
export function openingMessages(say: (text: string) => void): OpenHooks {
  const said = new Set<string>();
  let reported = performance.now();
  return {
    onMessage: (text) => {
      if (!said.has(text)) say(text);
      said.add(text);
    },
    onProgress: (done, of, unit) => {
      if (performance.now() - reported < 5000) return;
      reported = performance.now();
      say(`read ${done} of ${of} ${unit}`);
    },
  };
}

/** A split that can be parsed, and what its parsed form depends on. */
export interface IndexPlan {
  /** Folder of the set. */
  readonly data: string;
  /** Folder to keep the index in; by default one beside the data, or the user's cache where that may not be written. */
  readonly cache?: string | undefined;
  readonly name: string;
  readonly split: string;
  /** Called with a message, such as of an index that is damaged. */
  readonly onMessage?: ((text: string) => void) | undefined;
  /** Everything besides files that changes what is read, as JSON. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Files that must be as they were, by size and time of change. */
  readonly sources: readonly string[];
  /**
   * Parses the split. `before` is what an unchanged set gave earlier: a reader of sets whose images have files of their
   * own checks these, and returns `before` itself where nothing is new.
   */
  readonly build: (before: SplitTable | null) => Promise<SplitTable>;
}

/** The parsed split, from its index where that is there and still true. Throws what `build` throws. */
export async function openIndexed(plan: IndexPlan): Promise<SplitTable> {
  const { name, split, options, data } = plan;
  const sources = await Promise.all(plan.sources.map(async (path) => {
    const found = await sizeAndTime(path).catch(() => {
      throw new UserError(`${path}: there is no such file`);
    });
    return [relative(data, path), ...found];
  }));
  const key = JSON.stringify({ version: READER_VERSION, options, sources });
  // Other options have a file of their own: two runs that differ do not take turns in overwriting one.
  const file = `${name}-${split}-${digest(JSON.stringify(options))}.index`;
  const folders = cacheFolders(plan);
  const before = await load(folders, file, key, plan.onMessage);
  const table = await plan.build(before);
  if (table !== before) await save(folders, file, encodeIndex(key, table));
  return table;
}

function cacheFolders({ cache, data }: IndexPlan): string[] {
  if (cache !== undefined) return [cache];
  const home = Deno.env.get("HOME");
  const user = Deno.env.get("XDG_CACHE_HOME") ?? (home && join(home, ".cache"));
  return [join(data, ".itera"), ...user ? [join(user, "itera", digest(resolve(data)))] : []];
}

async function load(
  folders: readonly string[],
  file: string,
  key: string,
  say: (text: string) => void = () => {},
): Promise<SplitTable | null> {
  for (const folder of folders) {
    const path = join(folder, file);
    const bytes = await Deno.readFile(path).catch(() => null);
    if (!bytes) continue;
    const found = decodeIndex(bytes);
    if (!found) say(`${path}: is damaged or of another version; the annotations are read anew`);
    else if (found.key === key) return found.table;
  }
  return null;
}

/** Written beside and renamed: another program that opens the same set sees the whole file or none. */
async function save(folders: readonly string[], file: string, bytes: Uint8Array): Promise<void> {
  for (const folder of folders) {
    if (await isReadOnly(dirname(folder))) continue;
    try {
      await writeFileAtomic(join(folder, file), bytes);
      return;
    } catch {
      // A folder that may not be written, or a full disk: the set is open all the same, next time it is parsed again.
    }
  }
}

/** True for a read-only folder, which is left alone even by a superuser, whom permissions do not bind. */
async function isReadOnly(folder: string): Promise<boolean> {
  const mode = await Deno.stat(folder).then((found) => found.mode, () => null);
  return mode !== null && (mode & 0o222) === 0;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
