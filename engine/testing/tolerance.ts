/**
 * THE statement of how far a float32 result may be from its float64 reference. Nothing else holds a tolerance
 * for the result of an op.
 *
 *     |got - want| <= SAFETY * eps32 * bound + TINY
 *
 * `bound` is derived per number by the reference itself (`autodiff64.ts`): the first-order propagation of one rounding per
 * operation through the expression, where a sum rounds relative to the sum of its |terms| and so covers every order of
 * summation; n terms of size t give about n/2 * n*t, the classical worst case of recursive summation (Higham, Accuracy and
 * Stability of Numerical Algorithms, eq. 4.6). What only moves numbers has bound 0 and must be exact. `SAFETY` covers that
 * a kernel may write the same expression with a few more operations (a reciprocal and a product for a quotient, a closed
 * form of a gradient) and second-order terms. `TINY` covers that float32 flushes subnormal numbers to zero.
 *
 * The bound grows with the number of roundings, a wrong kernel does not hide in it: dropping one of n equal terms is an
 * error of 1/n of the sum, against n * 2^-23; for n = 512 that is 30 times the tolerance.
 */

/** Spacing of float32 numbers at 1. */
export const EPS32 = 2 ** -23;

/** Factor on the derived bound. */
export const SAFETY = 2;

/** Absolute slack: the smallest normal float32 number. */
export const TINY = 2 ** -126;

/** Largest error allowed to a number with this derived bound (units of eps32). */
export function toleranceOf(bound: number): number {
  return SAFETY * EPS32 * bound + TINY;
}

/** True where `got` is close enough to `want`; non-finite values must be equal. */
export function isClose(got: number, want: number, bound: number): boolean {
  if (Number.isFinite(want) && Number.isFinite(got)) return Math.abs(got - want) <= toleranceOf(bound);
  return Object.is(got, want) || got === want ||
    (Number.isFinite(want) && Math.abs(want) > 3.4e38 && !Number.isNaN(got));
}

/** Expected values of {@link assertClose}: flat, with the bound of each in units of eps32. */
export interface Expected {
  readonly values: ArrayLike<number>;
  readonly bounds: ArrayLike<number>;
}

/** Fails with the worst element when any is outside its tolerance. `what` names the compared thing. */
export function assertClose(got: ArrayLike<number>, want: Expected, what: string): void {
  if (got.length !== want.values.length) {
    throw new Error(`${what}: ${got.length} elements, expected ${want.values.length}`);
  }
  let wrong = 0, worst = -1, worstRatio = 0;
  for (let i = 0; i < got.length; i++) {
    if (isClose(got[i], want.values[i], want.bounds[i])) continue;
    wrong++;
    const ratio = Math.abs(got[i] - want.values[i]) / toleranceOf(want.bounds[i]);
    if (worst < 0 || ratio > worstRatio || Number.isNaN(ratio)) {
      worst = i;
      worstRatio = ratio;
    }
  }
  if (wrong === 0) return;
  throw new Error(
    `${what}: ${wrong} of ${got.length} elements are off; worst at ${worst}: got ${got[worst]}, expected ` +
      `${want.values[worst]} within ${toleranceOf(want.bounds[worst])} (${worstRatio.toPrecision(3)} times that)`,
  );
}

/**
 * Largest difference allowed between a float64 gradient and its central difference of step `h`: rounding contributes
 * eps64 / h times the sum that is differenced (of order 10 in the cases), truncation h^2 times the third derivative.
 */
export function differenceTolerance(h: number, slope: number): number {
  return (100 * 2 ** -52 / h + 100 * h * h) * (1 + Math.abs(slope));
}

/**
 * A published float32 result as something to compare with: it was rounded too, in an order nobody states, so each element
 * may be off by 32 roundings of the largest. Fixtures are small and well-conditioned; a wrong formula is off by far more.
 */
export function published(values: ArrayLike<number>): Expected {
  const largest = Array.from(values).reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  return { values, bounds: new Float64Array(values.length).fill(32 * largest) };
}
