/** Declarations of a WGSL text: types, variables and functions, as far as checks of what is read and written go. */
import { type Fn, parseFunctions } from "./statements.ts";
import { closing, isName, type Token, tokenise } from "../../gpu/wgsl_tokens.ts";

/** A type. Lengths are WGSL expressions, for they may be made of overridable constants; null at run time. */
export type Type =
  | { readonly kind: "scalar"; readonly name: string }
  | { readonly kind: "vector"; readonly count: number; readonly of: Type }
  | { readonly kind: "matrix"; readonly columns: number; readonly column: Type }
  | { readonly kind: "array"; readonly of: Type; readonly length: string | null }
  | { readonly kind: "atomic"; readonly of: Type }
  | { readonly kind: "struct"; readonly name: string; readonly members: readonly Member[] }
  | { readonly kind: "other"; readonly name: string };

/** A member of a struct, or a parameter of a function. */
export interface Member {
  readonly name: string;
  readonly type: Type;
  /** Builtin value that it holds. */
  readonly builtin: string | null;
}

/** A variable of a whole text. */
export interface Variable {
  readonly name: string;
  readonly space: "workgroup" | "private" | "uniform" | "read" | "read_write";
  readonly type: Type;
}

/** Declarations of a text. */
export interface Module {
  readonly tokens: readonly Token[];
  readonly functions: readonly Fn[];
  readonly variables: ReadonlyMap<string, Variable>;
  /** Types by name: aliases and structs. */
  readonly types: ReadonlyMap<string, Type>;
  /** Values that constants have by themselves, overridable ones included, as WGSL expressions. */
  readonly constants: ReadonlyMap<string, string>;
}

const SCALARS = ["f32", "i32", "u32", "f16", "bool"];
const SHORT: Readonly<Record<string, string>> = { f: "f32", i: "i32", u: "u32", h: "f16" };

/** Declarations of a WGSL text. */
export function parseModule(source: string): Module {
  const tokens = tokenise(source), types = new Map<string, Type>(), variables = new Map<string, Variable>();
  const constants = new Map<string, string>();
  // Twice, for a type may be used before it is declared.
  for (let pass = 0; pass < 2; pass++) {
    for (let at = 0; at < tokens.length; at++) {
      const { text } = tokens[at];
      if (text === "struct") {
        const name = tokens[at + 1].text, close = closing(tokens, at + 2);
        types.set(name, { kind: "struct", name, members: parseMembers(tokens.slice(at + 3, close), types) });
        at = close;
      } else if (text === "alias") {
        types.set(tokens[at + 1].text, parseType(tokens, at + 3, types).type);
      } else if (text === "var") {
        const declared = parseVariable(tokens, at, types);
        if (declared) variables.set(declared.name, declared);
      } else if (text === "const" || text === "override") {
        const stop = tokens.findIndex((token, i) => i > at && token.text === ";");
        const equals = tokens.findIndex((token, i) => i > at && i < stop && token.text === "=");
        const value = tokens.slice(equals + 1, stop).map((token) => token.text).join(" ");
        if (equals > 0) constants.set(tokens[at + 1].text, value);
        at = stop;
      } else if (text === "{") at = closing(tokens, at);
    }
  }
  return { tokens, functions: parseFunctions(tokens), variables, types, constants };
}

function parseVariable(tokens: readonly Token[], at: number, types: ReadonlyMap<string, Type>): Variable | null {
  if (tokens[at + 1].text !== "<") return null;
  let to = at + 2;
  while (tokens[to].text !== ">") to++;
  const [space, access] = tokens.slice(at + 2, to).filter(({ text }) => text !== ",").map(({ text }) => text);
  if (tokens[to + 2]?.text !== ":") return null;
  const known = space === "storage" ? (access === "read_write" ? access : "read") : space;
  return { name: tokens[to + 1].text, space: known as Variable["space"], type: parseType(tokens, to + 3, types).type };
}

/** Members of a struct or parameters of a function, separated by commas. */
export function parseMembers(tokens: readonly Token[], types: ReadonlyMap<string, Type>): Member[] {
  const members: Member[] = [];
  for (let at = 0; at < tokens.length;) {
    let builtin: string | null = null;
    while (tokens[at].text === "@") {
      const brackets = tokens[at + 2]?.text === "(";
      if (tokens[at + 1].text === "builtin") builtin = tokens[at + 3].text;
      at = brackets ? closing(tokens, at + 2) + 1 : at + 2;
    }
    const name = tokens[at].text, parsed = parseType(tokens, at + 2, types);
    members.push({ name, type: parsed.type, builtin });
    at = parsed.after;
    while (at < tokens.length && tokens[at].text !== ",") at++;
    at++;
  }
  return members;
}

