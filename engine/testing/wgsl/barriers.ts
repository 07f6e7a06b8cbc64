/**
 * Looks for barriers that some invocations of a workgroup may pass and others not. The shader compiler at hand takes such
 * kernels without a word, and they hang or race on some devices. Conservative: what cannot be seen to be the same for
 * the whole workgroup counts as different.
 */

const BARRIERS = ["workgroupBarrier", "storageBarrier", "textureBarrier", "workgroupUniformLoad"];
const SAME_FOR_ALL = ["workgroup_id", "num_workgroups"];
const PURE = /^(abs|ceil|clamp|countOneBits|f32|floor|i32|max|min|select|u32|vec[234][fiu]?|bool|true|false)$/;

/** A barrier under divergent control. */
export interface Finding {
  readonly line: number;
  readonly text: string;
}

interface Token {
  readonly text: string;
  readonly line: number;
}

interface Block {
  readonly kind: "block";
  readonly statements: Statement[];
}

type Statement =
  | Block
  | { readonly kind: "branch"; readonly condition: Token[]; readonly arms: Statement[] }
  | { readonly kind: "loop"; readonly head: Token[][]; readonly body: Statement }
  | { readonly kind: "plain"; readonly tokens: Token[] };

interface Fn {
  readonly name: string;
  readonly parameters: Token[];
  readonly body: Block;
}

/** Every barrier of a WGSL text, library functions included, that is under divergent control. */
export function lintBarriers(source: string): Finding[] {
  const tokens = tokenise(source);
  const globals = new Set<string>();
  for (const [, name] of source.matchAll(/^\s*(?:override|const)\s+(\w+)/gm)) globals.add(name);
  // Memory that no invocation writes reads the same for all that read the same place.
  for (const [, name] of source.matchAll(/var<\s*(?:uniform|storage\s*,\s*read)\s*>\s*(\w+)/g)) globals.add(name);
  for (const [, name] of source.matchAll(/^\s*(?:alias|struct)\s+(\w+)/gm)) globals.add(name);
  const functions = parseFunctions(tokens);
  // Functions of their arguments and of such things alone: equal arguments give equal results.
  for (let size = -1; size !== globals.size;) {
    size = globals.size;
    for (const fn of functions) if (!globals.has(fn.name) && isPlain(fn, globals)) globals.add(fn.name);
  }
  const barriers = new Set(BARRIERS);
  for (let size = -1; size !== barriers.size;) {
    size = barriers.size;
    for (const { name, body } of functions) if (mentions(body, barriers)) barriers.add(name);
  }
  return functions.flatMap((fn) => check(fn, globals, barriers));
}

function check(fn: Fn, globals: ReadonlySet<string>, barriers: ReadonlySet<string>): Finding[] {
  const local = new Set<string>();
  walk(fn.body, (tokens) => {
    if (tokens[0]?.text === "let" || tokens[0]?.text === "var" || tokens[0]?.text === "const") {
      local.add(tokens[1].text);
    }
  });
  for (const name of sameParameters(fn.parameters)) local.add(name);

  // Everything starts out the same for all invocations; what is found to differ is struck until nothing changes.
  const same = new Set([...globals, ...local]);
  for (const token of fn.parameters) if (!sameParameters(fn.parameters).includes(token.text)) same.delete(token.text);
  const findings = new Map<Token, Finding>();
  for (let before = -1; before !== same.size;) {
    before = same.size;
    findings.clear();
    visit(fn.body, false);
  }
  return [...findings.values()];

  /** Returns whether some invocations may have left, so that what follows is not reached by all. */
  function visit(statement: Statement, divergent: boolean): boolean {
    switch (statement.kind) {
      case "block": {
        let left = false;
        for (const inner of statement.statements) left = visit(inner, divergent || left) || left;
        return left;
      }
      case "branch": {
        const inside = divergent || differs(statement.condition);
        note(statement.condition, divergent);
        return statement.arms.map((arm) => visit(arm, inside)).some(Boolean);
      }
      case "loop": {
        const inside = divergent || statement.head.some(differs);
        statement.head.forEach((part) => note(part, inside));
        // A second look: what an invocation that left the loop early misses, it misses from the loop's beginning too.
        const left = visit(statement.body, inside);
        if (left) visit(statement.body, true);
        return left && mayReturn(statement.body);
      }
      case "plain":
        note(statement.tokens, divergent);
        return divergent && ["return", "break", "continue", "discard"].includes(statement.tokens[0]?.text);
    }
  }

  function note(tokens: Token[], divergent: boolean): void {
    for (const token of tokens) {
      if (divergent && barriers.has(token.text)) {
        findings.set(token, {
          line: token.line,
          text: `${token.text} in ${fn.name} is not reached by all invocations`,
        });
      }
    }
    const at = tokens.findIndex(({ text }) => /^([-+*/%&|^]|<<|>>)?=$|^(\+\+|--)$/.test(text));
    if (at < 0) return;
    const name = ["let", "var", "const"].includes(tokens[0].text) ? tokens[1].text : tokens[0].text;
    const declaration = tokens[0].text !== name;
    if ((divergent && !declaration) || differs(tokens.slice(at + 1))) same.delete(name);
  }

  function differs(tokens: Token[]): boolean {
    return tokens.some(({ text }, i) => {
      if (!/^[A-Za-z_]/.test(text) || tokens[i - 1]?.text === "." || tokens[i - 1]?.text === ":") return false;
      return !same.has(text) && !PURE.test(text) && !["let", "var", "const", "if", "for", "while"].includes(text);
    });
  }
}

