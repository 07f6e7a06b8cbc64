/**
 * Storage of the float64 reverse-mode tape: one row of typed arrays per scalar. `autodiff64.ts` holds the arithmetic that
 * appends to it; this file holds rows, growth and the walk backwards.
 *
 * Besides its value each row carries two numbers the tolerances come from (see `tolerance.ts`):
 *
 * - `magnitude`: the sum of the absolute values of the terms the value is a sum of, so it does not shrink by cancellation;
 * - `bound`: a first-order bound on the rounding error of a float32 evaluation *in any order of summation*, in units of
 *   eps32 = 2^-23. An input, which both sides hold exactly, has bound 0.
 */

/** Index of a scalar on the tape. */
export type Node = number;

/** No parent. */
const NONE = -1;

/** Error, in units of eps32, of something that rounding can turn into something else: a branch taken the other way. */
export const UNCERTAIN = 1e30;

let capacity = 1 << 12;
let count = 0;
let value = new Float64Array(capacity);
let magnitude = new Float64Array(capacity);
let bound = new Float64Array(capacity);
let parentA = new Int32Array(capacity);
let parentB = new Int32Array(capacity);
let partialA = new Float64Array(capacity);
let partialB = new Float64Array(capacity);
let errorA = new Float64Array(capacity);
let errorB = new Float64Array(capacity);

function grow(): void {
  capacity *= 2;
  const reals = (old: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
    const array = new Float64Array(capacity);
    array.set(old);
    return array;
  };
  const integers = (old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
    const array = new Int32Array(capacity);
    array.set(old);
    return array;
  };
  value = reals(value);
  magnitude = reals(magnitude);
  bound = reals(bound);
  partialA = reals(partialA);
  partialB = reals(partialB);
  errorA = reals(errorA);
  errorB = reals(errorB);
  parentA = integers(parentA);
  parentB = integers(parentB);
}

/** Forgets everything recorded; nodes made before are no longer valid. */
export function resetTape(): void {
  count = 0;
}

/** Number of scalars recorded. */
export function tapeLength(): number {
  return count;
}

/** Value of a scalar. */
export function valueOf(x: Node): number {
  return value[x];
}

/** Sum of the absolute terms behind a scalar. */
export function magnitudeOf(x: Node): number {
  return magnitude[x];
}

/** Rounding error bound of a scalar in units of eps32. */
export function boundOf(x: Node): number {
  return bound[x];
}

/** Appends a scalar without parents. */
export function leaf(v: number, b: number): Node {
  if (count === capacity) grow();
  value[count] = v;
  magnitude[count] = Math.abs(v);
  bound[count] = b;
  parentA[count] = NONE;
  parentB[count] = NONE;
  return count++;
}

/**
 * Appends a function of one scalar: value `v`, magnitude `m`, total error bound `b`, derivative `d` and the error bound `e`
 * of that derivative (both bounds in units of eps32).
 */
export function record1(a: Node, v: number, m: number, b: number, d: number, e: number): Node {
  if (count === capacity) grow();
  value[count] = v;
  magnitude[count] = m;
  bound[count] = b;
  parentA[count] = a;
  parentB[count] = NONE;
  partialA[count] = d;
  errorA[count] = e;
  return count++;
}

/** Appends a function of two scalars; arguments as in {@link record1}, the partial derivatives and their errors in order. */
export function record2(
  a: Node,
  b: Node,
  v: number,
  m: number,
  errorBound: number,
  da: number,
  db: number,
  ea: number,
  eb: number,
): Node {
  if (count === capacity) grow();
  value[count] = v;
  magnitude[count] = m;
  bound[count] = errorBound;
  parentA[count] = a;
  parentB[count] = b;
  partialA[count] = da;
  partialB[count] = db;
  errorA[count] = ea;
  errorB[count] = eb;
  return count++;
}

/** The result of walking the tape back: per node, the gradient, the sum of its absolute terms, and its error bound. */
export interface Adjoints {
  readonly gradient: Float64Array;
  readonly magnitude: Float64Array;
  /** In units of eps32. */
  readonly bound: Float64Array;
}

/**
 * Gradient of sum_i seeds[i] * outputs[i] with respect to every scalar on the tape. The error bound of a gradient adds,
 * along each path, the error of each local derivative, one rounding per product and one per sum.
 */
export function walkBack(outputs: ArrayLike<Node>, seeds: ArrayLike<number>): Adjoints {
  const gradient = new Float64Array(count);
  const size = new Float64Array(count);
  const error = new Float64Array(count);
  for (let i = 0; i < outputs.length; i++) {
    const node = outputs[i];
    // An op that only moves elements gives the same scalar several times: its gradient is then a sum that rounds.
    if (size[node] !== 0) error[node] += size[node] + Math.abs(seeds[i]);
    gradient[node] += seeds[i];
    size[node] += Math.abs(seeds[i]);
  }
  const pass = (from: Node, to: Node, d: number, e: number): void => {
    const g = size[from];
    const slope = Math.abs(d);
    const term = g * slope;
    const before = size[to];
    gradient[to] += gradient[from] * d;
    size[to] = before + term;
    let b = error[from] * slope + g * e;
    if (slope !== 1) b += term;
    if (before !== 0 && term !== 0) b += before + term;
    error[to] += b;
  };
  for (let i = count - 1; i >= 0; i--) {
    if (size[i] === 0 && error[i] === 0) continue;
    if (parentA[i] !== NONE) pass(i, parentA[i], partialA[i], errorA[i]);
    if (parentB[i] !== NONE) pass(i, parentB[i], partialB[i], errorB[i]);
  }
  return { gradient, magnitude: size, bound: error };
}
