/** Patches of regions written back onto a feature map: the write of the spatial memory. */
import text from "../../shaders/paste_regions.wgsl" with { type: "text" };
import { expectNumbers, expectOptions, expectSize } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { type Kernel, kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType, type Sample } from "../op.ts";
import { formatShape, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { ceil4, cutChannels, padChannels } from "./lib/channels.ts";
import { sliceInto } from "./layout.ts";
import { firstOf } from "./lib/choice.ts";
import { bilinearLib, GROUP, indexLib, vec4Lib } from "./lib/library.ts";
import type { Pair } from "./lib/window.ts";

const parts = [indexLib, vec4Lib, bilinearLib, { file: "paste_regions.wgsl", text }] as const;
const coverKernel = kernel("cover", ...parts);
const pasteKernel = kernel("paste", ...parts);
const pasteStridingKernel = kernel("paste_striding", ...parts);
const pasteGradKernel = kernel("paste_grad", ...parts);

interface Attrs {
  readonly size: Pair;
  readonly images: number;
}

function run(
  which: Kernel,
  bind: Record<string, Tensor>,
  { size: [h, w], images }: Attrs,
  [regions, rows, columns, c]: Shape,
  items: number,
): void {
  const { device } = bind.boxes;
  const params = { images, h, w, c4: ceil4(c) / 4, regions: regions / images, rows, columns };
  device.run(which, { bind, params, grid: device.grid(items, GROUP) });
}

const pasteOp = defineOp<Attrs>({
  name: "pasteRegions",
  family: "regions",
  infer: ([patches, boxes], { size, images }) => {
    expectDType("pasteRegions", "the patches", patches!, "f32");
    expectDType("pasteRegions", "the boxes", boxes!, "f32");
    const [regions, rows, columns, channels] = patches!.shape;
    const fits = patches!.shape.length === 4 && rows > 0 && columns > 0 && boxes!.shape.length === 2 &&
      boxes!.shape[0] === regions && boxes!.shape[1] === 4;
    if (!fits) {
      throw new ShapeError(
        `pasteRegions: patches ${formatShape(patches!.shape)} and boxes ${
          formatShape(boxes!.shape)
        } must be [R, h, w, C] and [R, 4]`,
      );
    }
    if (regions % images !== 0) {
      throw new ShapeError(`pasteRegions: ${regions} regions are not equally many for each of ${images} images`);
    }
    return [{ shape: [images, ...size, channels], dtype: "f32" }, { shape: [images * size[0], size[1]], dtype: "f32" }];
  },
  forward: ([patches, boxes], attrs, [y, count], device) => {
    const { shape } = patches!;
    if (count.size > 0) run(coverKernel, { boxes: boxes!, count_out: count }, attrs, shape, count.size);
    if (y.size === 0) return;
    const target = shape[3] % 4 === 0 ? y : device.empty([...y.shape.slice(0, 3), ceil4(shape[3])]);
    const chunks = Math.ceil(ceil4(shape[3]) / 16);
    const bind = { patches: padChannels(patches!), boxes: boxes!, count, result: target };
    const plain = { kernel: pasteKernel }, striding = { kernel: pasteStridingKernel };
    const { kernel } = firstOf(device, device.kernels === "gpu" ? [striding, plain] : [plain, striding]);
    run(kernel, bind, attrs, shape, count.size * chunks);
    if (target !== y) sliceInto(y, target, target.shape.map(() => 0));
  },
  constantInputs: [1],
  constantOutputs: [1],
  saves: () => ({ inputs: [1], outputs: [1] }),
  backward: (call) => {
    const dy = call.grads[0]!;
    const { shape } = call.inputMetas[0]!;
    const [regions, rows, columns, channels] = shape;
    const wide = dy.device.empty([regions, rows, columns, ceil4(channels)]);
    const bind = { dy: padChannels(dy), boxes: call.input(1), count: call.output(1), result: wide };
    if (wide.size > 0) run(pasteGradKernel, bind, call.attrs, shape, wide.size / 4);
    return [cutChannels(wide, shape), null];
  },
  samples: () =>
    ([
      [[3, 7, 7, 4], [6, 8]],
      [[5, 3, 2, 3], [5, 7]],
      [[1, 1, 1, 8], [4, 4]],
      [[9, 2, 5, 20], [9, 3]],
      [[20, 3, 2, 27], [7, 6]],
      [[2, 3, 3, 1], [1, 1]],
      [[0, 7, 7, 4], [3, 5]],
      [[2, 3, 3, 0], [3, 5]],
      [[6, 3, 2, 5], [4, 7], 3],
      [[8, 2, 3, 4], [6, 3], 2],
      [[0, 2, 2, 4], [2, 3], 2],
    ] as const).map(([shape, size, images = 1]): Sample<Attrs> => ({
      inputs: [{ shape }, { shape: [shape[0], 4], range: [-1, 8] }],
      attrs: { size, images },
    })),
  bad: [
    {
      inputs: [{ shape: [3, 7, 7, 4] }, { shape: [2, 4] }],
      attrs: { size: [4, 4], images: 1 },
      message: /must be \[R, h, w, C\]/,
    },
    {
      inputs: [{ shape: [3, 0, 7, 4] }, { shape: [3, 4] }],
      attrs: { size: [4, 4], images: 1 },
      message: /must be \[R, h, w, C\]/,
    },
    {
      inputs: [{ shape: [3, 7, 7, 4] }, { shape: [3, 4] }],
      attrs: { size: [4, 4], images: 2 },
      message: /3 regions are not equally many for each of 2 images/,
    },
  ],
});

/** Options of {@link pasteRegions}. */
export interface PasteOptions {
  /** Maps to paste onto; the first R / images regions are the first map's, and so on; default 1. */
  readonly images?: number;
}

/**
 * The inverse of a crop: patches [R, h, w, C] of boxes [R, 4] (y1, x1, y2, x2 in cells of the map, no gradient) → maps
 * [images, H, W, C]. A cell inside a box reads the box's patch bilinearly, corners on corners; a cell inside several takes their
 * mean; a cell inside none is 0. A box that holds no whole cell writes nothing
 * (papers/iterative-reasoning.md#memory-update).
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, pasteRegions } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const patches = device.tensor([1, 1, 1, 1, 3, 3, 3, 3], [2, 2, 2, 1]);
 * const boxes = device.tensor([[0, 0, 1, 1], [0, 1, 1, 2]]);
 * // The middle column is in both boxes, the last one in neither.
 * deepStrictEqual([...await pasteRegions(patches, boxes, [2, 4]).data()], [1, 2, 3, 0, 1, 2, 3, 0]);
 * ```
 */
export function pasteRegions(patches: Tensor, boxes: Tensor, size: Pair, options: PasteOptions = {}): Tensor {
  expectNumbers("pasteRegions", "the size", size);
  expectOptions("pasteRegions", options, { images: true });
  const { images = 1 } = options;
  expectSize("pasteRegions", "the number of images", images);
  const [map, count] = pasteOp([patches, boxes], { size, images });
  count.dispose();
  return map;
}
