/** Statements of WGSL functions, as far as their control flow goes. */
import { closing, type Token } from "../../gpu/wgsl_tokens.ts";

/** Statements in braces. */
export interface Block {
  readonly kind: "block";
  readonly statements: readonly Statement[];
  /** Its opening brace. */
  readonly open: Token;
}

/** A statement; what stands in it is left as it is. */
export type Statement =
  | Block
  | { readonly kind: "branch"; readonly condition: readonly Token[]; readonly arms: readonly Statement[] }
  | { readonly kind: "loop"; readonly head: readonly (readonly Token[])[]; readonly body: Statement }
  | { readonly kind: "plain"; readonly tokens: readonly Token[] };

/** A function. */
export interface Fn {
  readonly name: string;
  /** Characters before the bracket of its parameters. */
  readonly open: number;
  /** Tokens in its brackets. */
  readonly parameters: readonly Token[];
  /** Tokens between its brackets and its body: the type it gives. */
  readonly result: readonly Token[];
  /** Tokens before it: attributes. */
  readonly attributes: readonly Token[];
  readonly body: Block;
  /** All of its body, braces included. */
  readonly tokens: readonly Token[];
}

/** Every function of a text. */
export function parseFunctions(tokens: readonly Token[]): Fn[] {
  const found: Fn[] = [];
  let before = 0;
  for (let at = 0; at < tokens.length; at++) {
    const { text } = tokens[at];
    if (text === ";" || text === "}") before = at + 1;
    if (text !== "fn") continue;
    const open = at + 2, close = closing(tokens, open);
    let brace = close + 1;
    while (brace < tokens.length && tokens[brace].text !== "{") brace++;
    const parser = new Parser(tokens, brace), body = parser.block();
    found.push({
      name: tokens[at + 1].text,
      open: tokens[open].at,
      parameters: tokens.slice(open + 1, close),
      result: tokens.slice(close + 1, brace),
      attributes: tokens.slice(before, at),
      body,
      tokens: tokens.slice(brace, parser.at),
    });
    at = parser.at - 1;
    before = parser.at;
  }
  return found;
}

/** Shows each run of tokens of a statement and of those inside it. */
export function walk(statement: Statement, see: (tokens: readonly Token[]) => void): void {
  switch (statement.kind) {
    case "block":
      return statement.statements.forEach((inner) => walk(inner, see));
    case "branch":
      see(statement.condition);
      return statement.arms.forEach((arm) => walk(arm, see));
    case "loop":
      statement.head.forEach(see);
      return walk(statement.body, see);
    case "plain":
      return see(statement.tokens);
  }
}

/** Every block of a statement, itself included. */
export function blocksIn(statement: Statement): Block[] {
  switch (statement.kind) {
    case "block":
      return [statement, ...statement.statements.flatMap(blocksIn)];
    case "branch":
      return statement.arms.flatMap(blocksIn);
    case "loop":
      return blocksIn(statement.body);
    case "plain":
      return [];
  }
}

class Parser {
  constructor(readonly tokens: readonly Token[], public at: number) {}

  peek(): string | undefined {
    return this.tokens[this.at]?.text;
  }

  take(): Token {
    if (this.at >= this.tokens.length) throw new SyntaxError("the WGSL text ends inside a function");
    return this.tokens[this.at++];
  }

  /** Tokens between a bracket and its partner. */
  group(): readonly Token[] {
    const close = closing(this.tokens, this.at), inside = this.tokens.slice(this.at + 1, close);
    this.at = close;
    this.take();
    return inside;
  }

  block(): Block {
    const open = this.take();
    const statements: Statement[] = [];
    while (this.peek() !== "}") statements.push(this.statement());
    this.take();
    return { kind: "block", statements, open };
  }

  statement(): Statement {
    switch (this.peek()) {
      case "{":
        return this.block();
      case "if": {
        this.take();
        const condition = this.until("{");
        const arms: Statement[] = [this.block()];
        if (this.peek() === "else") {
          this.take();
          arms.push(this.statement());
        }
        return { kind: "branch", condition, arms };
      }
      case "switch": {
        this.take();
        const condition = this.until("{");
        this.take();
        const arms: Statement[] = [];
        while (this.peek() !== "}") {
          this.until("{");
          arms.push(this.block());
        }
        this.take();
        return { kind: "branch", condition, arms };
      }
      case "for": {
        this.take();
        const head: Token[][] = [[]];
        for (const token of this.group()) token.text === ";" ? head.push([]) : head.at(-1)!.push(token);
        return { kind: "loop", head, body: this.block() };
      }
      case "while":
        this.take();
        return { kind: "loop", head: [this.until("{")], body: this.block() };
      case "loop":
      case "continuing":
        this.take();
        return { kind: "loop", head: [], body: this.block() };
      default: {
        const tokens = this.until(";");
        this.take();
        return { kind: "plain", tokens };
      }
    }
  }

  until(end: string): Token[] {
    const tokens: Token[] = [];
    while (this.peek() !== end) tokens.push(this.take());
    return tokens;
  }
}
