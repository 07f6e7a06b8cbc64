import { deepStrictEqual } from "node:assert/strict";
import { cropCases, cropImage } from "./crop_and_resize_cases.ts";
import { evaluate, gradient, type Values } from "../../engine/testing/reference/mod.ts";

for (const { name, box, boxIndex, size, extrapolationValue, crop, imageGrad, boxGrad } of cropCases) {
  Deno.test(`the float64 reference of cropAndResize: ${name}`, () => {
    const inputs: Values[] = [
      { shape: [1, 2, 2, 1], data: Float64Array.from(cropImage) },
      { shape: [1, 4], data: Float64Array.from(box) },
      { shape: [1], data: Int32Array.of(boxIndex) },
    ];
    const attrs = { size, extrapolationValue };
    const [output] = evaluate("cropAndResize", inputs, attrs);
    deepStrictEqual(output.shape, [1, ...size, 1]);
    deepStrictEqual([...output.values], [...crop]);
    const [image, boxes] = gradient("cropAndResize", inputs, attrs, [crop.map(() => 1)]);
    // Adding 0 turns -0 into 0.
    deepStrictEqual(Array.from(image!.values, (v) => v + 0), [...imageGrad]);
    deepStrictEqual(Array.from(boxes!.values, (v) => v + 0), [...boxGrad]);
  });
}
