/** Conversion between element types. */
import castText from "../../shaders/cast.wgsl" with { type: "text" };
import { expectOneOf } from "../base/given.ts";
import { type DType, DTYPES } from "../dtype.ts";
import { DTypeError } from "../base/errors.ts";
import { fromHalfKernel, toHalfKernel } from "../autograd/half.ts";
import { type Kernel, kernel } from "../gpu/kernel.ts";
import { defineOp, expectTensor } from "../op.ts";
import type { Tensor } from "../tensor.ts";
import { GROUP, indexLib } from "./lib/library.ts";

const castParts = [indexLib, { file: "cast.wgsl", text: castText }] as const;
const casts: Record<string, { kernel: Kernel; x: string; y: string; per: number }> = {
  "f32>i32": { kernel: kernel("f32_to_i32", ...castParts), x: "xf", y: "yi", per: 1 },
  "f32>u32": { kernel: kernel("f32_to_u32", ...castParts), x: "xf", y: "yu", per: 1 },
  "i32>f32": { kernel: kernel("i32_to_f32", ...castParts), x: "xi", y: "yf", per: 1 },
  "i32>u32": { kernel: kernel("i32_to_u32", ...castParts), x: "xi", y: "yu", per: 1 },
  "u32>f32": { kernel: kernel("u32_to_f32", ...castParts), x: "xu", y: "yf", per: 1 },
  "u32>i32": { kernel: kernel("u32_to_i32", ...castParts), x: "xu", y: "yi", per: 1 },
  "f32>f16": { kernel: toHalfKernel, x: "xf", y: "yh", per: 2 },
  "f16>f32": { kernel: fromHalfKernel, x: "xh", y: "yf", per: 2 },
};

const castOp = defineOp<{ readonly dtype: DType }>({
  name: "cast",
  family: "layout",
  infer: ([x], { dtype }) => {
    if (!casts[`${x!.dtype}>${dtype}`]) throw new DTypeError(`cast: no conversion from ${x!.dtype} to ${dtype}`);
    return [{ shape: x!.shape, dtype }];
  },
  forward: ([x], { dtype }, [y]) => {
    const { kernel, x: from, y: to, per } = casts[`${x!.dtype}>${dtype}`];
    const count = Math.ceil(y.size / per);
    y.device.run(kernel, {
      bind: { [from]: x!, [to]: y },
      params: { count },
      grid: y.device.grid(count, GROUP),
    });
  },
  backward: { nondifferentiable: "changes the element type" },
  samples: () => [
    { inputs: [{ shape: [5, 3], range: [-9, 9] }], attrs: { dtype: "i32" } },
    { inputs: [{ shape: [7], range: [0, 9] }], attrs: { dtype: "u32" } },
    { inputs: [{ shape: [7], dtype: "i32", range: [-9, 9] }], attrs: { dtype: "f32" } },
    { inputs: [{ shape: [], dtype: "u32", range: [0, 9] }], attrs: { dtype: "f32" } },
    { inputs: [{ shape: [3], dtype: "u32", range: [0, 9] }], attrs: { dtype: "i32" } },
    { inputs: [{ shape: [9], dtype: "i32", range: [0, 9] }], attrs: { dtype: "u32" } },
    { inputs: [{ shape: [0], dtype: "i32", range: [0, 9] }], attrs: { dtype: "u32" } },
  ],
});

/**
 * The same values as another element type; floats truncate towards zero, or round to f16 within ±65,504. The same tensor data when nothing changes.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { cast, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const y = cast(device.tensor([-1.5, 2.7]), "i32");
 * deepStrictEqual([...await y.data<"i32">()], [-1, 2]);
 * ```
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  expectTensor("cast", x);
  expectOneOf("cast", "the element type", dtype, DTYPES);
  return dtype === x.dtype ? x.detach() : castOp([x], { dtype })[0];
}
