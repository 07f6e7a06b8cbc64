/**
 * Python's pickle format, read without running anything: a pickle is a small program that may name any function and call
 * it. Here names are only text; those a caller lists are answered by the caller's own code, any other is refused.
 */
import { WeightsError } from "./stored.ts";

/** Names that a pickle may use, by the rules of its reader. */
export interface PickleRules {
  /** Functions and classes that may be called, by dotted name. */
  readonly calls: Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;
  /** Classes that may be named and passed on, never called. */
  readonly names: ReadonlySet<string>;
  /** Functions and classes whose values have no part in weights: {@link NOTHING} stands for what they would make. */
  readonly harmless: ReadonlySet<string>;
  /** Stands for data kept outside the pickle. */
  persistent(id: unknown): unknown;
}

/** A class or function named in a pickle. */
export class PickleName {
  readonly name: string;

  /** For a name that the rules list. */
  constructor(name: string) {
    this.name = name;
  }
}

/** A pickle's value: dicts are Maps, lists and tuples arrays, integers beyond 2⁵³ bigints; and where it ended. */
export interface Unpickled {
  readonly value: unknown;
  /** Offset of the byte after the pickle. */
  readonly end: number;
}

const MARK = Symbol("mark");

/** A value that nothing here needs, such as a number of NumPy's beside the weights. */
export const NOTHING: unique symbol = Symbol("nothing");

/** Digits and bytes of the longest integer: arithmetic on longer ones takes time that grows with their square. */
const [MOST_DIGITS, MOST_BYTES] = [2500, 1024];

/** Arguments of one call; PyTorch's functions have seven at most, and a call of JavaScript's takes no list of any length. */
const MOST_ARGUMENTS = 64;

/** Arguments that calls may be given in all, for each byte of the file: one list can be passed again and again. */
const WORK = 16;

