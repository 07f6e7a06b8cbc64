/** Words and program nodes as numbers (papers/iep-ref.md#encoding). */
/** Tokens of every vocabulary, at the indices they stand at here. */
export const SPECIAL_TOKENS = ["<NULL>", "<START>", "<END>", "<UNK>"] as const;

/** Index of each special token. */
export const [NULL, START, END, UNKNOWN] = [0, 1, 2, 3];

/** Index of each token. */
export type TokenTable = Readonly<Record<string, number>>;

/** A vocabulary file, with the reference's names. */
export interface Vocabulary {
  /** Words of expressions. */
  readonly refexp_token_to_idx: TokenTable;
  /** Tokens of programs. */
  readonly program_token_to_idx: TokenTable;
  /** Always null: the answer is a mask. */
  readonly answer_token_to_idx: null;
}

/**
 * The words of an expression: `;` and `,` stand alone, `?` and `.` are dropped, case is kept. Blanks around it and several
 * in a row count as one; the reference makes empty words of them, which its vocabulary lacks.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * deepStrictEqual(refplus.wordsOf("Any red ball; it is left."), ["Any", "red", "ball", ";", "it", "is", "left"]);
 * ```
 */
export function wordsOf(refexp: string): string[] {
  return refexp.replace(/[;,]/g, " $&").replace(/[?.]/g, "").split(/\s+/).filter((word) => word !== "");
}

/** Counts tokens and gives them indices. */
export class TokenCounter {
  readonly #counts = new Map<string, number>();

  /** Counts tokens. */
  add(tokens: readonly string[]): void {
    for (const token of tokens) this.#counts.set(token, (this.#counts.get(token) ?? 0) + 1);
  }

  /** Special tokens first, then those seen at least `threshold` times, in the order of their code points. */
  table(threshold = 1): TokenTable {
    const seen = [...this.#counts].filter(([, count]) => count >= threshold).map(([token]) => token);
    return Object.fromEntries([...SPECIAL_TOKENS, ...seen.sort(byCodePoint)].map((token, i) => [token, i]));
  }
}

/** `table` with the tokens of `other` that it lacks, in their order there, at the end. */
export function expandTable(table: TokenTable, other: TokenTable): TokenTable {
  const all: Record<string, number> = { ...table };
  for (const token of Object.keys(other)) all[token] ??= Object.keys(all).length;
  return all;
}

/**
 * Indices of tokens between `<START>` and `<END>`. A token that the table lacks becomes `<UNK>`, or is passed to
 * `unknown`, which throws.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * const table = { "<NULL>": 0, "<START>": 1, "<END>": 2, "<UNK>": 3, ball: 4, red: 5 };
 * deepStrictEqual(refplus.encodeTokens(["red", "pink", "ball"], table, "encode"), [1, 5, 3, 4, 2]);
 * ```
 */
export function encodeTokens(
  tokens: readonly string[],
  table: TokenTable,
  unknown: "encode" | ((token: string) => never),
): number[] {
  const inner = tokens.map((token) =>
    Object.hasOwn(table, token) ? table[token] : unknown === "encode" ? UNKNOWN : unknown(token)
  );
  return [START, ...inner, END];
}

/**
 * Tokens of a padded row up to `<END>`, without the special ones.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * const tokens = [...refplus.SPECIAL_TOKENS, "ball", "red"];
 * deepStrictEqual(refplus.decodeTokens([1, 5, 4, 2, 0, 0], tokens), ["red", "ball"]);
 * ```
 */
export function decodeTokens(row: ArrayLike<number>, tokens: readonly string[]): string[] {
  const inner = Array.from(row);
  const end = inner.indexOf(END);
  return (end < 0 ? inner : inner.slice(0, end)).filter((i) => i !== START && i !== NULL).map((i) => tokens[i]);
}

/**
 * Tokens by their index.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * deepStrictEqual(refplus.tokenList({ red: 1, ball: 0 }), ["ball", "red"]);
 * ```
 */
export function tokenList(table: TokenTable): string[] {
  return Object.entries(table).sort(([, a], [, b]) => a - b).map(([token]) => token);
}

function byCodePoint(a: string, b: string): number {
  const [x, y] = [[...a], [...b]];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    if (x[i] !== y[i]) return x[i].codePointAt(0)! - y[i].codePointAt(0)!;
  }
  return x.length - y.length;
}
