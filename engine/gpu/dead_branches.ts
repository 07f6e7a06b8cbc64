/**
 * A kernel's text without what its constants leave dead: `if` statements that they decide, and what stands behind a return.
 * Drivers remove it too, but some only after they have written out every call in it, which takes them several times as long.
 * Lines stay where they are.
 */
import { closing, PARTNERS, type Token, tokenise } from "./wgsl_tokens.ts";

/** A number, 1 or 0 for true or false; undefined where it is not known. */
type Value = number | undefined;

const known = (compute: (a: number, b: number) => number | boolean) => (a: Value, b: Value): Value => {
  const value = a === undefined || b === undefined ? NaN : Number(compute(a, b));
  // What wraps around is not looked into.
  return value >= 0 && value < 2 ** 31 ? value : undefined;
};

/** Signs between two operands, by precedence. */
const SIGNS: Readonly<Record<string, readonly [precedence: number, (a: Value, b: Value) => Value]>> = {
  "||": [1, (a, b) => a || b ? 1 : a === 0 ? b : undefined],
  "&&": [2, (a, b) => a === 0 || b === 0 ? 0 : a && b],
  "==": [3, known((a, b) => a === b)],
  "!=": [3, known((a, b) => a !== b)],
  "<": [3, known((a, b) => a < b)],
  "<=": [3, known((a, b) => a <= b)],
  ">": [3, known((a, b) => a > b)],
  ">=": [3, known((a, b) => a >= b)],
  "+": [4, known((a, b) => a + b)],
  "-": [4, known((a, b) => a - b)],
  "*": [5, known((a, b) => a * b)],
  "/": [5, known((a, b) => Math.trunc(a / b))],
  "%": [5, known((a, b) => a % b)],
};

/** A kernel's text as `constants` leave it. */
export function liveText(text: string, constants: Readonly<Record<string, number>> = {}): string {
  const tokens = tokenise(text);
  // One whose brackets do not match is no WGSL, which its driver can say.
  if (!isBalanced(tokens)) return text;
  const { declared, bodies } = outline(tokens), walker = new Walker(tokens, new Known(declared, constants));
  for (const body of bodies) walker.block(body);
  const { dead } = walker;
  // Nor is one that ends inside a statement.
  if (dead.some(([, to]) => to >= tokens.length)) return text;
  let live = "", at = 0;
  for (const [from, to] of dead.sort(([a], [b]) => a - b)) {
    const [start, end] = [tokens[from].at, tokens[to].at + tokens[to].text.length];
    // Parts of dead code are dead already.
    if (start < at) continue;
    live += text.slice(at, start) + text.slice(start, end).replaceAll(/[^\n]+/g, "");
    at = end;
  }
  return live + text.slice(at);
}

/** Tokens of the values that a module's constants are declared with, by name. */
type Declared = ReadonlyMap<string, readonly Token[]>;

/** True where each bracket has its partner; a text in which one has none does not compile. */
function isBalanced(tokens: readonly Token[]): boolean {
  const open: string[] = [];
  for (const { text } of tokens) {
    if (PARTNERS[text]) open.push(PARTNERS[text]);
    else if (/^[)\]}]$/.test(text) && open.pop() !== text) return false;
  }
  return open.length === 0;
}

/** Constants that a module declares, but for names that a function gives to something else; and where functions' bodies begin. */
function outline(tokens: readonly Token[]): { declared: Declared; bodies: number[] } {
  const declared = new Map<string, readonly Token[]>(), bodies: number[] = [], hidden = new Set<string>();
  for (let at = 0; at < tokens.length; at++) {
    const { text } = tokens[at];
    if (text === "override" || text === "const") {
      const end = next(tokens, at, ";");
      declared.set(tokens[at + 1]?.text ?? "", tokens.slice(Math.min(next(tokens, at, "="), end) + 1, end));
      at = end;
    }
    const open = at + 2;
    if (text !== "fn" || tokens[open]?.text !== "(") continue;
    const close = closing(tokens, open), body = next(tokens, close, "{");
    if (body === tokens.length) break;
    const end = closing(tokens, body);
    for (let i = open; i < close; i++) if (tokens[i + 1].text === ":") hidden.add(tokens[i].text);
    for (let i = body; i < end; i++) if (/^(let|var|const)$/.test(tokens[i].text)) hidden.add(tokens[i + 1].text);
    bodies.push(body);
    at = end;
  }
  for (const name of hidden) declared.delete(name);
  return { declared, bodies };
}

/** Place of the next token of this text. */
function next(tokens: readonly Token[], at: number, text: string): number {
  while (at < tokens.length && tokens[at].text !== text) at++;
  return at;
}