/** Reads the pickle that begins at byte `at`. Throws {@link WeightsError} with the reason it is not read. */
export function unpickle(bytes: Uint8Array, at: number, rules: PickleRules): Unpickled {
  return new Machine(bytes, at, rules).run();
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #rules: PickleRules;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #at: number;
  #work = 0;

  constructor(bytes: Uint8Array, at: number, rules: PickleRules) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
    this.#rules = rules;
  }

  run(): Unpickled {
    for (;;) {
      const code = this.#u8();
      if (code === 0x2e) return { value: this.#pop(), end: this.#at }; // STOP
      const step = OPCODES.get(code);
      if (!step) throw unneeded(code);
      step(this);
    }
  }

  // ---- bytes ---------------------------------------------------------------------------------------------------------------

  take(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) throw new WeightsError("the pickle is cut short");
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  #u8(): number {
    return this.take(1)[0];
  }

  u8 = (): number => this.#u8();
  u16 = (): number => (this.take(2), this.#view.getUint16(this.#at - 2, true));
  u32 = (): number => (this.take(4), this.#view.getUint32(this.#at - 4, true));
  i32 = (): number => (this.take(4), this.#view.getInt32(this.#at - 4, true));
  f64 = (): number => (this.take(8), this.#view.getFloat64(this.#at - 8, false));
  u64 = (): number => {
    this.take(8);
    const value = this.#view.getBigUint64(this.#at - 8, true);
    if (value > BigInt(this.#bytes.length)) throw new WeightsError("the pickle is cut short");
    return Number(value);
  };

  /** Up to the end of the line, which is taken too. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw new WeightsError("the pickle is cut short");
    const text = decode(this.take(end - this.#at));
    this.#at++;
    return text;
  }

  /** A little-endian two's complement integer of `count` bytes. */
  long(count: number): number | bigint {
    if (count > MOST_BYTES) throw new WeightsError(`the pickle has an integer of ${count} bytes`);
    let value = 0n;
    const bytes = this.take(count);
    for (let i = count - 1; i >= 0; i--) value = value << 8n | BigInt(bytes[i]);
    if (count > 0 && bytes[count - 1] >= 0x80) value -= 1n << BigInt(8 * count);
    return BigInt.asIntN(54, value) === value ? Number(value) : value;
  }

  text(count: number): string {
    return decode(this.take(count));
  }

  // ---- stack ---------------------------------------------------------------------------------------------------------------

  push(value: unknown): void {
    this.#stack.push(value);
  }

  #pop(): unknown {
    if (this.#stack.length === 0 || this.top() === MARK) throw new WeightsError("the pickle takes what is not there");
    return this.#stack.pop();
  }

  pop = (): unknown => this.#pop();

  top(): unknown {
    return this.#stack.at(-1);
  }

  mark(): void {
    this.#stack.push(MARK);
  }

  /** Everything above the last mark; takes the mark too. */
  popMark(): unknown[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) throw new WeightsError("the pickle takes what is not there");
    const items = this.#stack.splice(at);
    return items.slice(1);
  }

  remember(key: number): void {
    this.#memo.set(key, this.top());
  }

  memoise(): void {
    this.remember(this.#memo.size);
  }

  recall(key: number): void {
    if (!this.#memo.has(key)) throw new WeightsError("the pickle recalls what it never remembered");
    this.push(this.#memo.get(key));
  }

  // ---- containers ------------------------------------------------------------------------------------------------------

  setItems(items: readonly unknown[]): void {
    const dict = this.top();
    if (dict === NOTHING) return;
    if (!(dict instanceof Map) || items.length % 2 !== 0) {
      throw new WeightsError("the pickle fills a dict that is none");
    }
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  append(items: readonly unknown[]): void {
    const list = this.top();
    if (list === NOTHING) return;
    if (!Array.isArray(list)) throw new WeightsError("the pickle fills a list that is none");
    for (const item of items) list.push(item);
  }

  // ---- names, calls and what lies outside ------------------------------------------------------------------------------

  name(module: unknown, name: unknown): void {
    // Turned to text, lists of lists of lists would be longer than any memory.
    if (typeof module !== "string" || typeof name !== "string") {
      throw new WeightsError("the pickle names a function or class by what is no text");
    }
    const full = `${module}.${name}`, { calls, names, harmless } = this.#rules;
    if (!Object.hasOwn(calls, full) && !names.has(full) && !harmless.has(full)) {
      throw new WeightsError(
        `the pickle names ${full}, which is not needed for weights and is not run; save the state dict alone`,
      );
    }
    this.push(new PickleName(full));
  }

  call(): void {
    const args = this.#pop(), target = this.#pop();
    const name = target instanceof PickleName ? target.name : undefined;
    if (name !== undefined && this.#rules.harmless.has(name)) return this.push(NOTHING);
    if (name === undefined || !Object.hasOwn(this.#rules.calls, name) || !Array.isArray(args)) {
      throw new WeightsError(`the pickle calls ${name ?? "what is no function"}, which is not run`);
    }
    if (args.length > MOST_ARGUMENTS) throw new WeightsError(`the pickle calls ${name} with ${args.length} arguments`);
    this.#work += 1 + args.reduce((sum, arg) => sum + (Array.isArray(arg) ? arg.length : 0), args.length);
    if (this.#work > WORK * this.#bytes.length) {
      throw new WeightsError("the pickle passes the same lists again and again");
    }
    this.push(this.#rules.calls[name](...args));
  }

  /** An object made of a class without a call: only nothing is made so. */
  make(): void {
    this.#pop();
    const target = this.#pop();
    if (!(target instanceof PickleName && this.#rules.harmless.has(target.name))) throw unneeded(0x81);
    this.push(NOTHING);
  }

  /** Attributes of an object; state dicts carry some (`_metadata`), which weights do not need. */
  build(): void {
    this.#pop();
    if (this.top() !== NOTHING && !(this.top() instanceof Map)) {
      throw new WeightsError("the pickle restores an object that is no dict");
    }
  }

  persistent(id: unknown): void {
    this.push(this.#rules.persistent(id));
  }
}

function unneeded(code: number): WeightsError {
  return new WeightsError(`the pickle has the instruction 0x${code.toString(16)}, which weights do not need`);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new WeightsError("the pickle has text that is not UTF-8");
  }
}

/** Python 2's text literals; PyTorch's old files have them for plain names only. */
function unquoted(line: string): string {
  const quoted = /^(['"])(.*)\1$/.exec(line.trim());
  if (!quoted || quoted[2].includes("\\")) throw new WeightsError("the pickle has text in a form that is not read");
  return quoted[2];
}

function decimal(line: string): number | bigint | boolean {
  if (line === "00" || line === "01") return line === "01"; // booleans of protocol 0
  const digits = line.length > MOST_DIGITS ? null : /^(-?\d+)L?$/.exec(line);
  if (!digits) throw new WeightsError("the pickle has a number that is none");
  const value = BigInt(digits[1]);
  return BigInt.asIntN(54, value) === value ? Number(value) : value;
}

/** The instructions that containers, numbers, text and tensors need, as Python's pickletools names them. */
const INSTRUCTIONS: readonly (readonly [code: string | number, step: (m: Machine) => void])[] = [
  [0x80, (m) => void m.u8()], // PROTO
  [0x95, (m) => void m.u64()], // FRAME
  ["(", (m) => m.mark()],
  ["0", (m) => void m.pop()],
  ["1", (m) => void m.popMark()],
  ["2", (m) => m.push(m.top())],
  ["N", (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  ["I", (m) => m.push(decimal(m.line()))],
  ["L", (m) => m.push(decimal(m.line()))],
  ["J", (m) => m.push(m.i32())],
  ["K", (m) => m.push(m.u8())],
  ["M", (m) => m.push(m.u16())],
  [0x8a, (m) => m.push(m.long(m.u8()))],
  [0x8b, (m) => m.push(m.long(m.u32()))],
  ["F", (m) => m.push(Number(m.line()))],
  ["G", (m) => m.push(m.f64())],
  ["S", (m) => m.push(unquoted(m.line()))],
  ["T", (m) => m.push(m.text(m.u32()))],
  ["U", (m) => m.push(m.text(m.u8()))],
  ["V", (m) => m.push(m.line())],
  ["X", (m) => m.push(m.text(m.u32()))],
  [0x8c, (m) => m.push(m.text(m.u8()))],
  [0x8d, (m) => m.push(m.text(m.u64()))],
  ["B", (m) => m.push(m.take(m.u32()))],
  ["C", (m) => m.push(m.take(m.u8()))],
  [0x8e, (m) => m.push(m.take(m.u64()))],
  [")", (m) => m.push([])],
  ["]", (m) => m.push([])],
  ["}", (m) => m.push(new Map())],
  ["t", (m) => m.push(m.popMark())],
  ["l", (m) => m.push(m.popMark())],
  [0x85, (m) => m.push([m.pop()])],
  [0x86, (m) => m.push([m.pop(), m.pop()].reverse())],
  [0x87, (m) => m.push([m.pop(), m.pop(), m.pop()].reverse())],
  ["d", (m) => {
    const items = m.popMark();
    m.push(new Map());
    m.setItems(items);
  }],
  ["a", (m) => {
    const item = m.pop();
    m.append([item]);
  }],
  ["e", (m) => {
    const items = m.popMark();
    m.append(items);
  }],
  ["s", (m) => {
    const value = m.pop(), key = m.pop();
    m.setItems([key, value]);
  }],
  ["u", (m) => {
    const items = m.popMark();
    m.setItems(items);
  }],
  ["p", (m) => m.remember(Number(m.line()))],
  ["q", (m) => m.remember(m.u8())],
  ["r", (m) => m.remember(m.u32())],
  [0x94, (m) => m.memoise()],
  ["g", (m) => m.recall(Number(m.line()))],
  ["h", (m) => m.recall(m.u8())],
  ["j", (m) => m.recall(m.u32())],
  ["c", (m) => m.name(m.line(), m.line())],
  [0x93, (m) => {
    const name = m.pop();
    m.name(m.pop(), name);
  }],
  ["R", (m) => m.call()],
  [0x81, (m) => m.make()], // NEWOBJ
  ["b", (m) => m.build()],
  ["P", (m) => m.persistent(m.line())],
  ["Q", (m) => m.persistent(m.pop())],
];

const OPCODES = new Map(
  INSTRUCTIONS.map(([code, step]) => [typeof code === "string" ? code.charCodeAt(0) : code, step]),
);
