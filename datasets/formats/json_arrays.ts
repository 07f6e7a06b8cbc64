/** JSON files larger than memory should hold: the elements of their arrays one by one. */
import { UserError } from "../../engine/base/user_error.ts";
import { openFile } from "../../engine/base/files.ts";
import { countLines, DEEPEST, type JsonFault, type JsonOptions, readJson } from "../../engine/base/json_text.ts";

/** Called with each element: the array's key, null where the file itself is an array; the element; its place. */
export type OnElement = (key: string | null, value: unknown, index: number) => void;

/** An element with the key of its array and its place there. */
export interface JsonElement {
  readonly key: string | null;
  readonly value: unknown;
  readonly index: number;
}

const PIECE = 1 << 20;
const [QUOTE, BACKSLASH, COMMA, COLON, LINE] = [0x22, 0x5c, 0x2c, 0x3a, 0x0a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Passes on the elements of a file that is an array, or of every array that is a member of a file that is an object. Only
 * one element is in memory at a time, so half a gigabyte takes little memory. Every byte is held to JSON's rules, and no key
 * may be in one object twice; numbers that Python writes as `NaN` or `Infinity` are passed on as such. `onProgress` gets the
 * bytes read and the size of the file.
 *
 * @throws {UserError} naming file and line where the file is no JSON; and what `onElement` throws.
 */
export async function readJsonArrays(
  path: string,
  onElement: OnElement,
  onProgress: (bytes: number, of: number) => void = () => {},
): Promise<void> {
  for await (const _ of pieces(path, new Scanner(path, onElement), onProgress));
}

/** Callbacks of {@link jsonElements}. */
export interface JsonElementsHooks {
  readonly onProgress?: (bytes: number, of: number) => void;
  /** Called for each array by its key, one without elements too. */
  readonly onList?: (key: string | null) => void;
}

/** The same elements, for whoever asks for them one after the other. */
export async function* jsonElements(
  path: string,
  { onProgress = () => {}, onList = () => {} }: JsonElementsHooks = {},
): AsyncGenerator<JsonElement> {
  let found: JsonElement[] = [];
  const scanner = new Scanner(path, (key, value, index) => void found.push({ key, value, index }), onList);
  try {
    for await (const _ of pieces(path, scanner, onProgress)) {
      yield* found;
      found = [];
    }
  } catch (error) {
    // What stands before the fault may have one of its own, which is to be named first.
    yield* found;
    throw error;
  }
}

/** Reads a file to its end, a piece at a time. */
async function* pieces(
  path: string,
  scanner: Scanner,
  onProgress: (bytes: number, of: number) => void,
): AsyncGenerator<void> {
  using file = await openFile(path);
  const { size } = await file.stat();
  let bytes = 0;
  for (;;) {
    const count = await file.read(scanner.free());
    if (count === null) break;
    scanner.scan(count);
    onProgress(bytes += count, size);
    yield;
  }
  scanner.end();
}

/** Bytes that mean something outside of strings; a table, for most bytes of a file are digits. */
const MARKS = new Uint8Array(256);
for (const byte of [QUOTE, COMMA, COLON, LINE, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT]) MARKS[byte] = 1;

class Scanner {
  readonly #path: string;
  readonly #onElement: OnElement;
  readonly #onList: (key: string | null) => void;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #bytes = new Uint8Array(2 * PIECE);
  #filled = 0;
  #at = 0;
  #depth = 0;
  /** Depth inside the arrays whose elements are passed on: 1 where the file is an array, 2 where it is an object; 0 before it begins. */
  #listDepth = 0;
  #inList = false;
  #inString = false;
  #keyStart = -1;
  #key: string | null = null;
  #index = 0;
  /** Beginning of what is being gathered: an element, or the text around the arrays. */
  #start = 0;
  /** Lines before it, and its colons outside of strings. */
  #line = 0;
  #colons = 0;
  /** Lines up to the current byte. */
  #lines = 0;
  /** The text around the arrays' elements: JSON itself, of a handful of members. */
  readonly #around: { readonly text: string; readonly line: number }[] = [];

  constructor(path: string, onElement: OnElement, onList: (key: string | null) => void = () => {}) {
    this.#path = path;
    this.#onElement = onElement;
    this.#onList = onList;
  }

  /** Free end of the buffer, for the next bytes. Bytes still needed are moved to its front first. */
  free(): Uint8Array<ArrayBuffer> {
    const keep = Math.min(this.#start, this.#filled);
    const from = this.#bytes;
    if (this.#filled - keep + PIECE > from.length) this.#bytes = new Uint8Array(2 * (this.#filled - keep + PIECE));
    this.#bytes.set(from.subarray(keep, this.#filled));
    this.#filled -= keep;
    this.#at -= keep;
    this.#start -= keep;
    if (this.#keyStart >= 0) this.#keyStart -= keep;
    return this.#bytes.subarray(this.#filled, this.#filled + PIECE);
  }

  /** Goes through `count` more bytes. */
  scan(count: number): void {
    this.#filled += count;
    const bytes = this.#bytes, filled = this.#filled;
    let at = this.#at;
    for (; at < filled; at++) {
      const byte = bytes[at];
      if (this.#inString) {
        if (byte === BACKSLASH) at++;
        else if (byte === QUOTE) {
          this.#at = at;
          this.#endString();
        }
      } else if (MARKS[byte] === 1) {
        this.#at = at;
        this.#mark(byte);
      }
    }
    this.#at = at;
  }

  /** No more bytes: what lies around the elements has to be JSON too. */
  end(): void {
    if (!this.#inList) this.#gather();
    const text = this.#around.map((piece) => piece.text).join("");
    const read = readJson(text);
    if (this.#inList) this.#broken(this.#lines, `it ends within ${this.#place(this.#index)}`);
    if ("value" in read) {
      if (typeof read.value === "object" && read.value !== null) return;
      this.#broken(0, "it is neither a list nor an object");
    }
    let at = 0;
    for (const piece of this.#around) {
      const inside = read.fault.at - at;
      at += piece.text.length;
      if (inside >= piece.text.length && piece !== this.#around.at(-1)) continue;
      this.#broken(piece.line + countLines(piece.text, inside), read.fault.reason);
    }
  }

  /** A byte outside of strings that means something. */
  #mark(byte: number): void {
    if (byte === LINE) this.#lines++;
    else if (byte === COLON) this.#colons++;
    else if (byte === QUOTE) {
      this.#inString = true;
      if (!this.#inList && this.#depth === 1) this.#keyStart = this.#at;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) this.#open(byte);
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      if (this.#inList && this.#depth === this.#listDepth) this.#endList(byte);
      this.#depth--;
    } else if (this.#inList && this.#depth === this.#listDepth) {
      this.#element();
      this.#begin();
    }
  }

  #endString(): void {
    this.#inString = false;
    if (this.#keyStart < 0) return;
    const read = readJson(this.#text(this.#keyStart, this.#at + 1, this.#lines));
    if ("value" in read) this.#key = String(read.value);
    this.#keyStart = -1;
  }

  #open(byte: number): void {
    if (this.#listDepth === 0) this.#listDepth = byte === OPEN_LIST ? 1 : 2;
    this.#depth++;
    if (this.#depth > DEEPEST) this.#broken(this.#lines, `lists and objects lie deeper than ${DEEPEST} in each other`);
    if (byte !== OPEN_LIST || this.#inList || this.#depth !== this.#listDepth) return;
    this.#at++;
    this.#gather();
    this.#at--;
    this.#inList = true;
    this.#onList(this.#key);
    this.#index = 0;
    this.#begin(1);
  }

  /** Ends an array: with its last element, or with none at all where it is empty. */
  #endList(byte: number): void {
    const rest = this.#text(this.#start, this.#at, this.#line);
    if (this.#index > 0 || rest.trim() !== "") this.#element();
    if (byte !== CLOSE_LIST) this.#broken(this.#lines, `${this.#place(null)} is closed by }, not by ]`);
    this.#inList = false;
    this.#begin(0);
  }

  /** Begins to gather anew, after this byte or with it. */
  #begin(after = 1): void {
    this.#start = this.#at + after;
    this.#line = this.#lines;
    this.#colons = 0;
  }

  /** Keeps the text before this byte that lies around arrays. */
  #gather(): void {
    const end = Math.min(this.#at, this.#filled);
    this.#around.push({ text: this.#text(this.#start, end, this.#line), line: this.#line });
  }

  #element(): void {
    const text = this.#text(this.#start, this.#at, this.#line), options = { notNumbers: true, colons: this.#colons };
    const read = readJson(text, options satisfies JsonOptions);
    if ("value" in read) return this.#onElement(this.#key, read.value, this.#index++);
    const { at, reason } = read.fault;
    this.#broken(this.#line + countLines(text, at), `${this.#place(this.#index)}: ${reason}`);
  }

  /** Name of an element, or of the array. */
  #place(index: number | null): string {
    const names = [...this.#listDepth === 1 ? [] : [this.#key], ...index === null ? [] : [index]];
    return names.join(".") || "the list";
  }

  #text(from: number, to: number, line: number): string {
    try {
      return this.#decoder.decode(this.#bytes.subarray(from, to));
    } catch {
      this.#broken(line, "a character is not UTF-8");
    }
  }

  /** `line` counts from 0. */
  #broken(line: number, reason: JsonFault["reason"]): never {
    throw new UserError(
      `${this.#path}: is not whole JSON (line ${line + 1}: ${reason}); mend it or download it again`,
      {
        path: this.#path,
      },
    );
  }
}
