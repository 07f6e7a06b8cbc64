/**
 * Differentiable float64 scalars: plain functions that compute a value, append it to the tape and return its index. They
 * are what the references in `reference/` are written on, so that a reference's gradient needs no second formula. Nothing
 * here shares code with the engine.
 *
 * Every function also states how far a float32 evaluation may be off (in units of eps32), from the accuracy WGSL promises:
 * correctly rounded sums and products, 2.5 ULP for division, 3 + 2|x| ULP for exp, 3 ULP or an absolute 2^-21 for log,
 * sqrt and pow inherited from those (WGSL, section "Floating point accuracy").
 */
import { boundOf, leaf, magnitudeOf, type Node, record1, record2, UNCERTAIN, valueOf } from "./tape64.ts";

export { type Node, resetTape, tapeLength, valueOf } from "./tape64.ts";

const EPS = 2 ** -23;
/** Error of WGSL's division. */
export const DIVISION = 2.5;

/** An exactly known value that may be differentiated with respect to. */
export function input(v: number): Node {
  return leaf(v, 0);
}

/** A constant; `error` (units of eps32) defaults to one rounding where float32 cannot hold it. */
export function constant(v: number, error: number = Math.fround(v) === v ? 0 : Math.abs(v)): Node {
  return leaf(v, error);
}

/** True where rounding could move `x` across `limit`. An exactly known value never crosses. */
export function near(x: Node, limit: number): boolean {
  return boundOf(x) > 0 && Math.abs(valueOf(x) - limit) <= 4 * EPS * (boundOf(x) + Math.abs(limit));
}

/** a + b. Its rounding error is bounded by the magnitude, not by the value, so that it holds for any order of summation. */
export function add(a: Node, b: Node): Node {
  const m = magnitudeOf(a) + magnitudeOf(b);
  return record2(a, b, valueOf(a) + valueOf(b), m, boundOf(a) + boundOf(b) + m, 1, 1, 0, 0);
}

/** a - b. */
export function sub(a: Node, b: Node): Node {
  const m = magnitudeOf(a) + magnitudeOf(b);
  return record2(a, b, valueOf(a) - valueOf(b), m, boundOf(a) + boundOf(b) + m, 1, -1, 0, 0);
}

/** Sum of a list; 0 for none. The first term is copied, so a sum of one is exact. */
export function sum(terms: readonly Node[]): Node {
  if (terms.length === 0) return constant(0);
  return terms.reduce(add);
}

/** a * b. */
export function mul(a: Node, b: Node): Node {
  const x = valueOf(a), y = valueOf(b);
  const ax = Math.abs(x), ay = Math.abs(y);
  const m = Math.max(ax * magnitudeOf(b), ay * magnitudeOf(a));
  return record2(a, b, x * y, m, ax * boundOf(b) + ay * boundOf(a) + ax * ay, y, x, boundOf(b), boundOf(a));
}

/** a / b. */
export function div(a: Node, b: Node): Node {
  const y = valueOf(b), v = valueOf(a) / y;
  const inverse = Math.abs(1 / y), size = Math.abs(v);
  const relative = inverse * boundOf(b) + DIVISION;
  const error = inverse * boundOf(a) + size * relative;
  const slopeError = inverse * inverse * boundOf(a) + size * inverse * (2 * relative);
  return record2(a, b, v, magnitudeOf(a) * inverse, error, 1 / y, -v / y, inverse * relative, slopeError);
}

/** -x. */
export function neg(x: Node): Node {
  return record1(x, -valueOf(x), magnitudeOf(x), boundOf(x), -1, 0);
}

/**
 * A smooth function of one scalar. `own` bounds the function's own error in units of eps32; `d` and `dd` are its first two
 * derivatives, the second bounding how the error of `x` moves the first; `slopeOwn` is the derivative's own error.
 */
export function smooth(x: Node, v: number, own: number, d: number, dd: number, slopeOwn: number): Node {
  const b = boundOf(x);
  return record1(x, v, Math.abs(v), Math.abs(d) * b + own, d, Math.abs(dd) * b + slopeOwn);
}

/** e^x. */
export function exp(x: Node): Node {
  const v = Math.exp(valueOf(x));
  const own = v * (3 + 2 * Math.abs(valueOf(x)));
  return smooth(x, v, own, v, v, own);
}

