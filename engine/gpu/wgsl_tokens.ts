/** Words of a WGSL text, with their places. */

/** A word, number or sign. */
export interface Token {
  readonly text: string;
  /** Line, from 1. */
  readonly line: number;
  /** Characters before it. */
  readonly at: number;
}

const PATTERN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|\n|[A-Za-z_]\w*|\.?[0-9][\w.]*|<<=|>>=|[-+*/%&|^<>=!]=|\+\+|--|&&|\|\||->|\S/g;

/** Words of a text, without comments. */
export function tokenise(source: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (const { 0: text, index } of source.matchAll(PATTERN)) {
    if (!/^(\/\/|\/\*|\n)/.test(text)) tokens.push({ text, line, at: index });
    line += text.split("\n").length - 1;
  }
  return tokens;
}

/** True for a word that can be a name. */
export function isName(text: string | undefined): boolean {
  return text !== undefined && /^[A-Za-z_]\w*$/.test(text);
}

/** The bracket that closes each. */
export const PARTNERS: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** Position of the bracket that closes the one at `open`; the number of tokens where none does. */
export function closing(tokens: readonly Token[], open: number): number {
  if (open >= tokens.length) return tokens.length;
  const own = tokens[open].text, partner = PARTNERS[own];
  for (let at = open + 1, depth = 1; at < tokens.length; at++) {
    if (tokens[at].text === own) depth++;
    if (tokens[at].text === partner && --depth === 0) return at;
  }
  return tokens.length;
}
