/** Integers beyond the registry's samples: edges of their range, numbers as operands, what is refused. */
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
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
    for (const f of [ops.add, ops.sub, ops.mul, ops.minimum, ops.floorDiv, ops.mod, ops.equal, ops.greater]) {
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
    throws(() => ops.where(unsigned(1), signed(1), 0.5), /where: 0\.5 is no i32/);
  });

  test("mixed types and quotients of integers are refused in a sentence", () => {
    using _scope = device.scope();
    const a = signed(1, 2), b = unsigned(1, 2), x = device.tensor([1, 2]);
    throws(() => a.add(b), { name: "DTypeError", message: "add: operands of dtypes i32 and u32; cast() one of them" });
    throws(() => a.equal(x), { name: "DTypeError", message: /^equal: operands of dtypes i32 and f32/ });
    const refused = { name: "DTypeError", message: /^div: a quotient of i32 is not whole; take floorDiv, or cast/ };
    for (const f of [() => a.div(a), () => a.div(2), () => ops.div(2, a), () => x.div(a)]) throws(f, refused);
    throws(() => a.pow(2), DTypeError);
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
