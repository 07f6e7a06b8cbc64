/** Bilinear crops of image regions, with TensorFlow's semantics. */
import text from "../../shaders/crop_and_resize.wgsl" with { type: "text" };
import { expectNumbers, expectOptions } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { storageOf } from "../friends.ts";
import { type Kernel, kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType, type Sample } from "../op.ts";
import { formatShape, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { ceil4, cutChannels, padChannels } from "./lib/channels.ts";
import { derived } from "./lib/derived.ts";
import { fill } from "./lib/fill.ts";
import { reshape, sliceInto } from "./layout.ts";
import { activationLibs, ACTIVATIONS, bilinearLib, GROUP, indexFaultsLib, indexLib, vec4Lib } from "./lib/library.ts";
import { sum } from "./reduce.ts";
import type { Pair } from "./lib/window.ts";

const parts = [indexLib, indexFaultsLib, vec4Lib, ...activationLibs, bilinearLib, {
  file: "crop_and_resize.wgsl",
  text,
}] as const;
const cropKernel = kernel("crop", ...parts);
const markKernel = kernel("mark", ...parts);
const imageGradKernel = kernel("image_grad", ...parts);
const boxGradKernel = kernel("box_grad", ...parts);

interface Attrs {
  readonly size: Pair;
  readonly extrapolationValue: number;
  readonly boundTolerance?: number;
}

function run(
  which: Kernel,
  bind: Record<string, Tensor | null>,
  image: Shape,
  regions: number,
  items: number,
  attrs: Attrs,
  constants: Readonly<Record<string, number>> = {},
): void {
  const { device } = bind.boxes!;
  device.run(which, {
    bind,
    constants,
    params: {
      batch: image[0],
      h: image[1],
      w: image[2],
      c4: ceil4(image[3]) / 4,
      regions,
      rows: attrs.size[0],
      columns: attrs.size[1],
      outside: attrs.extrapolationValue,
      tolerance: attrs.boundTolerance ?? 0,
      words: Math.ceil(regions / 32),
    },
    grid: device.grid(items, GROUP),
  });
}

/** Bits of the boxes that reach each row and column of the images: once for all crops of a step by the same boxes. */
function marks(boxes: Tensor, index: Tensor, shape: Shape, attrs: Attrs): Tensor {
  const [batch, h, w] = shape, regions = boxes.shape[0], { size, boundTolerance } = attrs;
  const { buffer, version } = storageOf(index);
  const name = `marks ${[batch, h, w, ...size, boundTolerance, buffer.id, version]}`;
  return derived(boxes, name, () => {
    const touch = boxes.device.empty([batch * h + w, Math.ceil(regions / 32)], "u32");
    run(markKernel, { boxes, box_image: index, touch_out: touch }, shape, regions, touch.size, attrs);
    return touch;
  });
}

const cropOp = defineOp<Attrs>({
  name: "cropAndResize",
  family: "regions",
  infer: ([image, boxes, index], { size }) => {
    expectDType("cropAndResize", "the image", image!, "f32");
    expectDType("cropAndResize", "the boxes", boxes!, "f32");
    expectDType("cropAndResize", "the box index", index!, "i32");
    const regions = boxes!.shape[0];
    const fits = image!.shape.length === 4 && boxes!.shape.length === 2 && boxes!.shape[1] === 4 &&
      index!.shape.length === 1 && index!.shape[0] === regions;
    if (!fits) {
      throw new ShapeError(
        `cropAndResize: image ${formatShape(image!.shape)}, boxes ${formatShape(boxes!.shape)} and index ${
          formatShape(index!.shape)
        } must be [B, H, W, C], [R, 4] and [R]`,
      );
    }
    if (!size.every((n) => Number.isInteger(n) && n > 0) || image!.shape[1] === 0 || image!.shape[2] === 0) {
      throw new ShapeError(
        `cropAndResize: cannot sample ${size} cells from an image of shape ${formatShape(image!.shape)}`,
      );
    }
    return [{ shape: [regions, ...size, image!.shape[3]], dtype: "f32" }];
  },
  forward: ([image, boxes, index], attrs, [y], device) => {
    if (y.size === 0) return;
    const [regions, rows, columns, channels] = y.shape;
    const target = channels % 4 === 0 ? y : device.empty([regions, rows, columns, ceil4(channels)]);
    const bind = { image: padChannels(image!), boxes: boxes!, box_image: index!, result: target };
    run(cropKernel, bind, image!.shape, regions, target.size / 4, attrs);
    if (target !== y) sliceInto(y, target, [0, 0, 0, 0]);
  },
  constantInputs: [2],
  saves: (needs) => ({ inputs: needs[1] ? [0, 1, 2] : [1, 2] }),
  backward: (call) => {
    const dy = call.grads[0]!;
    const { device } = dy;
    const [boxes, index] = [call.input(1), call.input(2)];
    const shape = call.inputMetas[0]!.shape;
    const [batch, h, w, channels] = shape;
    const regions = boxes.shape[0];
    const [rows, columns] = call.attrs.size;
    const crops = padChannels(dy);
    // Added to what the image has collected, and multiplied by the slope of the activation that gave it.
    const settles = call.needs[0] && channels % 4 === 0 && regions > 0 && dy.size > 0;
    const into = settles ? call.collected(0) : null, slope = settles ? call.slope(0) : null;
    const imageGrad = (): Tensor | null => {
      const wide = into ?? device.empty([batch, h, w, ceil4(channels)]);
      const lanes = Math.ceil(ceil4(channels) / 16);
      if (regions === 0) fill(wide, 0);
      else {
        const touch = marks(boxes, index, shape, call.attrs);
        const bind = { boxes, touch, dy: crops, result: into ?? wide, activated: slope && slope.y };
        const constants = { ADD: Number(into !== null), SLOPE: ACTIVATIONS[slope?.activation ?? "none"] };
        run(imageGradKernel, bind, shape, regions, batch * h * w * lanes, call.attrs, constants);
      }
      if (!into) return cutChannels(wide, shape);
      storageOf(into).version++;
      return null;
    };
    const boxGrad = (): Tensor => {
      const cells = device.empty([regions, rows * columns, 4]);
      const bind = { image: padChannels(call.input(0)), boxes, box_image: index, dy: crops, result: cells };
      run(boxGradKernel, bind, shape, regions, regions * rows * columns, call.attrs);
      return reshape(sum(cells, 1), [regions, 4]);
    };
    return [call.needs[0] ? imageGrad() : null, call.needs[1] ? boxGrad() : null, null];
  },
  samples: () =>
    ([
      [[1, 5, 7, 4], 3, [3, 3], 0],
      [[2, 4, 6, 3], 5, [2, 5], 0.5],
      [[1, 9, 8, 20], 7, [7, 7], 0],
      [[1, 6, 5, 1], 2, [1, 1], -1],
      [[1, 1, 3, 4], 2, [2, 2], 0],
      [[1, 5, 5, 4], 0, [3, 3], 0],
      [[3, 4, 4, 0], 2, [2, 2], 0],
      [[2, 5, 3, 4], 70, [2, 3], 0],
      // Channels for all four fours of an invocation.
      [[1, 3, 4, 29], 3, [3, 2], 0],
    ] as const).map(([shape, regions, size, extrapolationValue]): Sample<Attrs> => ({
      inputs: [
        { shape },
        { shape: [regions, 4], range: [-0.2, 1.2] },
        { shape: [regions], dtype: "i32", range: [-1, shape[0]] },
      ],
      attrs: { size, extrapolationValue },
    })),
  bad: [
    {
      inputs: [{ shape: [1, 4, 4, 2] }, { shape: [3, 4] }, { shape: [2], dtype: "i32" }],
      attrs: { size: [2, 2], extrapolationValue: 0 },
      message: /must be \[B, H, W, C\]/,
    },
    {
      inputs: [{ shape: [1, 4, 4, 2] }, { shape: [3, 4] }, { shape: [3], dtype: "i32" }],
      attrs: { size: [0, 2], extrapolationValue: 0 },
      message: /cannot sample/,
    },
  ],
});

/** Options of {@link cropAndResize}. */
export interface CropAndResizeOptions {
  /** Value of samples outside the image; default 0. */
  readonly extrapolationValue?: number;
  /** Samples at most this many cells outside count as on the border; default 0, TensorFlow's strict test. */
  readonly boundTolerance?: number;
}

/**
 * Crops regions of an image batch and resizes them bilinearly: image [B, H, W, C], boxes [R, 4] as y1, x1, y2, x2 over
 * (H − 1, W − 1), boxIndex i32 [R] → [R, h, w, C]. The semantics are those of TensorFlow's op of this name; the
 * box index −1 gives the extrapolation value, and any other out of range makes the next reading throw {@link IndexError}.
 * Gradients go to image and boxes.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { cropAndResize, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const image = device.arange(9).reshape([1, 3, 3, 1]), boxIndex = device.tensor(Int32Array.of(0, 0));
 * const boxes = device.tensor([[0, 0, 1, 1], [0, 0, 0.5, 0.5]]);
 * const crops = cropAndResize(image, boxes, boxIndex, [2, 2]);
 * deepStrictEqual([...await crops.data()], [0, 2, 6, 8, 0, 1, 3, 4]);
 * ```
 */
export function cropAndResize(
  image: Tensor,
  boxes: Tensor,
  boxIndex: Tensor,
  size: Pair,
  options: CropAndResizeOptions = {},
): Tensor {
  expectOptions("cropAndResize", options, { extrapolationValue: true, boundTolerance: true });
  expectNumbers("cropAndResize", "the size", size);
  const { extrapolationValue = 0, boundTolerance = 0 } = options;
  return cropOp([image, boxes, boxIndex], { size, extrapolationValue, boundTolerance })[0];
}
