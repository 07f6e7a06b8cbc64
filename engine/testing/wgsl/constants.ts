/** Values of WGSL expressions of whole numbers and named constants. */
import { tokenise } from "../../gpu/wgsl_tokens.ts";

/** Precedence of signs between two operands. */
const SIGNS: Readonly<Record<string, readonly [number, (a: number, b: number) => number]>> = {
  "+": [1, (a, b) => a + b],
  "-": [1, (a, b) => a - b],
  "*": [2, (a, b) => a * b],
  "/": [2, (a, b) => Math.trunc(a / b)],
  "%": [2, (a, b) => a % b],
};

const FUNCTIONS: Readonly<Record<string, (...of: number[]) => number>> = {
  u32: (x) => x,
  i32: (x) => x,
  min: Math.min,
  max: Math.max,
};

/**
 * The value of an expression; constants are given as they were set, or as expressions of their own. Null where it is made of other
 * things.
 */
export function valueOf(
  expression: string,
  set: Readonly<Record<string, number>>,
  declared: ReadonlyMap<string, string>,
): number | null {
  const tokens = tokenise(expression).map(({ text }) => text);
  let at = 0;
  const operand = (): number => {
    const text = tokens[at++];
    if (text === undefined) return NaN;
    if (/^\d/.test(text)) return Number.parseInt(text);
    if (text === "(") return bracketed()[0];
    if (text === "-") return -operand();
    if (text in FUNCTIONS && tokens[at] === "(") {
      at++;
      return FUNCTIONS[text](...bracketed());
    }
    if (text in set) return set[text];
    const own = declared.get(text);
    return own === undefined ? NaN : valueOf(own, set, declared) ?? NaN;
  };
  const bracketed = (): number[] => {
    const values = [sum(1)];
    while (tokens[at] === ",") {
      at++;
      values.push(sum(1));
    }
    return tokens[at++] === ")" ? values : [NaN];
  };
  const sum = (least: number): number => {
    let value = operand();
    while (SIGNS[tokens[at]]?.[0] >= least) {
      const [precedence, compute] = SIGNS[tokens[at++]];
      value = compute(value, sum(precedence + 1));
    }
    return value;
  };
  const value = sum(1);
  return at === tokens.length && Number.isFinite(value) ? value : null;
}
