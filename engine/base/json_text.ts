/**
 * JSON read strictly: what `JSON.parse` refuses, and a key that is twice in one object, which it lets pass, is refused by
 * line.
 */
import { UserError } from "./user_error.ts";

/** Deepest nesting of lists and objects. No annotation comes near it, and whatever walks through values may recurse. */
export const DEEPEST = 512;

/** A fault in JSON text. */
export interface JsonFault {
  /** Offset in the text, in UTF-16 units. */
  readonly at: number;
  readonly reason: string;
}

/** A parsed text, or its first fault. */
export type JsonResult = { readonly value: unknown } | { readonly fault: JsonFault };

/** Options of {@link readJson}. */
export interface JsonOptions {
  /**
   * Take `NaN`, `Infinity` and `-Infinity`, which Python writes and JSON does not have, as values, so that the reader of a
   * list can name the element that holds one. Default false.
   */
  readonly notNumbers?: boolean;
  /** Colons of the text outside of its strings, where they were counted already, and its depth with them. */
  readonly colons?: number;
}

/** Parses JSON text. */
export function readJson(text: string, { notNumbers = false, colons }: JsonOptions = {}): JsonResult {
  try {
    const value = JSON.parse(text);
    // Members of the text and of what was made of it differ in number only where a key is there twice.
    if (countMembers(value) === (colons ?? countMarks(text))) return { value };
  } catch { /* The slow way finds the place. */ }
  try {
    return { value: new Parser(text, notNumbers).whole() };
  } catch (error) {
    if (error instanceof Found) return { fault: error.fault };
    throw error;
  }
}

/**
 * The value of a whole JSON file's text.
 *
 * @throws {UserError} naming file and line of the first fault.
 */
export function parseJsonFile(path: string, text: string): unknown {
  const read = readJson(text);
  if ("value" in read) return read.value;
  const line = 1 + countLines(text, read.fault.at);
  throw new UserError(`${path}:${line}: is not JSON (${read.fault.reason})`, { path });
}

/** Line breaks in `text` before `end`. */
export function countLines(text: string, end: number = text.length): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < end; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}

function countMembers(value: unknown): number {
  let count = 0;
  const rest = [value];
  while (rest.length > 0) {
    const one = rest.pop();
    if (typeof one !== "object" || one === null) continue;
    if (Array.isArray(one)) {
      for (const inner of one) if (typeof inner === "object") rest.push(inner);
    } else {
      for (const key in one) {
        count++;
        const inner = (one as Record<string, unknown>)[key];
        if (typeof inner === "object") rest.push(inner);
      }
    }
  }
  return count;
}

/** Colons of valid JSON outside of its strings, one for each member of an object; NaN where it lies too deep. */
function countMarks(text: string): number {
  let colons = 0, depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x3a) colons++;
    else if (code === 0x22) { while (text.charCodeAt(++at) !== 0x22) if (text.charCodeAt(at) === 0x5c) at++; }
    else if (code === 0x5b || code === 0x7b) { if (++depth > DEEPEST) return NaN; }
    else if (code === 0x5d || code === 0x7d) depth--;
  }
  return colons;
}

class Found extends Error {
  readonly fault: JsonFault;
  constructor(at: number, reason: string) {
    super(reason);
    this.fault = { at, reason };
  }
}

/** A list or object that is being read. */
type Open =
  | { readonly list: unknown[] }
  | { readonly members: Map<string, unknown>; key: string };

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORDS: readonly (readonly [string, unknown])[] = [["true", true], ["false", false], ["null", null]];
const NOT_NUMBERS: readonly (readonly [string, number])[] = [
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
];

/** The slow way, which knows where it is. Without recursion: depth costs no stack. */
class Parser {
  readonly #text: string;
  readonly #words: readonly (readonly [string, unknown])[];
  #at = 0;

  constructor(text: string, notNumbers: boolean) {
    this.#text = text;
    this.#words = notNumbers ? [...WORDS, ...NOT_NUMBERS] : WORDS;
  }

  whole(): unknown {
    const open: Open[] = [];
    if (this.#text.startsWith("\ufeff")) this.#fail("a byte order mark stands before it; save it without one");
    for (;;) {
      let value = this.#begin(open);
      if (value === OPENED) continue;
      for (;;) {
        const inside = open.at(-1);
        if (!inside) {
          this.#blanks();
          if (this.#at < this.#text.length) this.#fail(`something follows the end: ${this.#here()}`);
          return value;
        }
        if (!this.#end(inside, value)) break;
        open.pop();
        value = "list" in inside ? inside.list : Object.fromEntries(inside.members);
      }
    }
  }

  /** Reads a value, or opens one that holds others; an empty one is closed at once. */
  #begin(open: Open[]): unknown {
    this.#blanks();
    const first = this.#text[this.#at];
    if (first === "[" || first === "{") {
      if (open.length >= DEEPEST) this.#fail(`lists and objects lie deeper than ${DEEPEST} in each other`);
      this.#at++;
      this.#blanks();
      if (this.#text[this.#at] === (first === "[" ? "]" : "}")) {
        this.#at++;
        return first === "[" ? [] : {};
      }
      open.push(first === "[" ? { list: [] } : { members: new Map(), key: this.#key(new Map()) });
      return OPENED;
    }
    if (first === '"') return this.#string();
    for (const [word, value] of this.#words) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(this.#text)?.[0];
    if (number === undefined) this.#fail(`a value is wanted, not ${this.#here()}`);
    this.#at += number.length;
    return Number(number);
  }

  /** Puts a value where it belongs; true where that closes the list or object. */
  #end(inside: Open, value: unknown): boolean {
    if ("list" in inside) inside.list.push(value);
    else inside.members.set(inside.key, value);
    this.#blanks();
    const next = this.#text[this.#at], bracket = "list" in inside ? "]" : "}";
    if (next !== "," && next !== bracket) this.#fail(`a comma or ${bracket} is wanted, not ${this.#here()}`);
    this.#at++;
    if (next === bracket) return true;
    if ("members" in inside) {
      this.#blanks();
      inside.key = this.#key(inside.members);
    }
    return false;
  }

  #key(before: ReadonlyMap<string, unknown>): string {
    if (this.#text[this.#at] !== '"') this.#fail(`a key is wanted, not ${this.#here()}`);
    const from = this.#at, key = this.#string();
    if (before.has(key)) {
      this.#at = from;
      this.#fail(`the key ${JSON.stringify(key)} is there twice in one object`);
    }
    this.#blanks();
    if (this.#text[this.#at] !== ":") this.#fail(`a colon is wanted, not ${this.#here()}`);
    this.#at++;
    return key;
  }

  #string(): string {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === "\\" ? 2 : 1;
    if (end >= this.#text.length) this.#fail("a string is not closed");
    const text = this.#text.slice(this.#at, end + 1);
    try {
      const value = JSON.parse(text) as string;
      this.#at = end + 1;
      return value;
    } catch {
      this.#fail(`a string has what is not allowed in one: ${this.#here()}`);
    }
  }

  #blanks(): void {
    while (" \t\n\r".includes(this.#text[this.#at] || "x")) this.#at++;
  }

  #here(): string {
    const rest = this.#text.slice(this.#at, this.#at + 12);
    return rest === "" ? "the end" : JSON.stringify(rest);
  }

  #fail(reason: string): never {
    throw new Found(this.#at, reason);
  }
}

/** Stands for a list or object that was opened and is not yet whole. */
const OPENED = Symbol();
