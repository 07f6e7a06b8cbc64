/**
 * A JSON file of one long list that is written piece by piece. While it grows it has a hidden name; a whole list gets its own
 * name, and is opened again to append. Elements are grouped by picture, one line each.
 */
import { basename, dirname, join } from "node:path";
import { explainWriteError, removePartialsOf, writeFileAtomic } from "../../../engine/base/atomic.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { exists, openFile } from "../../../engine/base/files.ts";
import { OutputLock } from "./output_lock.ts";

const SUFFIX = ".growing";
const PIECE = 1 << 22;

/** Callback for each line that is kept when a list is opened again. */
export type OnLine = (line: string, image: number) => void;

/** A list in the making, held by one process at a time. */
export class GrowingList implements Disposable {
  readonly #path: string;
  readonly #growing: string;
  readonly #file: Deno.FsFile;
  /** The file and the list's lock. */
  readonly #resources: DisposableStack;
  /** Elements so far. */
  size: number;
  /** Pictures so far: the next group is that of picture `images`. */
  images: number;

  private constructor(
    path: string,
    growing: string,
    file: Deno.FsFile,
    resources: DisposableStack,
    size: number,
    images: number,
  ) {
    this.#path = path;
    this.#growing = growing;
    this.#file = file;
    this.#resources = resources;
    this.size = size;
    this.images = images;
  }

  /** Path of the file that a list grows in before it is whole. */
  static growingPath(path: string): string {
    return join(dirname(path), `.${basename(path)}${SUFFIX}`);
  }

  /**
   * Opens the list under `key` of `path`, or a new one; `onLine` is called for each element there is. A group that
   * may be incomplete is dropped.
   *
   * @throws {UserError} when the file was made with another `info` or by something else, or is being made by another process.
   */
  static async open(path: string, key: string, info: unknown, onLine: OnLine = () => {}): Promise<GrowingList> {
    const growing = GrowingList.growingPath(path);
    const head = headOf(key, info);
    using resources = new DisposableStack();
    resources.use(await OutputLock.take(path));
    for (const file of [path, growing]) await removePartialsOf(file);
    const interrupted = await exists(growing);
    const whole = interrupted ? null : await wholeList(path, key, info);
    if (whole) await reopen(path, growing, whole);
    else if (!interrupted) await writeFileAtomic(growing, head);
    const file = resources.use(await Deno.open(growing, { read: true, write: true }));
    const kept = await readLines(file, path, head, interrupted, onLine);
    await file.truncate(kept.bytes);
    await file.seek(kept.bytes, Deno.SeekMode.Start);
    return new GrowingList(path, growing, file, resources.move(), kept.size, whole?.images ?? kept.images);
  }

