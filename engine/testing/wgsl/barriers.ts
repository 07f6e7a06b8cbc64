/**
 * Looks for barriers that some invocations of a workgroup may pass and others not. The shader compiler at hand takes such
 * kernels without a word, and they hang or race on some devices. Conservative: what cannot be seen to be the same for
 * the whole workgroup counts as different.
 */
import { type Fn, parseFunctions, type Statement, walk } from "./statements.ts";
import { type Token, tokenise } from "../../gpu/wgsl_tokens.ts";

const BARRIERS = ["workgroupBarrier", "storageBarrier", "textureBarrier", "workgroupUniformLoad"];
const SAME_FOR_ALL = ["workgroup_id", "num_workgroups"];
const PURE = /^(abs|ceil|clamp|countOneBits|f32|floor|i32|max|min|select|u32|vec[234][fiu]?|bool|true|false)$/;

/** A barrier under divergent control. */
export interface Finding {
  readonly line: number;
  readonly text: string;
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

  function note(tokens: readonly Token[], divergent: boolean): void {
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

  function differs(tokens: readonly Token[]): boolean {
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
