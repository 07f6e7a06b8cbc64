/** Max and average pooling. */
import text from "../../shaders/pool2d.wgsl" with { type: "text" };
import { expectNumbers, expectOptions } from "../base/given.ts";
import { ShapeError } from "../base/errors.ts";
import { storageOf } from "../friends.ts";
import { type Kernel, kernel } from "../gpu/kernel.ts";
import { defineOp, expectDType, expectTensor, type Sample } from "../op.ts";
import { formatShape, type Shape, sizeOf } from "../shape.ts";
import type { Tensor, TensorMeta } from "../tensor.ts";
import { activationLibs, ACTIVATIONS, GROUP, indexLib, risingLib, scalarLib } from "./lib/library.ts";
import {
  expectPadding,
  type Padding,
  type Pair,
  pairOf,
  resolvePadding,
  type Sides,
  windowOutput,
} from "./lib/window.ts";

const parts = [indexLib, scalarLib, ...activationLibs, risingLib, { file: "pool2d.wgsl", text }] as const;
const maxKernel = kernel("max_pool", ...parts);
const maxGradKernel = kernel("max_pool_grad", ...parts);
const averageKernel = kernel("average_pool", ...parts);
const averageGradKernel = kernel("average_pool_grad", ...parts);

interface Attrs {
  readonly size: Pair;
  readonly stride: Pair;
  readonly padding: Sides;
}

function outputShape(op: string, x: TensorMeta, { size, stride, padding }: Attrs): number[] {
  expectDType(op, "the input", x, "f32");
  if (x.shape.length !== 4) throw new ShapeError(`${op}: input ${formatShape(x.shape)} must be [N, H, W, C]`);
  const cells = [0, 1].map((axis) => {
    if (padding[axis].some((p) => p >= size[axis])) {
      throw new ShapeError(`${op}: padding ${padding[axis]} leaves windows of ${size[axis]} that see no image`);
    }
    return windowOutput(op, x.shape[axis + 1], size[axis], stride[axis], padding[axis], 1);
  });
  return [x.shape[0], ...cells, x.shape[3]];
}

function run(
  which: Kernel,
  bind: Record<string, Tensor | null>,
  x: Shape,
  y: Shape,
  items: number,
  attrs: Attrs,
  constants: Readonly<Record<string, number>> = {},
): void {
  const { device } = bind.y!;
  device.run(which, {
    bind,
    constants,
    params: {
      n: x[0],
      h: x[1],
      w: x[2],
      c: x[3],
      ho: y[1],
      wo: y[2],
      size_y: attrs.size[0],
      size_x: attrs.size[1],
      stride_y: attrs.stride[0],
      stride_x: attrs.stride[1],
      top: attrs.padding[0][0],
      left: attrs.padding[1][0],
    },
    grid: device.grid(items, GROUP),
  });
}

const samples = (): Sample<Attrs>[] =>
  ([
    [[1, 4, 6, 4], [2, 2], [2, 2], [[0, 0], [0, 0]]],
    [[2, 7, 5, 3], [3, 3], [2, 2], [[1, 1], [1, 1]]],
    [[1, 5, 5, 1], [3, 2], [1, 1], [[1, 0], [0, 1]]],
    [[1, 9, 8, 5], [1, 1], [2, 2], [[0, 0], [0, 0]]],
    [[1, 8, 8, 2], [2, 2], [3, 3], [[0, 0], [0, 0]]],
    [[0, 4, 4, 2], [2, 2], [2, 2], [[0, 0], [0, 0]]],
  ] as const).map(([shape, size, stride, padding]) => ({ inputs: [{ shape }], attrs: { size, stride, padding } }));

const bad = [
  {
    inputs: [{ shape: [2, 3] }],
    attrs: { size: [1, 1], stride: [1, 1], padding: [[0, 0], [0, 0]] },
    message: /must be \[N, H, W, C\]/,
  },
  {
    inputs: [{ shape: [1, 2, 2, 1] }],
    attrs: { size: [3, 3], stride: [1, 1], padding: [[0, 0], [0, 0]] },
    message: /does not fit/,
  },
] as const;