/** Error of WGSL's log at `x`. */
function logError(x: number): number {
  return 3 * Math.abs(Math.log(x)) + (x >= 0.5 && x <= 2 ? 4 : 0);
}

/** Natural logarithm. */
export function log(x: Node): Node {
  const t = valueOf(x);
  return smooth(x, Math.log(t), logError(t), 1 / t, 1 / (t * t), DIVISION / Math.abs(t));
}

/** Square root. */
export function sqrt(x: Node): Node {
  const v = Math.sqrt(valueOf(x));
  return smooth(x, v, (2 + DIVISION) * v, 0.5 / v, 0.25 / (v * v * v), 8 / v);
}

/** Hyperbolic tangent. Near 0 a quotient of exponentials is only absolutely accurate, hence the absolute error. */
export function tanh(x: Node): Node {
  const t = valueOf(x), v = Math.tanh(t);
  const d = 1 - v * v;
  const own = 8 + d * Math.abs(t) * 4;
  return smooth(x, v, own, d, 2 * v * d, 2 * Math.abs(v) * own + 2);
}

/** 1 / (1 + e^-x). */
export function sigmoid(x: Node): Node {
  const t = valueOf(x), v = 1 / (1 + Math.exp(-t));
  const d = v * (1 - v);
  const own = d * (3 + 2 * Math.abs(t)) + v * (DIVISION + 2);
  return smooth(x, v, own, d, d * (1 - 2 * v), own + 2 * v);
}

/** log(1 + e^x). */
export function softplus(x: Node): Node {
  const t = valueOf(x);
  const v = Math.max(t, 0) + Math.log1p(Math.exp(-Math.abs(t)));
  const s = 1 / (1 + Math.exp(-t));
  return smooth(x, v, v + 8, s, s * (1 - s), s * 8);
}

/** Error of WGSL's exp2(y * log2(x)) relative to its value. */
function powError(x: number, y: number): number {
  const l = Math.abs(Math.log2(Math.abs(x)));
  const logTerm = l === Infinity ? 0 : Math.LN2 * Math.abs(y) * (4 * l + 4);
  const t = l === Infinity ? 0 : Math.abs(y) * l;
  return logTerm + 3 + 2 * t;
}

/** IEEE 754's power; JavaScript's has NaN for 1 to the NaN and ±1 to the infinities. */
function power(x: number, y: number): number {
  return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.pow(x, y);
}

/** x^exponent for a constant exponent. */
export function powConstant(x: Node, exponent: number): Node {
  const t = valueOf(x), v = power(t, exponent);
  const d = exponent === 0 ? 0 : exponent * power(t, exponent - 1);
  const dd = exponent === 0 || exponent === 1 ? 0 : exponent * (exponent - 1) * Math.pow(t, exponent - 2);
  const relative = powError(t, exponent);
  return smooth(x, v, Math.abs(v) * relative, d, dd, Math.abs(d) * (powError(t, exponent - 1) + relative + DIVISION));
}

/** 0 where a factor is 0, however large the other: an error of nothing is none. */
function times(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : a * b;
}

/** a^b; where a = 0 or b = 0 the derivatives are PyTorch's. */
export function pow(a: Node, b: Node): Node {
  const x = valueOf(a), y = valueOf(b), v = power(x, y), l = Math.log(x);
  const own = powError(x, y);
  const da = y === 0 ? 0 : y * power(x, y - 1), db = x === 0 && y >= 0 ? 0 : v * l;
  const relative = own + times(Math.abs(y / x), boundOf(a)) + times(Math.abs(l), boundOf(b));
  const ea = times(Math.abs(da), relative + powError(x, y - 1) + DIVISION + times(1 / Math.abs(x), boundOf(a))) +
    times(Math.abs(v / x), boundOf(b));
  const eb = times(Math.abs(db), relative + 1) + times(Math.abs(v), logError(x) + times(1 / Math.abs(x), boundOf(a)));
  return record2(a, b, v, Math.abs(v), times(Math.abs(v), relative), da, db, ea, eb);
}

/** Sign of a number; 0 for NaN, as PyTorch has it. */
export function signOf(v: number): number {
  return Math.sign(v) || 0;
}