/** Values of a module's constants, and of expressions made of nothing else. */
class Known {
  readonly #declared: Declared;
  readonly #values: Map<string, Value>;
  #tokens: readonly Token[] = [];
  #at = 0;

  constructor(declared: Declared, constants: Readonly<Record<string, number>>) {
    this.#declared = declared;
    this.#values = new Map(Object.entries(constants).filter(([name]) => declared.has(name)));
  }

  /** The value of an expression; undefined where something else has a part in it. */
  value(tokens: readonly Token[]): Value {
    const before = [this.#tokens, this.#at] as const;
    [this.#tokens, this.#at] = [tokens, 0];
    const value = this.#signed(1), whole = this.#at === tokens.length;
    [this.#tokens, this.#at] = before;
    return whole ? value : undefined;
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at]?.text;
  }

  #signed(least: number): Value {
    let value = this.#operand();
    for (let sign; (sign = SIGNS[this.#peek() ?? ""]) && sign[0] >= least;) {
      this.#at++;
      value = sign[1](value, this.#signed(sign[0] + 1));
    }
    return value;
  }

  #operand(): Value {
    const text = this.#peek();
    if (text === undefined) return undefined;
    if (text === "!") {
      this.#at++;
      const value = this.#operand();
      return value === undefined ? value : 1 - value;
    }
    if (text === "(") {
      const close = closing(this.#tokens, this.#at), inner = this.#tokens.slice(this.#at + 1, close);
      this.#at = close + 1;
      return this.#behind(this.value(inner));
    }
    this.#at++;
    if (/^\d+[iu]?$/.test(text)) return Number.parseInt(text);
    if (text === "true" || text === "false") return Number(text === "true");
    return this.#behind(this.#named(text));
  }

  /** An operand with what follows it: a part of something, or a call, is not known. */
  #behind(value: Value): Value {
    for (;;) {
      const text = this.#peek();
      if (text === "(" || text === "[") this.#at = closing(this.#tokens, this.#at) + 1;
      else if (text === ".") this.#at += 2;
      else return value;
      value = undefined;
    }
  }

  #named(name: string): Value {
    if (!this.#values.has(name)) {
      const own = this.#declared.get(name);
      // One that leads back to itself is not known.
      this.#values.set(name, undefined);
      if (own && own.length > 0) this.#values.set(name, this.value(own));
    }
    return this.#values.get(name);
  }
}

/** Finds what is dead in statements. */
class Walker {
  /** First and last tokens of dead parts. */
  readonly dead: [from: number, to: number][] = [];

  constructor(readonly tokens: readonly Token[], readonly known: Known) {}

  #text(at: number): string {
    return this.tokens[at]?.text ?? "";
  }

  /** Goes through a block from its opening brace on; true where none goes on behind it. */
  block(open: number): boolean {
    const close = closing(this.tokens, open);
    for (let at = open + 1; at < close;) {
      const [behind, ends] = this.#statement(at);
      at = behind;
      if (!ends) continue;
      // What a loop does before it goes on is not what stands behind a return.
      if (at < close && this.#text(at) !== "continuing") this.dead.push([at, close - 1]);
      return true;
    }
    return false;
  }

  /** Goes through a statement: where the next begins, and whether none goes on to there. Cases of a switch count as statements. */
  #statement(at: number): [behind: number, ends: boolean] {
    if (this.#text(at) === "if") return this.#branch(at);
    let end = at;
    while (end < this.tokens.length && !/^[;{]$/.test(this.#text(end))) {
      end = this.#text(end) === "(" ? closing(this.tokens, end) + 1 : end + 1;
    }
    if (this.#text(end) !== "{") return [end + 1, this.#text(at) === "return"];
    const ends = this.block(end);
    return [closing(this.tokens, end) + 1, ends && end === at];
  }

  #branch(at: number): [behind: number, ends: boolean] {
    const open = next(this.tokens, at, "{"),
      close = closing(this.tokens, open),
      hasElse = this.#text(close + 1) === "else";
    const value = this.known.value(this.tokens.slice(at + 1, open));
    if (value === 1) {
      this.dead.push([at, open - 1]);
      const ends = this.block(open);
      if (!hasElse) return [close + 1, ends];
      const [behind] = new Walker(this.tokens, this.known).#statement(close + 2);
      this.dead.push([close + 1, behind - 1]);
      return [behind, ends];
    }
    if (value === 0) {
      this.dead.push([at, hasElse ? close + 1 : close]);
      return hasElse ? this.#statement(close + 2) : [close + 1, false];
    }
    const ends = this.block(open);
    if (!hasElse) return [close + 1, false];
    const [behind, otherEnds] = this.#statement(close + 2);
    return [behind, ends && otherEnds];
  }
}
