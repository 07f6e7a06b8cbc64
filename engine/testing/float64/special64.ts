/** Sine, cosine and the error function as differentiable float64 scalars, with the errors that our shaders state. */
import { type Node, smooth, valueOf } from "./autodiff64.ts";

/**
 * Error of a sine or cosine: three roundings of the result, and what 32 digits behind the point leave of the angle, a
 * quarter turn times 2^-33.
 */
const turning = (v: number): number => 3 * Math.abs(v) + 2 ** -8;

/** Sine. */
export function sin(x: Node): Node {
  const s = Math.sin(valueOf(x)), c = Math.cos(valueOf(x));
  return smooth(x, s, turning(s), c, s, turning(c));
}

/** Cosine. */
export function cos(x: Node): Node {
  const s = Math.sin(valueOf(x)), c = Math.cos(valueOf(x));
  return smooth(x, c, turning(c), -s, c, turning(s));
}

const TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);

/** The error function in float64: its series near 0 (Abramowitz and Stegun, 7.1.6), its continued fraction beyond (7.1.14). */
export function erfOf(x: number): number {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  const density = TWO_OVER_ROOT_PI * Math.exp(-x * x);
  if (size < 3) {
    let term = x, sum = x;
    for (let n = 1; n < 80; n++) sum += term *= 2 * x * x / (2 * n + 1);
    return density * sum;
  }
  let fraction = size;
  for (let n = 120; n > 0; n--) fraction = size + n / 2 / fraction;
  return Math.sign(x) * (1 - density / 2 / fraction);
}

/** Error function, within six roundings; its slope is an exponential times a number. */
export function erf(x: Node): Node {
  const t = valueOf(x), v = erfOf(t), d = TWO_OVER_ROOT_PI * Math.exp(-t * t);
  return smooth(x, v, 6 * Math.abs(v), d, 2 * Math.abs(t) * d, d * (5 + 4 * t * t));
}