  /** Appends the elements of the next picture. */
  append(elements: readonly unknown[]): void {
    const lines = elements.map((element, i) => `${this.size + i > 0 ? "," : ""}${JSON.stringify(element)}\n`);
    const bytes = new TextEncoder().encode(lines.join(""));
    try {
      for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    } catch (error) {
      throw explainWriteError(this.#path, error);
    }
    this.size += elements.length;
    this.images++;
  }

  /** Closes the list and gives the file its name. */
  async finish(): Promise<void> {
    try {
      this.#file.writeSync(new TextEncoder().encode(tailOf(this)));
      await this.#file.sync();
      await Deno.rename(this.#growing, this.#path);
    } catch (error) {
      throw explainWriteError(this.#path, error);
    }
  }

  /** Closes the file; an unfinished list can be opened again. */
  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

/** Size of a whole list. */
export interface WholeList {
  /** Pictures it covers. */
  readonly images: number;
  /** Elements. */
  readonly size: number;
}

/**
 * Size of the whole list at `path`; null where there is none.
 *
 * @throws {UserError} for a list that was made with another `info` or by something else.
 */
export async function wholeList(path: string, key: string, info: unknown): Promise<WholeList | null> {
  if (!(await exists(path))) return null;
  using file = await openFile(path);
  const { size } = await file.stat();
  const end = new Uint8Array(Math.min(size, 96));
  await file.seek(size - end.length, Deno.SeekMode.Start);
  await file.read(end);
  const found = /\],"images":(\d+),"count":(\d+)\}\n$/.exec(new TextDecoder().decode(end));
  if (!found) {
    throw new UserError(`${path}: was not made by itera refplus generate and is left alone; choose another --out`);
  }
  await file.seek(0, Deno.SeekMode.Start);
  for await (const { text } of linesOf(file)) {
    if (`${text}\n` !== headOf(key, info)) throw otherSettings(path, text, headOf(key, info));
    break;
  }
  return { images: Number(found[1]), size: Number(found[2]) };
}

function headOf(key: string, info: unknown): string {
  return `{"info":${JSON.stringify(info)},${JSON.stringify(key)}:[\n`;
}

function tailOf({ images, size }: WholeList): string {
  return `],"images":${images},"count":${size}}\n`;
}

/** Copies a whole list, without its end, to the file in which it grows. */
async function reopen(path: string, growing: string, whole: WholeList): Promise<void> {
  const copy = join(dirname(path), `.${basename(path)}.${Deno.pid}.partial`);
  try {
    await Deno.copyFile(path, copy);
    const { size } = await Deno.stat(copy);
    await Deno.truncate(copy, size - tailOf(whole).length);
    await Deno.rename(copy, growing);
  } catch (error) {
    await Deno.remove(copy).catch(() => {});
    throw explainWriteError(path, error);
  }
}

/**
 * Checks the head and reads the lines after it. With `interrupted`, the last picture's lines are left out: some of them may
 * be missing. Returns where the kept lines end.
 */
async function readLines(
  file: Deno.FsFile,
  path: string,
  head: string,
  interrupted: boolean,
  onLine: OnLine,
): Promise<{ bytes: number; size: number; images: number }> {
  let offset = 0, size = 0;
  let group = { image: 0, start: 0, lines: [] as string[] };
  const close = (): void => {
    for (const line of group.lines) onLine(line, group.image);
    size += group.lines.length;
  };
  for await (const { text, bytes } of linesOf(file)) {
    if (offset === 0) {
      if (text + "\n" !== head) throw otherSettings(path, text, head);
      group.start = bytes;
    } else {
      const image = Number(/"image_index":(\d+)/.exec(text)?.[1]);
      if (image !== group.image && group.lines.length > 0) {
        close();
        group = { image, start: offset, lines: [] };
      }
      group.image = image;
      group.lines.push(text.replace(/^,/, ""));
    }
    offset += bytes;
  }
  if (interrupted) return { bytes: group.start, size, images: group.image };
  close();
  return { bytes: offset, size, images: 0 };
}

async function* linesOf(file: Deno.FsFile): AsyncGenerator<{ text: string; bytes: number }> {
  const decoder = new TextDecoder();
  let rest = new Uint8Array(0);
  const piece = new Uint8Array(PIECE);
  for (let length = await file.read(piece); length !== null; length = await file.read(piece)) {
    const joined = new Uint8Array(rest.length + length);
    joined.set(rest);
    joined.set(piece.subarray(0, length), rest.length);
    let start = 0;
    for (let end = joined.indexOf(10); end >= 0; end = joined.indexOf(10, start)) {
      yield { text: decoder.decode(joined.subarray(start, end)), bytes: end + 1 - start };
      start = end + 1;
    }
    rest = joined.slice(start);
  }
}

/** Names the setting that differs. */
function otherSettings(path: string, found: string, wanted: string): UserError {
  const info = (head: string): Record<string, unknown> | null => {
    try {
      return JSON.parse(head.trim() + "]}").info;
    } catch {
      return null;
    }
  };
  const [before, now] = [info(found), info(wanted)!];
  const key = before && Object.keys(now).find((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]));
  const what = key ? `${key.replaceAll("_", " ")} ${before[key]}, not ${now[key]}` : "other settings";
  return new UserError(`${path}: was begun with ${what}; give the same settings or choose another --out`);
}
