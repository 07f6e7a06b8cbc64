import { deepStrictEqual, ok } from "node:assert/strict";
import { allOps } from "../../engine/op.ts";
import "../../engine/ops/mod.ts";
import { cropCases, cropImage } from "../support/crop_and_resize_cases.ts";
import { openDevices, PROFILES, withoutLeaks } from "../support/devices.ts";
import { run } from "./run_sample.ts";

const devices = await openDevices();

for (const profile of PROFILES) {
  for (const { name, box, boxIndex, size, extrapolationValue, crop, imageGrad, boxGrad } of cropCases) {
    Deno.test(`cropAndResize (${profile} kernels): ${name}`, () =>
      withoutLeaks(devices[profile], async () => {
        const op = allOps().get("cropAndResize");
        ok(op, "cropAndResize is not registered");
        const inputs = [
          { shape: [1, 2, 2, 1], data: Float32Array.from(cropImage) },
          { shape: [1, 4], data: Float32Array.from(box) },
          { shape: [1], data: Int32Array.of(boxIndex) },
        ];
        const ran = await run(devices[profile], op, { inputs, attrs: { size, extrapolationValue } }, {
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
