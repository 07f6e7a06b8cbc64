/** JSON held to its rules without the project's own parser: `JSON.parse`, and a walk through the tokens. */

/** Deepest nesting that is read. */
const DEEPEST = 512;

const TOKENS = /"(?:[^"\\]|\\[^])*"|-?Infinity|NaN|[[\]{}:,]/g;

/** Stands for a number that Python writes and JSON does not have. */
export const NOT_A_NUMBER = "\u0001not a number";

/** A text's value; undefined where it must be refused. `notNumbers` lets `NaN` and `Infinity` pass. */
export function independentJson(text: string, notNumbers = false): unknown {
  let value: unknown;
  try {
    value = JSON.parse(
      notNumbers
        ? text.replace(TOKENS, (token) => /^(-?Inf|NaN)/.test(token) ? JSON.stringify(NOT_A_NUMBER) : token)
        : text,
    );
  } catch {
    return undefined;
  }
  return tooDeepOrTwice(text) ? undefined : value;
}

/** True for a key that is twice in one object, and for what lies too deep. */
function tooDeepOrTwice(text: string): boolean {
  const open: Set<string>[] = [];
  let before = "";
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === "{" || token === "[") open.push(new Set());
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":") {
      const key = JSON.parse(before) as string, seen = open.at(-1)!;
      if (seen.has(key)) return true;
      seen.add(key);
    }
    before = token;
    if (open.length > DEEPEST) return true;
  }
  return false;
}

/** The text of bytes that must be UTF-8; undefined where they are not. */
export function strictText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** An object's members; none where it is no object. */
export function members(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : {};
}

/** The elements of a list; none where it is no list. */
export function elements(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
