/** Bilinear resizing. */
import text from "../../shaders/resize.wgsl" with { type: "text" };
import { expectNumbers, expectOneOf, expectOptions } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { numbered } from "../gpu/wgsl.ts";
import { defineOp, expectDType } from "../op.ts";
import { formatShape, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { byValues } from "./lib/choice.ts";
import { bilinearLib, GROUP, indexLib, valueKernels } from "./lib/library.ts";
import type { Pair } from "./lib/window.ts";

const parts = [indexLib, bilinearLib, { file: "resize.wgsl", text }] as const;
const resizeKernels = valueKernels("resize", ...parts);
const gradKernels = valueKernels("resize_grad", ...parts);

/** Place of output cells in the input: TensorFlow 1's default, half-pixel centres, or corners on corners. */
export type ResizeMode = "asymmetric" | "halfPixel" | "alignCorners";

const MODES: Readonly<Record<ResizeMode, number>> = numbered(text, "asymmetric", "halfPixel", "alignCorners");

interface Attrs {
  readonly size: Pair;
  readonly mode: ResizeMode;
}

function run(kernels: typeof resizeKernels, x: Tensor, y: Tensor, image: Shape, { size, mode }: Attrs): void {
  const [n, h, w, channels] = image, { kernel, per } = byValues(x.device, kernels, channels % 4 === 0);
  x.device.run(kernel, {
    bind: { x, y },
    params: { n, h, w, c: channels / per, ho: size[0], wo: size[1] },
    constants: { MODE: MODES[mode] },
    grid: x.device.grid(y.size / per, GROUP),
  });
}

const resizeOp = defineOp<Attrs>({
  name: "resizeBilinear",
  family: "regions",
  infer: ([x], { size }) => {
    expectDType("resizeBilinear", "the image", x!, "f32");
    const { shape } = x!;
    if (shape.length !== 4 || shape[1] === 0 || shape[2] === 0 || !size.every((n) => Number.isInteger(n) && n > 0)) {
      throw new ShapeError(
        `resizeBilinear: ${formatShape(shape)} cannot become ${size[0]}×${size[1]}; [N, H, W, C] is wanted`,
      );
    }
    return [{ shape: [shape[0], ...size, shape[3]], dtype: "f32" }];
  },
  forward: ([x], attrs, [y]) => run(resizeKernels, x!, y, x!.shape, attrs),
  backward: (call) => {
    const { shape } = call.inputMetas[0]!;
    const dx = call.grads[0]!.device.empty(shape);
    if (sizeOf(shape) > 0) run(gradKernels, call.grads[0]!, dx, shape, call.attrs);
    return [dx];
  },
  samples: () =>
    (["asymmetric", "halfPixel", "alignCorners"] as const).flatMap((mode) =>
      ([[[1, 5, 7, 3], [8, 9]], [[2, 9, 6, 1], [4, 3]], [[1, 1, 3, 2], [5, 1]], [[1, 20, 20, 4], [8, 12]], [[
        2,
        3,
        5,
        8,
      ], [9, 7]], [[
        0,
        3,
        3,
        2,
      ], [2, 2]]] as const)
        .map(([shape, size]) => ({ inputs: [{ shape }], attrs: { size, mode } }))
    ),
  bad: [{ inputs: [{ shape: [4, 4] }], attrs: { size: [2, 2], mode: "halfPixel" }, message: /cannot become/ }],
});

/**
 * x [N, H, W, C] resized bilinearly to `size`; `mode` defaults to half-pixel centres.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, resizeBilinear } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.tensor([0, 4], [1, 1, 2, 1]);
 * deepStrictEqual([...await resizeBilinear(x, [1, 4]).data()], [0, 1, 3, 4]);
 * deepStrictEqual([...await resizeBilinear(x, [1, 5], { mode: "alignCorners" }).data()], [0, 1, 2, 3, 4]);
 * ```
 */
export function resizeBilinear(x: Tensor, size: Pair, options: { readonly mode?: ResizeMode } = {}): Tensor {
  expectOptions("resizeBilinear", options, { mode: true });
  expectNumbers("resizeBilinear", "the size", size);
  const { mode = "halfPixel" } = options;
  expectOneOf("resizeBilinear", "mode", mode, Object.keys(MODES));
  return resizeOp([x], { size, mode })[0];
}
