/** JSON files larger than memory should hold: the elements of their arrays one by one. */
import { UserError } from "../../engine/base/user_error.ts";
import { openFile } from "../../engine/base/files.ts";

/** Called with each element: the array's key, null where the file itself is an array; the element; its place. */
export type OnElement = (key: string | null, value: unknown, index: number) => void;

const PIECE = 1 << 20;
const [QUOTE, BACKSLASH, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [
  0x22,
  0x5c,
  0x2c,
  0x5b,
  0x5d,
  0x7b,
  0x7d,
];

/**
 * Yields the elements of a file that is an array, or of every array that is a member of a file that is an object. Only one
 * element is in memory at a time, so half a gigabyte takes little memory. `onProgress` gets the bytes read and the size of the file.
 *
 * @throws {UserError} naming the file where it is missing or no whole JSON; and what `onElement` throws.
 */
export async function readJsonArrays(
  path: string,
  onElement: OnElement,
  onProgress: (bytes: number, of: number) => void = () => {},
): Promise<void> {
  using file = await openFile(path);
  const scanner = new Scanner(path, onElement);
  const { size } = await file.stat();
  let bytes = 0;
  for (;;) {
    const count = await file.read(scanner.free());
    if (count === null) break;
    scanner.scan(count);
    onProgress(bytes += count, size);
  }
  scanner.end();
}

class Scanner {
  readonly #path: string;
  readonly #onElement: OnElement;
  readonly #decoder = new TextDecoder();
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
  #elementStart = -1;
  #index = 0;

  constructor(path: string, onElement: OnElement) {
    this.#path = path;
    this.#onElement = onElement;
  }

  /** Free end of the buffer, for the next bytes. Bytes still needed are moved to its front first. */
  free(): Uint8Array<ArrayBuffer> {
    const starts = [this.#elementStart, this.#keyStart].filter((start) => start >= 0);
    // A backslash at the very end has stepped over a byte that is still to come.
    const keep = starts.length > 0 ? Math.min(...starts) : Math.min(this.#at, this.#filled);
    const from = this.#bytes;
    if (this.#filled - keep + PIECE > from.length) this.#bytes = new Uint8Array(2 * (this.#filled - keep + PIECE));
    this.#bytes.set(from.subarray(keep, this.#filled));
    this.#filled -= keep;
    this.#at -= keep;
    if (this.#elementStart >= 0) this.#elementStart -= keep;
    if (this.#keyStart >= 0) this.#keyStart -= keep;
    return this.#bytes.subarray(this.#filled, this.#filled + PIECE);
  }

  /** Goes through `count` more bytes. */
  scan(count: number): void {
    this.#filled += count;
    for (; this.#at < this.#filled; this.#at++) {
      const byte = this.#bytes[this.#at];
      if (this.#inString) {
        if (byte === BACKSLASH) this.#at++;
        else if (byte === QUOTE) this.#endString();
      } else if (byte === QUOTE) this.#beginString();
      else if (byte === OPEN_OBJECT || byte === OPEN_LIST) this.#open(byte);
      else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) this.#close();
      else if (this.#inList && this.#depth === this.#listDepth) {
        if (byte === COMMA) this.#endElement(this.#at);
        else if (byte > 0x20 && this.#elementStart < 0) this.#elementStart = this.#at;
      } else if (this.#depth === 0 && byte > 0x20) this.#broken("it is neither a list nor an object");
    }
  }

  /** No more bytes. */
  end(): void {
    if (this.#depth > 0 || this.#listDepth === 0) this.#broken("it ends too early");
  }

  #beginString(): void {
    this.#inString = true;
    if (this.#inList && this.#depth === this.#listDepth && this.#elementStart < 0) this.#elementStart = this.#at;
    if (!this.#inList && this.#depth === 1) this.#keyStart = this.#at;
  }

  #endString(): void {
    this.#inString = false;
    if (this.#keyStart < 0) return;
    this.#key = this.#parse(this.#keyStart, this.#at + 1) as string;
    this.#keyStart = -1;
  }

  #open(byte: number): void {
    if (this.#listDepth === 0) this.#listDepth = byte === OPEN_LIST ? 1 : 2;
    if (this.#inList && this.#depth === this.#listDepth && this.#elementStart < 0) this.#elementStart = this.#at;
    this.#depth++;
    if (byte !== OPEN_LIST || this.#inList || this.#depth !== this.#listDepth) return;
    this.#inList = true;
    this.#index = 0;
  }

  #close(): void {
    if (this.#inList && this.#depth === this.#listDepth) {
      this.#endElement(this.#at);
      this.#inList = false;
    }
    this.#depth--;
    if (this.#depth < 0) this.#broken("a bracket is closed that was not opened");
    if (this.#inList && this.#depth === this.#listDepth) this.#endElement(this.#at + 1);
  }

  #endElement(end: number): void {
    if (this.#elementStart < 0) return;
    const value = this.#parse(this.#elementStart, end);
    this.#elementStart = -1;
    this.#onElement(this.#key, value, this.#index++);
  }

  #parse(from: number, to: number): unknown {
    try {
      return JSON.parse(this.#decoder.decode(this.#bytes.subarray(from, to)));
    } catch (error) {
      this.#broken((error as Error).message.split("\n")[0]);
    }
  }

  #broken(reason: string): never {
    throw new UserError(`${this.#path}: is not whole JSON (${reason}); download it again`);
  }
}
