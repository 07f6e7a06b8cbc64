import { doesNotThrow, throws } from "node:assert/strict";
import { randomFor, withRandom } from "../../support/random.ts";
import { evaluate } from "../../../engine/testing/reference/mod.ts";
import { assertClose } from "../../../engine/testing/tolerance.ts";

/** A product of an [m,k] and a [k,n] matrix whose sums are taken by `accumulate`. */
function product(
  a: Float32Array,
  b: Float32Array,
  [m, k, n]: readonly [number, number, number],
  accumulate: (terms: Float64Array) => number,
): Float32Array {
  return Float32Array.from(
    { length: m * n },
    (_, at) => {
      const row = Math.floor(at / n), column = at % n;
      return accumulate(Float64Array.from({ length: k }, (_, i) => a[row * k + i] * b[i * n + column]));
    },
  );
}

const float32 = (terms: Float64Array): number => terms.reduce((sum, t) => Math.fround(sum + Math.fround(t)), 0);
const float16 = (terms: Float64Array): number => terms.reduce((sum, t) => Math.f16round(sum + Math.f16round(t)), 0);
const attrs = { transposeA: false, transposeB: false };

Deno.test("the tolerance admits float32 sums in any order and nothing worse", () =>
  withRandom("tolerance of sums", (random) => {
    for (const k of [1, 7, 64, 400]) {
      const a = random.reals(3 * k), b = random.reals(k * 2);
      const [want] = evaluate("matmul", [{ shape: [3, k], data: a }, { shape: [k, 2], data: b }], attrs);
      const check = (accumulate: (terms: Float64Array) => number): void =>
        assertClose(product(a, b, [3, k, 2], accumulate), want, "product");
      doesNotThrow(() => check(float32));
      doesNotThrow(() => check((terms) => float32(terms.toReversed())));
      doesNotThrow(() => check((terms) => float32(terms.toSorted())));
      throws(() => check(float16), /elements are off/);
      throws(() => check((terms) => float32(terms.slice(1))), /elements are off/);
      throws(() => check((terms) => float32(terms) * (1 + k * 1e-4)), /elements are off/);
    }
  }));

Deno.test("the tolerance of what only moves numbers is zero", () => {
  const x = randomFor("moving").reals(6, 1, 2);
  const [want] = evaluate("transpose", [{ shape: [2, 3], data: x }], { perm: [1, 0] });
  const got = Float32Array.of(x[0], x[3], x[1], x[4], x[2], x[5]);
  assertClose(got, want, "transpose");
  got[4] *= 1 + 2 ** -23;
  throws(() => assertClose(got, want, "transpose"), /1 of 6 elements are off; worst at 4/);
});

Deno.test("the tolerance admits float32 variances in two passes and refuses them in one when the mean is large", () =>
  withRandom("tolerance of variance", (random) => {
    // One draw in ten is lucky in one pass, so there are many.
    const n = 64, channels = 32, f = Math.fround, x = random.reals(n * channels, 1000, 1001);
    const inputs = [
      { shape: [n, channels], data: x },
      { shape: [channels], data: new Float32Array(channels).fill(1) },
      { shape: [channels], data: new Float32Array(channels) },
    ];
    const want = evaluate("batchNorm", inputs, { epsilon: 1e-5 })[2];
    const total = (terms: Iterable<number>): number => [...terms].reduce((s, t) => f(s + t), 0);
    const variances = (of: (column: Float32Array, mean: number) => number): number[] =>
      Array.from({ length: channels }, (_, c) => {
        const column = x.filter((_, at) => at % channels === c);
        return of(column, f(total(column) / n));
      });
    const twoPasses = variances((column, mean) => f(total(column.map((v) => f(f(v - mean) * f(v - mean)))) / n));
    const onePass = variances((column, mean) => f(f(total(column.map((v) => f(v * v))) / n) - f(mean * mean)));
    assertClose(twoPasses, want, "two passes");
    throws(() => assertClose(onePass, want, "one pass"), /elements are off/);
  }));