const maxPoolOp = defineOp<Attrs>({
  name: "maxPool2d",
  family: "convolution",
  infer: ([x], attrs) => {
    const shape = outputShape("maxPool2d", x!, attrs);
    return [{ shape, dtype: "f32" }, { shape, dtype: "i32" }];
  },
  forward: ([x], attrs, [y, winner]) => run(maxKernel, { x: x!, y, winner }, x!.shape, y.shape, y.size, attrs),
  constantOutputs: [1],
  saves: () => ({ outputs: [1] }),
  backward: (call) => {
    const dy = call.grads[0]!;
    const shape = call.inputMetas[0]!.shape;
    // Added to what the input has collected, and multiplied by the slope of the activation that gave it.
    const into = call.collected(0), slope = call.slope(0), y = into ?? dy.device.empty(shape);
    const bind = { dy, winner_in: call.output(1), y, activated: slope && slope.y };
    const constants = { ADD: Number(into !== null), SLOPE: ACTIVATIONS[slope?.activation ?? "none"] };
    run(maxGradKernel, bind, shape, dy.shape, sizeOf(shape), call.attrs, constants);
    if (!into) return [y];
    storageOf(into).version++;
    return [null];
  },
  samples,
  bad,
});

const avgPoolOp = defineOp<Attrs>({
  name: "avgPool2d",
  family: "convolution",
  infer: ([x], attrs) => [{ shape: outputShape("avgPool2d", x!, attrs), dtype: "f32" }],
  forward: ([x], attrs, [y]) => run(averageKernel, { x: x!, y }, x!.shape, y.shape, y.size, attrs),
  backward: (call) => {
    const dy = call.grads[0]!;
    const shape = call.inputMetas[0]!.shape;
    const dx = dy.device.empty(shape);
    run(averageGradKernel, { dy, y: dx }, shape, dy.shape, sizeOf(shape), call.attrs);
    return [dx];
  },
  samples,
  bad,
});

/** Options of pooling. */
export interface Pool2dOptions {
  /** Step of the window; default its size. */
  readonly stride?: number | Pair;
  /** Default `valid`. Padding never wins a maximum and does not count in a mean. */
  readonly padding?: Padding;
}

function attrsOf(op: string, x: Tensor, size: number | Pair, options: Pool2dOptions): Attrs {
  expectTensor(op, x);
  expectOptions(op, options, { stride: true, padding: true });
  expectPadding(op, options.padding);
  if (typeof size !== "number") expectNumbers(op, "the window", size);
  const window = pairOf(size);
  const stride = pairOf(options.stride ?? size);
  return {
    size: window,
    stride,
    padding: resolvePadding(op, options.padding ?? "valid", x.shape, window, stride, [1, 1]),
  };
}

/**
 * Largest of each window: x [N, H, W, C] → [N, Ho, Wo, C]; the gradient goes to the first of equals.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, maxPool2d } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.arange(16).reshape([1, 4, 4, 1]);
 * deepStrictEqual([...await maxPool2d(x, 2).data()], [5, 7, 13, 15]);
 * deepStrictEqual([...await maxPool2d(x, 3, { stride: 1 }).data()], [10, 11, 14, 15]);
 * ```
 */
export function maxPool2d(x: Tensor, size: number | Pair, options: Pool2dOptions = {}): Tensor {
  const [y, winner] = maxPoolOp([x], attrsOf("maxPool2d", x, size, options));
  winner.dispose();
  return y;
}

/**
 * Mean of each window's cells inside the image: x [N, H, W, C] → [N, Ho, Wo, C].
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { avgPool2d, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.arange(16).reshape([1, 4, 4, 1]);
 * deepStrictEqual([...await avgPool2d(x, 2).data()], [2.5, 4.5, 10.5, 12.5]);
 * // The corners' windows lie over one cell of the image, those between over two, the middle one over four.
 * const y = avgPool2d(x, 2, { padding: 1 });
 * deepStrictEqual([...await y.data()], [0, 1.5, 3, 6, 7.5, 9, 12, 13.5, 15]);
 * ```
 */
export function avgPool2d(x: Tensor, size: number | Pair, options: Pool2dOptions = {}): Tensor {
  return avgPoolOp([x], attrsOf("avgPool2d", x, size, options))[0];
}
