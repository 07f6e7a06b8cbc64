/** RoIAlign. */
import text from "../../shaders/roi_align.wgsl" with { type: "text" };
import { expectFlag, expectNumbers, expectOptions } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { type Kernel, kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType, type Sample } from "../op.ts";
import { formatShape, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bilinearLib, GROUP, indexFaultsLib, indexLib, scalarLib } from "./lib/library.ts";
import type { Pair } from "./lib/window.ts";

const parts = [indexLib, indexFaultsLib, scalarLib, bilinearLib, { file: "roi_align.wgsl", text }] as const;
const alignKernel = kernel("roi_align", ...parts);
const gradKernel = kernel("roi_align_grad", ...parts);

interface Attrs {
  readonly size: Pair;
  readonly spatialScale: number;
  readonly samplingRatio: number;
  readonly aligned: boolean;
}

function run(which: Kernel, bind: Record<string, Tensor>, image: Shape, regions: number, attrs: Attrs): void {
  const { device, size } = bind.y;
  device.run(which, {
    bind,
    params: {
      batch: image[0],
      h: image[1],
      w: image[2],
      c: image[3],
      regions,
      rows: attrs.size[0],
      columns: attrs.size[1],
      samples: attrs.samplingRatio,
      spatial_scale: attrs.spatialScale,
      shift: attrs.aligned ? 0.5 : 0,
      smallest: attrs.aligned ? -3e38 : 1,
    },
    grid: device.grid(size, GROUP),
  });
}

const roiAlignOp = defineOp<Attrs>({
  name: "roiAlign",
  family: "regions",
  infer: ([image, boxes, index], { size, samplingRatio }) => {
    expectDType("roiAlign", "the image", image!, "f32");
    expectDType("roiAlign", "the boxes", boxes!, "f32");
    expectDType("roiAlign", "the box index", index!, "i32");
    const regions = boxes!.shape[0];
    const fits = image!.shape.length === 4 && boxes!.shape.length === 2 && boxes!.shape[1] === 4 &&
      index!.shape.length === 1 && index!.shape[0] === regions && image!.shape[1] > 0 && image!.shape[2] > 0;
    if (!fits || ![...size, samplingRatio].every((n) => Number.isInteger(n) && n > 0)) {
      throw new ShapeError(
        `roiAlign: image ${formatShape(image!.shape)}, boxes ${formatShape(boxes!.shape)}, index ${
          formatShape(index!.shape)
        }, size ${size} and sampling ratio ${samplingRatio} must be [B, H, W, C], [R, 4], [R] and positive whole numbers`,
      );
    }
    return [{ shape: [regions, ...size, image!.shape[3]], dtype: "f32" }];
  },
  forward: ([image, boxes, index], attrs, [y]) => {
    run(alignKernel, { image: image!, boxes: boxes!, box_image: index!, y }, image!.shape, boxes!.shape[0], attrs);
  },
  constantInputs: [1, 2],
  saves: () => ({ inputs: [1, 2] }),
  backward: (call) => {
    const dy = call.grads[0]!;
    const { shape } = call.inputMetas[0]!;
    const dx = dy.device.empty(shape);
    const boxes = call.input(1);
    run(gradKernel, { image: dy, boxes, box_image: call.input(2), y: dx }, shape, boxes.shape[0], call.attrs);
    return [dx, null, null];
  },
  samples: () =>
    ([
      [[1, 9, 11, 4], 3, [3, 3], 0.5, 2, true],
      [[2, 7, 5, 3], 5, [2, 4], 0.25, 1, false],
      [[1, 1, 4, 1], 2, [1, 1], 1, 3, true],
      [[1, 6, 6, 2], 0, [2, 2], 1, 2, false],
    ] as const).map(([shape, regions, size, spatialScale, samplingRatio, aligned]): Sample<Attrs> => ({
      inputs: [
        { shape },
        { shape: [regions, 4], range: [-2, 1.2 * shape[2] / spatialScale] },
        { shape: [regions], dtype: "i32", range: [0, shape[0]] },
      ],
      attrs: { size, spatialScale, samplingRatio, aligned },
    })),
  bad: [{
    inputs: [{ shape: [1, 4, 4, 2] }, { shape: [3, 4] }, { shape: [2], dtype: "i32" }],
    attrs: { size: [2, 2], spatialScale: 1, samplingRatio: 2, aligned: true },
    message: /must be \[B, H, W, C\]/,
  }],
});

/** Options of {@link roiAlign}. */
export interface RoiAlignOptions {
  /** Cells of the map per pixel of the boxes; default 1. */
  readonly spatialScale?: number;
  /** Reads along each side of a bin; default 2. */
  readonly samplingRatio?: number;
  /** Shift by half a pixel, so that cell centres are where they are; default true. */
  readonly aligned?: boolean;
}

/**
 * RoIAlign: image [B, H, W, C], boxes [R, 4] as y1, x1, y2, x2 in pixels, boxIndex i32 [R] → [R, h, w, C]. The semantics are
 * torchvision's; only the image gets a gradient.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, roiAlign } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const image = device.arange(16).reshape([1, 4, 4, 1]), boxIndex = device.tensor(Int32Array.of(0));
 * // A map at half the size of the picture that the box is in.
 * const boxes = device.tensor([[0, 0, 8, 8]]);
 * const y = roiAlign(image, boxes, boxIndex, [2, 2], { spatialScale: 0.5 });
 * deepStrictEqual([...await y.data()], [2.5, 4.5, 10.5, 12.5]);
 * ```
 */
export function roiAlign(
  image: Tensor,
  boxes: Tensor,
  boxIndex: Tensor,
  size: Pair,
  options: RoiAlignOptions = {},
): Tensor {
  expectOptions("roiAlign", options, { spatialScale: true, samplingRatio: true, aligned: true });
  expectNumbers("roiAlign", "the size", size);
  const { spatialScale = 1, samplingRatio = 2, aligned = true } = options;
  expectFlag("roiAlign", "aligned", aligned);
  return roiAlignOp([image, boxes, boxIndex], { size, spatialScale, samplingRatio, aligned })[0];
}
