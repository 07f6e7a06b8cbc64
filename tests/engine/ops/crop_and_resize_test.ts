import { deepStrictEqual, ok } from "node:assert/strict";
import { allOps } from "../../../engine/op.ts";
import "../../../engine/ops/mod.ts";
import { cropCases, cropImage } from "../../support/crop_and_resize_cases.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { run } from "../../../engine/testing/samples/run_sample.ts";

const devices = await openDevices();

for (const kernels of KERNEL_SETS) {
  for (const { name, box, boxIndex, size, extrapolationValue, crop, imageGrad, boxGrad } of cropCases) {
    Deno.test(`cropAndResize (${kernels} kernels): ${name}`, () =>
      withoutLeaks(devices[kernels], async () => {
        const op = allOps().get("cropAndResize");
        ok(op, "cropAndResize is not registered");
        const inputs = [
          { shape: [1, 2, 2, 1], data: Float32Array.from(cropImage) },
          { shape: [1, 4], data: Float32Array.from(box) },
          { shape: [1], data: Int32Array.of(boxIndex) },
        ];
        const ran = await run(devices[kernels], op, { inputs, attrs: { size, extrapolationValue } }, {
          needs: [true, true, false],
          seeds: [new Float32Array(crop.length).fill(1)],
        });
        // Every number here is a small sum of powers of two: float32 holds all of them exactly.
        deepStrictEqual([...ran.outputs[0]], [...crop]);
        deepStrictEqual(Array.from(ran.grads[0]!, (v) => v + 0), [...imageGrad]);
        deepStrictEqual(Array.from(ran.grads[1]!, (v) => v + 0), [...boxGrad]);
      }));
  }
}

for (const kernels of KERNEL_SETS) {
  Deno.test(`cropAndResize (${kernels} kernels): a bound tolerance puts what rounding left outside back on the border`, () =>
    withoutLeaks(devices[kernels], async () => {
      const op = allOps().get("cropAndResize")!;
      const just = 2 ** -14;
      const inputs = [
        { shape: [1, 2, 2, 1], data: Float32Array.from(cropImage) },
        { shape: [1, 4], data: Float32Array.of(-just, 0, 1 + just, 1 + 4 * just) },
        { shape: [1], data: Int32Array.of(0) },
      ];
      const options = { needs: [true, false, false], seeds: [Float32Array.of(1, 1, 1, 1)] };
      const attrs = { size: [2, 2], extrapolationValue: -7 };
      const strict = await run(devices[kernels], op, { inputs, attrs }, options);
      deepStrictEqual([...strict.outputs[0]], [-7, -7, -7, -7]);
      deepStrictEqual([...strict.grads[0]!], [0, 0, 0, 0]);
      // 2^-14 is within 1e-4 of the border, four times as much is not.
      const lenient = await run(devices[kernels], op, { inputs, attrs: { ...attrs, boundTolerance: 1e-4 } }, options);
      deepStrictEqual([...lenient.outputs[0]], [1, -7, 3, -7]);
      deepStrictEqual([...lenient.grads[0]!], [1, 0, 1, 0]);
    }));
}