/** True where a function mentions nothing but its parameters, its own variables, `known` names and pure functions. */
function isPlain({ parameters, body }: Fn, known: ReadonlySet<string>): boolean {
  if (parameters.some(({ text }) => text === "@")) return false;
  const own = new Set(parameters.map(({ text }) => text));
  walk(body, (tokens) => {
    if (["let", "var", "const"].includes(tokens[0]?.text)) own.add(tokens[1].text);
  });
  let plain = true;
  walk(body, (tokens) =>
    tokens.forEach(({ text }, i) => {
      if (!/^[A-Za-z_]/.test(text) || tokens[i - 1]?.text === ".") return;
      const word = /^(let|var|const|if|else|for|while|loop|return|break|continue)$/.test(text);
      plain &&= word || own.has(text) || known.has(text) || PURE.test(text);
    }));
  return plain;
}

/** Parameters declared with a builtin that a whole workgroup shares. */
function sameParameters(tokens: readonly Token[]): string[] {
  const text = tokens.map((token) => token.text).join(" ");
  return [...text.matchAll(/@ builtin \( (\w+) \) (\w+)/g)].flatMap(([, builtin, name]) =>
    SAME_FOR_ALL.includes(builtin) ? [name] : []
  );
}

function mayReturn(statement: Statement): boolean {
  let found = false;
  walk(statement, (tokens) => found ||= tokens[0]?.text === "return");
  return found;
}

function mentions(statement: Statement, names: ReadonlySet<string>): boolean {
  let found = false;
  walk(statement, (tokens) => found ||= tokens.some(({ text }) => names.has(text)));
  return found;
}

function walk(statement: Statement, see: (tokens: Token[]) => void): void {
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

function tokenise(source: string): Token[] {
  const pattern =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|\n|[A-Za-z_]\w*|[0-9][\w.]*|<<=|>>=|[-+*/%&|^<>=!]=|\+\+|--|&&|\|\||->|\S/g;
  const tokens: Token[] = [];
  let line = 1;
  for (const [text] of source.matchAll(pattern)) {
    if (!/^(\/\/|\/\*|\n)/.test(text)) tokens.push({ text, line });
    line += text.split("\n").length - 1;
  }
  return tokens;
}

function parseFunctions(tokens: Token[]): Fn[] {
  const found: Fn[] = [];
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at].text !== "fn") continue;
    const parser = new Parser(tokens, at + 2);
    const parameters = parser.group("(", ")");
    while (parser.peek() !== "{") parser.take();
    found.push({ name: tokens[at + 1].text, parameters, body: parser.block() });
    at = parser.at - 1;
  }
  return found;
}

class Parser {
  constructor(readonly tokens: Token[], public at: number) {}

  peek(): string | undefined {
    return this.tokens[this.at]?.text;
  }

  take(): Token {
    if (this.at >= this.tokens.length) throw new SyntaxError("the WGSL text ends inside a function");
    return this.tokens[this.at++];
  }

  /** Tokens between a bracket and its partner. */
  group(open: string, close: string): Token[] {
    const inside: Token[] = [];
    this.take();
    for (let depth = 1;;) {
      const token = this.take();
      if (token.text === open) depth++;
      if (token.text === close && --depth === 0) return inside;
      inside.push(token);
    }
  }

  block(): Block {
    this.take();
    const statements: Statement[] = [];
    while (this.peek() !== "}") statements.push(this.statement());
    this.take();
    return { kind: "block", statements };
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
        for (const token of this.group("(", ")")) token.text === ";" ? head.push([]) : head.at(-1)!.push(token);
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
