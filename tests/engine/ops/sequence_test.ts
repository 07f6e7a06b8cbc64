import { deepStrictEqual, throws } from "node:assert/strict";
import { DTypeError, ShapeError } from "../../../engine/base/errors.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { withRandom } from "../../support/random.ts";
import { assertClose } from "../../../engine/testing/tolerance.ts";

const devices = await openDevices();

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];

  Deno.test(`arange (${kernels}) counts in steps of any sign and leaves its stop out`, () =>
    withRandom(`arange ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        using _scope = device.scope();
        deepStrictEqual([...await device.arange(5).data()], [0, 1, 2, 3, 4]);
        deepStrictEqual([...await device.arange(2, 5).data()], [2, 3, 4]);
        deepStrictEqual([...await device.arange(3, -4, -3).data()], [3, 0, -3]);
        deepStrictEqual(device.arange(0).shape, [0]);
        deepStrictEqual(device.arange(2, 2, -1).shape, [0]);
        for (const dtype of ["i32", "u32"] as const) {
          const whole = device.arange(7, 1, -2, { dtype });
          deepStrictEqual([whole.dtype, ...await whole.data<"i32" | "u32">()], [dtype, 7, 5, 3]);
        }
        deepStrictEqual([...await device.arange(-3, 3, 2, { dtype: "i32" }).data<"i32">()], [-3, -1, 1]);
        const start = random() * 8 - 4, step = random() * 0.2 + 0.01, size = 1031;
        const indices = Array.from({ length: size }, (_, i) => i);
        // Half a step before the end, so that no rounding decides how many there are.
        assertClose(await device.arange(start, start + (size - 0.5) * step, step).data(), {
          values: indices.map((i) => start + i * step),
          bounds: indices.map((i) => 2 * Math.abs(start) + 3 * i * step),
        }, "steps");
      })));

  Deno.test(`eye (${kernels}) has ones on the main diagonal alone, whatever its shape and type`, () =>
    withoutLeaks(device, async () => {
      using _scope = device.scope();
      for (const [n, m] of [[3, 3], [5, 3], [3, 7], [0, 2], [1, 1]] as const) {
        for (const dtype of ["f32", "i32", "u32"] as const) {
          const made = device.eye(n, m, { dtype });
          const want = Array.from({ length: n * m }, (_, i) => Number(Math.floor(i / m) === i % m));
          deepStrictEqual([made.shape, made.dtype, [...await made.data<typeof dtype>()]], [[n, m], dtype, want]);
        }
      }
      deepStrictEqual(device.eye(2).shape, [2, 2]);
    }));
}

Deno.test("steps of zero, fractions as whole numbers and f16 are refused", () => {
  const { cpu: device } = devices;
  throws(() => device.arange(0, 3, 0), ShapeError);
  throws(() => device.arange(0, Infinity), ShapeError);
  throws(() => device.arange(0, 3, 0.5, { dtype: "i32" }), DTypeError);
  throws(() => device.arange(0, 3, 1, { dtype: "f16" }), /^DTypeError: arange: f16/);
  throws(() => device.eye(-1), ShapeError);
  throws(() => device.eye(2, 2, { dtype: "f16" }), DTypeError);
});
