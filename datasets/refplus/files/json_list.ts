/**
 * Reads a long list out of a JSON file, one element at a time. The published files of expressions hold gigabytes, more than
 * one string can: only the current element is kept.
 */
import { UserError } from "../../../engine/base/user_error.ts";
import { openFile } from "../../../engine/base/files.ts";

const PIECE = 1 << 20;
const [QUOTE, BACKSLASH, COMMA] = [...'"\\,'].map((c) => c.charCodeAt(0));
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [..."{}[]"].map((c) => c.charCodeAt(0));

/** An element with its place in the list. */
export interface Element {
  readonly index: number;
  readonly value: unknown;
}

/**
 * The elements of the list under `key` of the object that `file` holds.
 *
 * @throws {UserError} when there is no such file, it is not whole JSON, or it has no such list.
 */
export async function* readList(file: string, key: string): AsyncGenerator<Element> {
  const scanner = new Scanner(key);
  using source = await openFile(file);
  let index = 0;
  const parse = (text: string): unknown => {
    try {
      return JSON.parse(text);
    } catch (error) {
      const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
      throw new UserError(`${file}: ${key}.${index}: is not JSON (${reason}); make or download it again`);
    }
  };
  const piece = new Uint8Array(PIECE);
  for (let length = await source.read(piece); length !== null; length = await source.read(piece)) {
    for (const text of scanner.feed(piece.subarray(0, length))) {
      yield { index, value: parse(text) };
      index++;
    }
  }
  if (!scanner.whole) throw new UserError(`${file}: is not whole JSON; make or download it again`);
  if (!scanner.found) throw new UserError(`${file}: ${key}: there is no such list`);
}

/** Finds the elements of one list in JSON text that comes in pieces of any size. */
class Scanner {
  readonly #key: string;
  readonly #decoder = new TextDecoder();
  /** Bytes of the current entry or element from earlier pieces. */
  #earlier: Uint8Array[] = [];
  #depth = 0;
  #inString = false;
  #escaped = false;
  #inList = false;
  /** True once the list was seen. */
  found = false;
  /** True once the outermost object was closed. */
  whole = false;

  constructor(key: string) {
    this.#key = key;
  }

  /** The texts of the elements that end in `piece`. */
  *feed(piece: Uint8Array): Generator<string> {
    let start = 0;
    const take = (end: number): string => {
      const text = [...this.#earlier, piece.subarray(start, end)].map((p) => this.#decoder.decode(p, { stream: true }))
        .join("");
      this.#earlier = [];
      start = end + 1;
      return text.trim();
    };
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at];
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
        continue;
      }
      switch (byte) {
        case QUOTE:
          this.#inString = true;
          break;
        case OPEN_BRACE:
        case OPEN_BRACKET:
          this.#depth++;
          if (this.#depth === 1) take(at);
          else if (this.#depth === 2 && byte === OPEN_BRACKET && this.#isKey(piece.subarray(start, at))) {
            take(at);
            this.#inList = this.found = true;
          }
          break;
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
          this.#depth--;
          if (this.#inList && this.#depth === 1) {
            const text = take(at);
            this.#inList = false;
            if (text !== "") yield text;
          } else if (this.#depth === 0) this.whole = true;
          break;
        case COMMA:
          if (this.#depth === 1) take(at);
          else if (this.#inList && this.#depth === 2) yield take(at);
      }
    }
    if (start < piece.length) this.#earlier.push(piece.slice(start));
  }

  /** True where the entry so far, up to the end of `rest`, is the key of the list. */
  #isKey(rest: Uint8Array): boolean {
    const text = [...this.#earlier, rest].map((p) => new TextDecoder().decode(p)).join("");
    return text.replace(/\s/g, "") === `${JSON.stringify(this.#key)}:`;
  }
}
