/**
 * A JSON file of one long list that is written piece by piece. While it grows it has a hidden name; a whole list gets its own
 * name, and is opened again to append. Elements are grouped by picture, one line each.
 */
import { basename, dirname, join } from "node:path";
import { explainWriteError, removePartialsOf, writeFileAtomic } from "../../../engine/base/atomic.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { exists, openFile } from "../../../engine/base/files.ts";
import { readJson } from "../../../engine/base/json_text.ts";
import { OutputLock } from "./output_lock.ts";

const SUFFIX = ".growing";
const PIECE = 1 << 22;

/** Callback for each element that is kept when a list is opened again. */
export type OnElement = (element: unknown, image: number) => void;

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
   * Opens the list under `key` of `path`, or a new one; `onElement` is called for each element there is. A group that
   * may be incomplete is dropped.
   *
   * @throws {UserError} when the file was made with another `info` or by something else, is damaged, or is being made by
   * another process.
   */
  static async open(path: string, key: string, info: unknown, onElement: OnElement = () => {}): Promise<GrowingList> {
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
    const kept = await readElements(file, { path, at: interrupted ? growing : path }, head, interrupted, onElement)
      .catch(
        async (error: unknown) => {
          // A copy that cannot be gone on with is in the way of the list itself.
          if (!interrupted) await Deno.remove(growing);
          throw error;
        },
      );
    if (whole && kept.size !== whole.size) {
      await Deno.remove(growing);
      throw new UserError(`${path}: has ${kept.size} elements and says ${whole.size}; remove it, then make it anew`);
    }
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
 * Checks the head and reads the elements after it. With `interrupted`, the last picture's are left out: some of them may be
 * missing. Returns where the kept lines end.
 */
async function readElements(
  file: Deno.FsFile,
  { path, at }: { readonly path: string; readonly at: string },
  head: string,
  interrupted: boolean,
  onElement: OnElement,
): Promise<{ bytes: number; size: number; images: number }> {
  let offset = 0, size = 0, line = 0;
  let group = { image: 0, start: 0, elements: [] as unknown[] };
  const close = (): void => {
    for (const element of group.elements) onElement(element, group.image);
    size += group.elements.length;
  };
  for await (const { text, bytes } of linesOf(file)) {
    line++;
    if (offset === 0) {
      if (text + "\n" !== head) throw otherSettings(path, text, head);
      group.start = bytes;
    } else {
      const element = elementOf(text, line === 2), image = element && imageOf(element);
      if (image === null || image < group.image) {
        throw new UserError(`${at}:${line}: is damaged; remove the file, then make it anew`);
      }
      if (image !== group.image && group.elements.length > 0) {
        close();
        group = { image, start: offset, elements: [] };
      }
      group.image = image;
      group.elements.push(element);
    }
    offset += bytes;
  }
  if (interrupted) return { bytes: group.start, size, images: group.image };
  close();
  return { bytes: offset, size, images: 0 };
}

/** The element of a line, which has a comma before it unless it is the first; null where there is none. */
function elementOf(line: string, first: boolean): object | null {
  if (line.startsWith(",") === first) return null;
  const read = readJson(first ? line : line.slice(1));
  return "value" in read && typeof read.value === "object" ? read.value : null;
}

/** Number of the element's picture; null where it has none. */
function imageOf(element: object): number | null {
  const { image_index: image } = element as { readonly image_index?: unknown };
  return Number.isSafeInteger(image) && image as number >= 0 ? image as number : null;
}

async function* linesOf(file: Deno.FsFile): AsyncGenerator<{ text: string; bytes: number }> {
  let rest = new Uint8Array(0);
  const piece = new Uint8Array(PIECE);
  for (let length = await file.read(piece); length !== null; length = await file.read(piece)) {
    const joined = new Uint8Array(rest.length + length);
    joined.set(rest);
    joined.set(piece.subarray(0, length), rest.length);
    let start = 0;
    for (let end = joined.indexOf(10); end >= 0; end = joined.indexOf(10, start)) {
      yield { text: lineText(joined.subarray(start, end)), bytes: end + 1 - start };
      start = end + 1;
    }
    rest = joined.slice(start);
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of a line; what is no UTF-8 becomes a line that is no element. */
function lineText(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return "\ufffd";
  }
}

/** Names the setting that differs. */
function otherSettings(path: string, found: string, wanted: string): UserError {
  const info = (head: string): Record<string, unknown> | null => {
    const read = readJson(head.trim() + "]}");
    return ("value" in read && (read.value as { info?: Record<string, unknown> }).info) || null;
  };
  const text = (value: unknown): string => JSON.stringify(value)?.slice(0, 40) ?? "nothing";
  const [before, now] = [info(found), info(wanted)!];
  const key = before && Object.keys(now).find((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]));
  const what = key ? `${key.replaceAll("_", " ")} ${text(before[key])}, not ${text(now[key])}` : "other settings";
  return new UserError(`${path}: was begun with ${what}; give the same settings or choose another --out`);
}
