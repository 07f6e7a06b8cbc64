/** Places in memory that a WGSL function names: which variable, by which indices, read or written. */
import { localsOf, type Module, scalarsOf, type Type, type Variable } from "./module.ts";
import type { Fn } from "./statements.ts";
import { closing, isName, type Token } from "../../gpu/wgsl_tokens.ts";

/** An index in square brackets. */
export interface Step {
  /** Characters before what stands in the brackets, and before the closing one. */
  readonly from: number;
  readonly to: number;
  /** The index where it is a number as it stands. */
  readonly literal: number | null;
  /** Elements that there are, as a WGSL expression. */
  readonly length: string;
  /** Numbers that an element holds, as a WGSL expression; null where that is not known. */
  readonly stride: string | null;
}

/** A place as a function names it. */
export interface Place {
  readonly name: string;
  /** Undefined for a variable of a function. */
  readonly variable: Variable | undefined;
  readonly kind: "read" | "write" | "both" | "atomic" | "pointer";
  readonly line: number;
  /** Characters before it, and before what follows. */
  readonly from: number;
  readonly to: number;
  /** True where it begins a statement. */
  readonly leads: boolean;
  readonly steps: readonly Step[];
  /** Numbers before it by members of structs and vectors alone, as a WGSL expression. */
  readonly offset: string;
  /** Type of the numbers there. */
  readonly type: Type;
}

const COMPONENTS = ["xyzw", "rgba"];

/** Places of variables whose types are known that a function names. */
export function placesOf(module: Module, fn: Fn): Place[] {
  const locals = localsOf(fn, module.types), { tokens } = fn, places: Place[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const { text } = tokens[at], before = tokens[at - 1]?.text;
    if (!isName(text) || before === "." || before === "var" || before === "let" || before === "const") continue;
    const local = locals.get(text), own = local !== undefined && at >= local.after;
    const variable = own ? undefined : module.variables.get(text);
    const type = own ? local.type : variable?.type;
    if (!type) continue;
    places.push(placeAt(tokens, at, text, variable, type));
  }
  return places;
}

function placeAt(
  tokens: readonly Token[],
  at: number,
  name: string,
  variable: Variable | undefined,
  declared: Type,
): Place {
  const steps: Step[] = [];
  let type = declared, offset = "0u", path = name, next = at + 1;
  for (;;) {
    const { text } = tokens[next] ?? { text: "" };
    if (text === "[") {
      const close = closing(tokens, next), element = elementOf(type);
      if (!element) break;
      const inside = tokens.slice(next + 1, close);
      const literal = inside.length === 1 && /^\d+[ui]?$/.test(inside[0].text) ? parseInt(inside[0].text) : null;
      const length = element.length ?? `arrayLength(&${path})`;
      steps.push({ from: tokens[next].at + 1, to: tokens[close].at, literal, length, stride: scalarsOf(element.type) });
      type = element.type;
      next = close + 1;
    } else if (text === "." && isName(tokens[next + 1]?.text)) {
      const member = memberOf(type, tokens[next + 1].text);
      if (!member) break;
      if (member.offset !== "0u") offset = offset === "0u" ? member.offset : `${offset} + ${member.offset}`;
      type = member.type;
      path += `.${tokens[next + 1].text}`;
      next += 2;
    } else break;
  }
  const { kind, leads } = useOf(tokens, at, next);
  return {
    name,
    variable,
    kind,
    line: tokens[at].line,
    from: tokens[at].at,
    to: tokens[next - 1].at + tokens[next - 1].text.length,
    leads,
    steps,
    offset,
    type,
  };
}

function elementOf(type: Type): { readonly type: Type; readonly length: string | null } | null {
  if (type.kind === "array") return { type: type.of, length: type.length === null ? null : `u32(${type.length})` };
  if (type.kind === "vector") return { type: type.of, length: `${type.count}u` };
  if (type.kind === "matrix") return { type: type.column, length: `${type.columns}u` };
  return null;
}

/** A member of a struct or one component of a vector, with the numbers before it; several components stand for the vector. */
function memberOf(type: Type, name: string): { readonly type: Type; readonly offset: string } | null {
  if (type.kind === "vector" && name.length === 1) {
    const component = Math.max(...COMPONENTS.map((names) => names.indexOf(name)));
    return component < 0 ? null : { type: type.of, offset: `${component}u` };
  }
  if (type.kind !== "struct") return null;
  const at = type.members.findIndex((member) => member.name === name);
  if (at < 0) return null;
  const sizes = type.members.slice(0, at).map((member) => scalarsOf(member.type));
  if (sizes.includes(null)) return null;
  return { type: type.members[at].type, offset: sizes.length === 0 ? "0u" : sizes.join(" + ") };
}

/** The use made of what stands from `at` to before `next`. */
function useOf(tokens: readonly Token[], at: number, next: number): { kind: Place["kind"]; leads: boolean } {
  const before = tokens[at - 1]?.text, after = tokens[next]?.text ?? "";
  const leads = [";", "{", "}", ":"].includes(before ?? ";");
  if (before === "&" && !isOperand(tokens[at - 2]?.text)) {
    const callee = tokens[at - 2]?.text === "(" ? tokens[at - 3]?.text : undefined;
    return { kind: callee === "arrayLength" || callee?.startsWith("atomic") ? "atomic" : "pointer", leads };
  }
  if (after === "=") return { kind: "write", leads };
  if (/^(?:[-+*/%&|^]|<<|>>)=$|^(?:\+\+|--)$/.test(after)) return { kind: "both", leads };
  return { kind: "read", leads };
}

/** True where a word ends an operand, so that a sign after it has two. */
function isOperand(text: string | undefined): boolean {
  return text !== undefined && (/^[\w.]+$/.test(text) ? text !== "return" : [")", "]"].includes(text));
}