/** |x|; derivative 0 at 0 and NaN. */
export function abs(x: Node): Node {
  const v = valueOf(x);
  return record1(x, Math.abs(v), magnitudeOf(x), boundOf(x), signOf(v), near(x, 0) ? UNCERTAIN : 0);
}

/** max(x, 0), NaN for NaN; derivative 0 at 0, and PyTorch's 1 at NaN. */
export function relu(x: Node): Node {
  const v = valueOf(x), open = !(v <= 0);
  return record1(x, open ? v : 0, open ? magnitudeOf(x) : 0, boundOf(x), open ? 1 : 0, near(x, 0) ? UNCERTAIN : 0);
}

/** Either of two scalars by `takeFirst`; `close` says that rounding could have chosen the other. */
function choose(a: Node, b: Node, takeFirst: boolean, close: boolean): Node {
  const taken = takeFirst ? a : b;
  const error = close ? Math.max(boundOf(a), boundOf(b)) : boundOf(taken);
  const e = close ? UNCERTAIN : 0;
  return record2(a, b, valueOf(taken), magnitudeOf(taken), error, takeFirst ? 1 : 0, takeFirst ? 0 : 1, e, e);
}

function tooClose(a: Node, b: Node): boolean {
  const error = boundOf(a) + boundOf(b);
  return error > 0 && Math.abs(valueOf(a) - valueOf(b)) <= 4 * EPS * error;
}

/** The larger, NaN before all; `a` where they are equal. */
export function maximum(a: Node, b: Node): Node {
  return choose(a, b, Number.isNaN(valueOf(a)) || valueOf(a) >= valueOf(b), tooClose(a, b));
}

/** The smaller, NaN before all; `a` where they are equal. */
export function minimum(a: Node, b: Node): Node {
  return choose(a, b, Number.isNaN(valueOf(a)) || valueOf(a) <= valueOf(b), tooClose(a, b));
}

/**
 * The same value with its error bound raised without limit, as are the errors of all gradients through it and towards
 * `others`: rounding of `others` decides whether it is this value or a quite different one.
 */
export function doubtful(x: Node, others: readonly Node[]): Node {
  let result = record1(x, valueOf(x), magnitudeOf(x), UNCERTAIN, 1, UNCERTAIN);
  for (const other of others) {
    result = record2(result, other, valueOf(result), magnitudeOf(result), UNCERTAIN, 1, 0, UNCERTAIN, UNCERTAIN);
  }
  return result;
}

/** x rounded to the nearest float16, ties to even; the gradient passes unchanged. */
export function roundToHalf(x: Node): Node {
  const v = Math.f16round(valueOf(x));
  return record1(x, v, Math.abs(v), boundOf(x), 1, 0);
}

/**
 * Bilinear weight max(0, 1 - |x - k|) of the cell `k` for a sample at `x`. At the corners (x on a cell centre, or one cell
 * away) rounding may choose the other slope; the weight itself is continuous. On a corner exactly, the slope is 0 at the
 * centre and 0 outside, which is TensorFlow's convention (floor and ceil are the same cell there).
 */
export function hat(x: Node, k: number): Node {
  const signed = valueOf(x) - k, distance = Math.abs(signed);
  const inside = distance < 1;
  const corner = near(x, k - 1) || near(x, k) || near(x, k + 1);
  const weight = inside ? 1 - distance : 0;
  const touched = inside || corner;
  const slope = inside ? -Math.sign(signed) : 0;
  return record1(x, weight, weight, touched ? boundOf(x) + (distance === 0 ? 0 : 1) : 0, slope, corner ? UNCERTAIN : 0);
}

/** A value known but for `error`, with stated derivatives by a and b and the errors of these (all units of eps32). */
export function withPartials(
  a: Node,
  b: Node,
  v: number,
  error: number,
  [da, db]: readonly [number, number],
  [ea, eb]: readonly [number, number],
): Node {
  const own = Math.abs(da) * boundOf(a) + Math.abs(db) * boundOf(b) + error;
  return record2(a, b, v, Math.abs(v), own, da, db, ea, eb);
}

/** The same value, whose derivative a kernel computes with a relative error of `error` roundings. */
export function roughlyDifferentiated(x: Node, error: number): Node {
  return record1(x, valueOf(x), magnitudeOf(x), boundOf(x), 1, error);
}