/** Arguments in pointed brackets at `open`, as tokens of each. */
function templateArguments(
  tokens: readonly Token[],
  open: number,
): { readonly parts: Token[][]; readonly after: number } {
  const parts: Token[][] = [[]];
  for (let at = open + 1, depth = 0; at < tokens.length; at++) {
    const { text } = tokens[at];
    if (text === ">" && depth === 0) return { parts: parts.filter((part) => part.length > 0), after: at + 1 };
    if (text === "<" || text === "(") depth++;
    if (text === ">" || text === ")") depth--;
    if (text === "," && depth === 0) parts.push([]);
    else parts.at(-1)!.push(tokens[at]);
  }
  return { parts, after: tokens.length };
}

/** The type that begins at a token, and the token after it. */
export function parseType(
  tokens: readonly Token[],
  at: number,
  types: ReadonlyMap<string, Type>,
): { readonly type: Type; readonly after: number } {
  const name = tokens[at]?.text ?? "";
  const { parts, after } = tokens[at + 1]?.text === "<"
    ? templateArguments(tokens, at + 1)
    : { parts: [], after: at + 1 };
  const inner = (): Type => parts.length > 0 ? parseType(parts[0], 0, types).type : { kind: "other", name };
  return { type: typeOf(name, parts, inner, types), after };
}

function typeOf(
  name: string,
  parts: readonly (readonly Token[])[],
  inner: () => Type,
  types: ReadonlyMap<string, Type>,
): Type {
  if (SCALARS.includes(name)) return { kind: "scalar", name };
  const known = types.get(name);
  if (known) return known;
  const [, shape, short] = /^((?:vec|mat)[234](?:x[234])?)([fiuh])?$/.exec(name) ?? [];
  if (shape) {
    const of: Type = short ? { kind: "scalar", name: SHORT[short] } : inner();
    const [first, rows] = shape.slice(3).split("x").map(Number);
    if (rows === undefined) return { kind: "vector", count: first, of };
    return { kind: "matrix", columns: first, column: { kind: "vector", count: rows, of } };
  }
  if (name === "atomic") return { kind: "atomic", of: inner() };
  if (name === "array" && parts.length > 0) {
    return { kind: "array", of: inner(), length: parts[1] ? parts[1].map(({ text }) => text).join(" ") : null };
  }
  return { kind: "other", name };
}

/** Numbers that a type holds, as a WGSL expression; null where that is known at run time alone, or not at all. */
export function scalarsOf(type: Type): string | null {
  switch (type.kind) {
    case "scalar":
    case "atomic":
      return "1u";
    case "vector":
      return `${type.count}u`;
    case "matrix":
      return product(`${type.columns}u`, scalarsOf(type.column));
    case "array":
      return type.length === null ? null : product(`u32(${type.length})`, scalarsOf(type.of));
    case "struct":
      return type.members.map((member) => scalarsOf(member.type)).reduce(
        (sum, one) => sum === null || one === null ? null : sum === "0u" ? one : `(${sum} + ${one})`,
        "0u" as string | null,
      );
    case "other":
      return null;
  }
}

function product(a: string, b: string | null): string | null {
  return b === null ? null : b === "1u" ? a : `${a} * ${b}`;
}

/** Functions that an entry point reaches, itself included. */
export function reachedFrom(module: Module, entry: string): Fn[] {
  const byName = new Map(module.functions.map((fn) => [fn.name, fn])), reached = new Set([entry]);
  for (const name of reached) {
    for (const { text } of byName.get(name)?.tokens ?? []) if (byName.has(text)) reached.add(text);
  }
  return module.functions.filter(({ name }) => reached.has(name));
}

/** A name that a function declares. */
export interface Local {
  /** Its type where that is named, and named once. */
  readonly type: Type | null;
  /** Tokens of the body before its declaration has ended: until there the name means something else. */
  readonly after: number;
}

/** Names that a function declares: its parameters and its own variables. */
export function localsOf({ parameters, tokens }: Fn, types: ReadonlyMap<string, Type>): ReadonlyMap<string, Local> {
  const found = new Map<string, Local>(
    parseMembers(parameters, types).map(({ name, type }) => [name, { type, after: 0 }]),
  );
  for (let at = 0; at < tokens.length; at++) {
    if (!["let", "var", "const"].includes(tokens[at].text) || !isName(tokens[at + 1]?.text)) continue;
    const name = tokens[at + 1].text, known = found.get(name);
    const type = tokens[at + 2]?.text === ":" ? parseType(tokens, at + 3, types).type : null;
    let after = at;
    while (after < tokens.length && tokens[after].text !== ";") after++;
    // One name for two things in different blocks: nothing is known of either.
    found.set(name, known ? { type: null, after: known.after } : { type, after });
  }
  return found;
}
