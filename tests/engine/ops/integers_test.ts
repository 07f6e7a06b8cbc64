/** Integers beyond the registry's samples: edges of their range, numbers as operands, what is refused. */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { DTypeError } from "../../../engine/base/errors.ts";
import * as ops from "../../../engine/ops/mod.ts";
import type { Tensor } from "../../../engine/tensor.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";

const devices = await openDevices();
const LEAST = -(2 ** 31), MOST = 2 ** 31 - 1;

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  const test = (name: string, body: () => void | Promise<void>): void =>
    Deno.test(`${name} (${kernels} kernels)`, () => withoutLeaks(device, body));
  const signed = (...values: number[]): Tensor => device.tensor(Int32Array.from(values));
  const unsigned = (...values: number[]): Tensor => device.tensor(Uint32Array.from(values));
  const values = async (f: () => Tensor): Promise<number[]> => {
    using y = (() => {
      using scope = device.scope();
      return scope.keep(f());
    })();
    return [...await y.data<"i32" | "u32" | "f32">()];
  };

  test("integers wrap at the ends of their range", async () => {
    deepStrictEqual(await values(() => signed(MOST, LEAST).add(signed(1, -1))), [LEAST, MOST]);
    deepStrictEqual(await values(() => signed(LEAST, LEAST).mul(signed(-1, 3))), [LEAST, LEAST]);
    deepStrictEqual(await values(() => unsigned(0, 2 ** 32 - 1).sub(unsigned(1, 0))), [2 ** 32 - 1, 2 ** 32 - 1]);
    deepStrictEqual(await values(() => signed(LEAST, 5, -5, 0).abs()), [LEAST, 5, 5, 0]);
    deepStrictEqual(await values(() => signed(LEAST, 5, 0).neg()), [LEAST, -5, 0]);
    deepStrictEqual(await values(() => unsigned(2 ** 32 - 1, 1, 0).sign()), [1, 1, 0]);
    deepStrictEqual(await values(() => signed(LEAST, 1, 0).sign()), [-1, 1, 0]);
  });

  test("whole quotients round down, by 0 give 0, and overflow as negation does", async () => {
    const a = [7, -7, 7, -7, 6, -6, 0, 5, LEAST, LEAST, MOST], b = [2, 2, -2, -2, -3, 3, 4, 0, -1, 1, LEAST];
    deepStrictEqual(await values(() => signed(...a).floorDiv(signed(...b))), [
      ...[3, -4, -4, 3, -2, -2, 0, 0, LEAST, LEAST, -1],
    ]);
    deepStrictEqual(await values(() => signed(...a).mod(signed(...b))), [1, 1, -1, -1, 0, 0, 0, 0, 0, 0, -1]);
    deepStrictEqual(await values(() => unsigned(2 ** 32 - 1, 7, 7).floorDiv(unsigned(2, 0, 8))), [MOST, 0, 0]);
    deepStrictEqual(await values(() => unsigned(2 ** 32 - 1, 7, 7).mod(unsigned(2, 0, 8))), [1, 0, 7]);
  });

  test("a number as an operand of integers is one of them", async () => {
    deepStrictEqual(await values(() => signed(1, -2).add(-3).mul(2)), [-4, -10]);
    deepStrictEqual(await values(() => signed(1, -2).maximum(0)), [1, 0]);
    deepStrictEqual(await values(() => unsigned(3, 2 ** 31).greaterEqual(2 ** 31)), [0, 1]);
    deepStrictEqual(await values(() => signed(1, -2).less(0).where(signed(7, 7), -1)), [-1, 7]);
    deepStrictEqual(await values(() => unsigned(1, 0).where(2, 3)), [2, 3]);
    using _scope = device.scope();
    for (const f of [ops.add, ops.sub, ops.mul, ops.minimum, ops.floorDiv, ops.mod]) {
      throws(() => f(signed(1), 0.5), {
        name: "DTypeError",
        message: /: 0\.5 is no i32: a whole number from -2147483648/,
      });
      throws(() => f(unsigned(1), -1), {
        name: "DTypeError",
        message: /: -1 is no u32: a whole number from 0 to 42949672/,
      });
      throws(() => f(signed(1), 2 ** 31), DTypeError);
      throws(() => f(signed(1), NaN), DTypeError);
    }
    for (const f of [ops.equal, ops.greater]) throws(() => f(unsigned(1), -1), DTypeError);
    throws(() => ops.where(unsigned(1), signed(1), 0.5), /where: 0\.5 is no i32/);
  });

  test("integers compare with numbers that are not whole", async () => {
    const x = () => signed(2, 3, -3);
    deepStrictEqual(await values(() => x().less(2.5)), [1, 0, 1]);
    deepStrictEqual(await values(() => x().lessEqual(-2.5)), [0, 0, 1]);
    deepStrictEqual(await values(() => x().greater(2.5)), [0, 1, 0]);
    deepStrictEqual(await values(() => x().greaterEqual(-2.5)), [1, 1, 0]);
    deepStrictEqual(await values(() => x().equal(2.5)), [0, 0, 0]);
    deepStrictEqual(await values(() => x().notEqual(NaN)), [1, 1, 1]);
    deepStrictEqual(await values(() => unsigned(2 ** 32 - 1).less(Infinity)), [1]);
  });

  test("squares, powers, products, running sums and limits of integers wrap or are exact", async () => {
    deepStrictEqual(await values(() => signed(2 ** 16 + 1, -3).square()), [2 ** 17 + 1, 9]);
    deepStrictEqual(await values(() => signed(-3, 7, 0).pow(5)), [-243, 16807, 0]);
    deepStrictEqual(await values(() => signed(-3, 0).pow(0)), [1, 1]);
    deepStrictEqual(await values(() => signed(-1, 2, 3).pow(31)), [
      ...[-1, LEAST, Number(BigInt.asIntN(32, 3n ** 31n))],
    ]);
    deepStrictEqual(await values(() => unsigned(3, 2 ** 31).pow(2)), [9, 0]);
    deepStrictEqual(await values(() => signed(MOST, 2, -1).prod()), [2]);
    deepStrictEqual(await values(() => device.zeros([0], { dtype: "u32" }).prod()), [1]);
    deepStrictEqual(await values(() => signed(MOST, 1, 5).cumsum(0)), [MOST, LEAST, LEAST + 5]);
    deepStrictEqual(await values(() => signed(LEAST, -5, 5, MOST).clamp(-5, MOST)), [-5, -5, 5, MOST]);
    deepStrictEqual(await values(() => unsigned(0, 7, 2 ** 32 - 1).clamp(1, 2 ** 31)), [1, 7, 2 ** 31]);
    using _scope = device.scope();
    throws(() => signed(1).clamp(0.5, 2), { name: "DTypeError", message: /^clamp: 0\.5 is no i32: a whole number/ });
    throws(() => unsigned(1).clamp(-1, 2), { name: "DTypeError", message: /^clamp: -1 is no u32: a whole number/ });
  });

  test("places and selections of integers go by their own order, the ends of their range too", async () => {
    deepStrictEqual(await values(() => signed(LEAST, MOST, -1, MOST).argmax(0)), [1]);
    deepStrictEqual(await values(() => signed(5, LEAST, -1, LEAST).argmin()), [1]);
    deepStrictEqual(await values(() => unsigned(1, 2 ** 32 - 1, 0).argmax()), [1]);
    deepStrictEqual(await values(() => unsigned(1, 2 ** 32 - 1, 0).argmin()), [2]);
    // All alike at either end: the first is taken.
    for (const extent of [3, 200]) {
      const full = (value: number) => device.full([extent], value, { dtype: "u32" });
      for (const value of [0, 2 ** 32 - 1]) {
        deepStrictEqual(await values(() => full(value).argmax()), [0]);
        deepStrictEqual(await values(() => full(value).argmin()), [0]);
        for (const largest of [true, false]) {
          deepStrictEqual(await values(() => full(value).topk(3, { largest }).indices), [0, 1, 2]);
        }
      }
    }
    for (const x of [() => signed(LEAST, MOST, -1, 0, LEAST), () => unsigned(0, 2 ** 32 - 1, 5, 7, 0)]) {
      using y = x();
      const data = [...await y.data<"i32" | "u32">()];
      deepStrictEqual(await values(() => y.topk(5).values), data.toSorted((a, b) => b - a));
      deepStrictEqual(await values(() => y.topk(5, { largest: false }).values), data.toSorted((a, b) => a - b));
    }
  });

  test("a number is taken from, and raised to, as the first operand", async () => {
    deepStrictEqual(await values(() => ops.sub(1, signed(3, LEAST))), [-2, LEAST + 1]);
    deepStrictEqual(await values(() => ops.sub(1, unsigned(3))), [2 ** 32 - 2]);
    using _scope = device.scope();
    throws(() => ops.sub(0.5, signed(1)), { name: "DTypeError", message: /^sub: 0\.5 is no i32/ });
    const x = device.tensor([2, 0, -1]);
    x.requiresGrad = true;
    const difference = ops.sub(1, x), power = ops.pow(2, x);
    deepStrictEqual([...await difference.data()], [-1, 1, 2]);
    deepStrictEqual([...await power.data()], [4, 1, 0.5]);
    difference.sum().backward();
    deepStrictEqual([...await x.grad!.data()], [-1, -1, -1]);
    x.zeroGrad();
    power.sum().backward();
    (await x.grad!.data()).forEach((slope, i) => ok(Math.abs(slope - [4, 1, 0.5][i] * Math.LN2) < 1e-6));
    for (const f of [ops.sub, ops.pow]) throws(() => f(1, 2), { name: "ArgumentError" });
  });

  test("mixed types and quotients of integers are refused in a sentence", () => {
    using _scope = device.scope();
    const a = signed(1, 2), b = unsigned(1, 2), x = device.tensor([1, 2]);
    throws(() => a.add(b), { name: "DTypeError", message: "add: operands of dtypes i32 and u32; cast() one of them" });
    throws(() => a.equal(x), { name: "DTypeError", message: /^equal: operands of dtypes i32 and f32/ });
    const refused = { name: "DTypeError", message: /^div: a quotient of i32 is not whole; take floorDiv, or cast/ };
    for (const f of [() => a.div(a), () => a.div(2), () => ops.div(2, a), () => x.div(a)]) throws(f, refused);
    for (const exponent of [0.5, -1, NaN, 2 ** 25]) {
      throws(() => a.pow(exponent), {
        name: "DTypeError",
        message: `pow: i32 takes a whole exponent from 0 to 16777216, not ${exponent}; cast("f32") first`,
      });
    }
    throws(() => a.pow(a), {
      name: "DTypeError",
      message: /^pow: the first operand has dtype i32, expected f32; cast/,
    });
    throws(() => ops.pow(2, a), {
      name: "DTypeError",
      message: /^pow: the exponent has dtype i32, expected f32; cast/,
    });
    throws(() => a.mean(), DTypeError);
    throws(() => a.exp(), DTypeError);
  });

  test("the share of right predictions is a mean of equal integers", async () => {
    using predictions = signed(3, 1, 2, 2), labels = signed(3, 1, 0, 2);
    using accuracy = (() => {
      using scope = device.scope();
      return scope.keep(predictions.equal(labels).cast("f32").mean());
    })();
    strictEqual(await accuracy.item(), 0.75);
  });
}
