/** Programs as lists, as token sequences, and back (papers/iep-ref.md#encoding). */
import type { ProgramNode } from "../files/types.ts";

/** Order of a program's tokens. */
export type ProgramMode = "prefix" | "postfix" | "chain";

/**
 * A node as a token: `name` or `name[value,…]`.
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * strictEqual(refplus.tokenOf({ type: "filter_color", value_inputs: ["red"] }), "filter_color[red]");
 * strictEqual(refplus.tokenOf({ type: "scene", value_inputs: [] }), "scene");
 * ```
 */
export function tokenOf({ type, value_inputs }: Pick<ProgramNode, "type" | "value_inputs">): string {
  return value_inputs.length === 0 ? type : `${type}[${value_inputs.join(",")}]`;
}

/** The node that a token stands for, without its inputs. */
export function nodeOf(token: string): Pick<ProgramNode, "type" | "value_inputs"> {
  const [type, values] = token.replace("]", "").split("[");
  return { type, value_inputs: values === undefined ? [] : values.split(",") };
}

/**
 * Number of inputs a token takes. Special tokens take one.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * deepStrictEqual(["scene", "filter_color[red]", "union"].map(refplus.arity), [0, 1, 2]);
 * ```
 */
export function arity(token: string): number {
  const name = token.split("[")[0];
  if (name === "scene") return 0;
  return ["union", "intersect", "less_than", "greater_than"].includes(name) || name.includes("equal") ? 2 : 1;
}

/**
 * The tokens of a program: `prefix` has each node before its inputs, `postfix` after them, `chain` keeps the list; null for
 * a chain that branches or has unused nodes.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * const program = [
 *   { type: "scene", inputs: [], value_inputs: [] },
 *   { type: "filter_color", inputs: [0], value_inputs: ["red"] },
 *   { type: "unique", inputs: [1], value_inputs: [] },
 * ];
 * deepStrictEqual(refplus.flatten(program, "prefix"), ["unique", "filter_color[red]", "scene"]);
 * deepStrictEqual(refplus.flatten(program, "postfix"), ["scene", "filter_color[red]", "unique"]);
 * ```
 */
export function flatten(program: readonly ProgramNode[], mode: ProgramMode): string[] | null {
  if (mode === "chain") return isChain(program) ? program.map(tokenOf) : null;
  const tokens: string[] = [];
  const visit = (at: number): void => {
    if (mode === "prefix") tokens.push(tokenOf(program[at]));
    program[at].inputs.forEach(visit);
    if (mode === "postfix") tokens.push(tokenOf(program[at]));
  };
  visit(program.length - 1);
  return tokens;
}

/**
 * The program of a prefix or postfix sequence; null where the sequence is not exactly one tree.
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * deepStrictEqual(refplus.unflatten(["unique", "filter_color[red]", "scene"], "prefix"), [
 *   { type: "scene", inputs: [], value_inputs: [] },
 *   { type: "filter_color", inputs: [0], value_inputs: ["red"] },
 *   { type: "unique", inputs: [1], value_inputs: [] },
 * ]);
 * strictEqual(refplus.unflatten(["union", "scene"], "prefix"), null); // an input is missing
 * ```
 */
export function unflatten(tokens: readonly string[], mode: "prefix" | "postfix"): ProgramNode[] | null {
  const program: ProgramNode[] = [];
  const order = mode === "postfix" ? tokens : [...tokens].reverse();
  const open: number[] = [];
  for (const token of order) {
    const inputs = open.splice(Math.max(0, open.length - arity(token)));
    if (inputs.length < arity(token)) return null;
    if (mode === "prefix") inputs.reverse();
    program.push({ ...nodeOf(token), inputs });
    open.push(program.length - 1);
  }
  return open.length === 1 ? program : null;
}

function isChain(program: readonly ProgramNode[]): boolean {
  const used = new Set<number>();
  for (let at: number | undefined = program.length - 1; at !== undefined; at = program[at].inputs[0]) {
    if (program[at].inputs.length > 1) return false;
    used.add(at);
  }
  return used.size === program.length;
}
