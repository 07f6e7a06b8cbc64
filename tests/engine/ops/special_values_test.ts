/** Values and gradients at points that random samples do not hit: signs, zeros, infinities and NaN. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import * as ops from "../../../engine/ops/mod.ts";
import type { Operand, Tensor } from "../../../engine/tensor.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";

const devices = await openDevices();
const { abs, pow: power } = Math;

/** Bases and exponents with IEEE 754's power; JavaScript's has NaN for 1 to the NaN and ±1 to the infinity. */
const POINTS = [-Infinity, -3, -2, -1, -0.5, -0, 0, 0.5, 1, 2, 3, Infinity, NaN];
const EXPONENTS = [-Infinity, -3, -2, -1, -0.5, -0, 0, 0.5, 1, 2, 3, 16777217, Infinity, NaN];
const ieee = (a: number, b: number): number => a === 1 || (abs(a) === 1 && abs(b) === Infinity) ? 1 : power(a, b);

/** Fails unless finite numbers are within 1e-5 of their size and others, signs of zeros included, are the same. */
function alike(got: ArrayLike<number>, want: readonly number[], what: (i: number) => string): void {
  strictEqual(got.length, want.length);
  want.forEach((v, i) => {
    const same = Number.isFinite(v) && v !== 0 ? abs(got[i] - v) <= 1e-5 * abs(v) : Object.is(got[i], v);
    ok(same, `${what(i)} is ${got[i]}, ${v} is wanted`);
  });
}

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  const test = (name: string, body: () => Promise<void>): void =>
    Deno.test(`${name} (${kernels} kernels)`, () => withoutLeaks(device, body));

  /** Gradients of sum(f(x)) at x. */
  const gradients = (f: (...x: Tensor[]) => Tensor, ...points: (readonly number[])[]): Promise<number[][]> => {
    using _scope = device.scope();
    const inputs = points.map((values) => device.tensor(values));
    for (const x of inputs) x.requiresGrad = true;
    f(...inputs).sum().backward();
    return Promise.all(inputs.map(async (x) => [...await x.grad!.data()]));
  };

  const values = async (f: () => Tensor): Promise<number[]> => {
    using y = (() => {
      using scope = device.scope();
      return scope.keep(f());
    })();
    return [...await y.data()];
  };

  test("pow has IEEE 754's values for negative bases, zeros, infinities and NaN", async () => {
    const pairs = POINTS.flatMap((a) => EXPONENTS.map((b) => [a, b] as const));
    const want = pairs.map(([a, b]) => ieee(a, Math.fround(b)));
    const [a, b] = [0, 1].map((k) => pairs.map((pair) => pair[k]));
    const got = await values(() => device.tensor(a).pow(device.tensor(b)));
    alike(got, want, (i) => `${pairs[i][0]} to the ${pairs[i][1]}`);
    for (const exponent of EXPONENTS) {
      const scalar = await values(() => device.tensor(POINTS).pow(exponent));
      alike(scalar, POINTS.map((x) => ieee(x, Math.fround(exponent))), (i) => `${POINTS[i]} to the number ${exponent}`);
    }
  });

  test("small whole powers of whole numbers are exact, with their gradients", async () => {
    const bases = Array.from({ length: 41 }, (_, i) => i - 20);
    for (const exponent of [0, 1, 2, 3, 4, 5]) {
      const want = bases.map((x) => x ** exponent);
      deepStrictEqual(await values(() => device.tensor(bases).pow(exponent)), want, `to the number ${exponent}`);
      deepStrictEqual(
        await values(() => device.tensor(bases).pow(device.tensor([exponent]))),
        want,
        `to the ${exponent}`,
      );
      const slopes = bases.map((x) => exponent === 0 ? 0 : exponent * x ** (exponent - 1));
      deepStrictEqual(await gradients((x) => x.pow(exponent), bases), [slopes], `gradient to the number ${exponent}`);
    }
    // 1e-38 is too small to be held, its inverse is not.
    alike(await values(() => device.tensor([1e-19]).pow(-2)), [1e38], () => "1e-19 to the -2");
  });

  test("pow has PyTorch's gradients for negative bases and zeros", async () => {
    // Base, exponent, and the gradients to both.
    const cases = [
      [-2, 2, -4, NaN],
      [-2, 3, 12, NaN],
      [-2, -1, -0.25, NaN],
      [-2, 0, 0, NaN],
      [0, 2, 0, 0],
      [0, 1, 1, 0],
      [0, 0, 0, 0],
      [0, 0.5, Infinity, 0],
      [0, -1, -Infinity, -Infinity],
      [2, 0, 0, Math.LN2],
      [2, 3, 12, 8 * Math.LN2],
    ] as const;
    const column = (k: number): number[] => cases.map((one) => one[k]);
    const [toBase, toExponent] = await gradients((a, b) => a.pow(b), column(0), column(1));
    alike(toBase, column(2), (i) => `gradient to the base of ${cases[i][0]} to the ${cases[i][1]}`);
    alike(toExponent, column(3), (i) => `gradient to the exponent of ${cases[i][0]} to the ${cases[i][1]}`);
    for (const [base, exponent, want] of cases) {
      const [grad] = await gradients((a) => a.pow(exponent), [base]);
      alike(grad, [want], () => `gradient of ${base} to the number ${exponent}`);
    }
  });

  test("f16 has NaN and infinities, and its largest number for larger ones", async () => {
    // 65519.99 rounds to the largest number, 5.9e-8 to the smallest; 2^-26 is too small.
    const points = [
      NaN,
      Infinity,
      -Infinity,
      65504,
      65519.99,
      65520,
      -1e30,
      1,
      -0,
      5.9604645e-8,
      2 ** -26,
      1.0009765625,
      7,
    ];
    const want = [NaN, Infinity, -Infinity, 65504, 65504, 65504, -65504, 1, -0, 2 ** -24, 0, 1.0009765625, 7];
    deepStrictEqual(await values(() => device.tensor(points).cast("f16").cast("f32")), want);
    deepStrictEqual(await values(() => device.tensor(points).cast("f16")), want);
    deepStrictEqual(
      await values(() => device.tensor(Float16Array.from(points.slice(0, 4))).cast("f32")),
      want.slice(0, 4),
    );
  });

  test("NaN compares with nothing, and differs from all", async () => {
    const compared: [(a: Tensor, b: Operand) => Tensor, (a: number, b: number) => boolean][] = [
      [ops.greater, (a, b) => a > b],
      [ops.greaterEqual, (a, b) => a >= b],
      [ops.less, (a, b) => a < b],
      [ops.lessEqual, (a, b) => a <= b],
      [ops.equal, (a, b) => a === b],
      [ops.notEqual, (a, b) => a !== b],
    ];
    const points = [NaN, -Infinity, -1, -0, 0, 1, Infinity];
    for (const [op, holds] of compared) {
      const got = await values(() => op(device.tensor(points).reshape([7, 1]), device.tensor(points)));
      deepStrictEqual(got, points.flatMap((a) => points.map((b) => Number(holds(a, b)))), `${op.name}`);
      deepStrictEqual(await values(() => op(device.tensor(points), NaN)), points.map((a) => Number(holds(a, NaN))));
    }
  });

  test("floorDiv and mod of floats have Python's values", async () => {
    // a, b, floor(a / b), a mod b; 0.7 in float32 is a little less than seven times 0.1, by less than a quotient shows.
    const tenth = Math.fround(0.1), most = Math.fround(0.7);
    const cases = [
      [7.5, 2, 3, 1.5],
      [-7.5, 2, -4, 0.5],
      [7.5, -2, -4, -0.5],
      [-7.5, -2, 3, -1.5],
      [6, 3, 2, 0],
      [-6, 3, -2, -0],
      [most, tenth, 6, most - 6 * tenth],
      [1e30, 7, Math.fround(1e30 / 7), Math.fround(1e30) % 7],
      [3e-38, 2, 0, Math.fround(3e-38)],
      [2, Infinity, 0, 2],
      [-2, Infinity, -1, Infinity],
      [1, 0, Infinity, NaN],
      [-1, 0, -Infinity, NaN],
      [0, 0, NaN, NaN],
      [Infinity, 2, NaN, NaN],
      [NaN, 2, NaN, NaN],
    ] as const;
    const column = (k: number): number[] => cases.map((one) => one[k]);
    const both = (op: (a: Tensor, b: Tensor) => Tensor) =>
      values(() => op(device.tensor(column(0)), device.tensor(column(1))));
    alike(await both(ops.floorDiv), column(2), (i) => `floor of ${cases[i][0]} by ${cases[i][1]}`);
    const rest = await both(ops.mod);
    deepStrictEqual(rest.map((v) => v + 0), column(3).map((v) => v + 0));
  });

  test("sine and cosine are right for any finite number, and NaN for others", async () => {
    const points = [0, -0.78, 0.79, 1e-20, 3.1415927, -6.2831855, 710.0, 1e5, -1.7e7, 3e20, 3.4e38].map(Math.fround);
    for (const [op, want] of [[ops.sin, Math.sin], [ops.cos, Math.cos]] as const) {
      const got = await values(() => op(device.tensor([...points, Infinity, -Infinity, NaN])));
      // V8's own are within a rounding of float64 for all of them.
      points.forEach((x, i) =>
        ok(abs(got[i] - want(x)) <= 4e-7 * abs(want(x)) + 1e-9, `${op.name} of ${x}: ${got[i]}`)
      );
      deepStrictEqual(got.slice(points.length), [NaN, NaN, NaN]);
    }
  });

  test("leakyRelu has its slope at 0", async () => {
    deepStrictEqual(await gradients((x) => ops.leakyRelu(x, 0.25), [-1, 0, 2]), [[0.25, 0.25, 1]]);
  });
}
