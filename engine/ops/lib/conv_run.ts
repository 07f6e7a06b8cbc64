/** Runs the kernels of 2-D convolution and of both its gradients: blocks or tiles, split sums, banks of filters. */
import dataGradText from "../../../shaders/conv_data_grad.wgsl" with { type: "text" };
import dataGradBlocksText from "../../../shaders/conv_data_grad_blocks.wgsl" with { type: "text" };
import dataGradTilesText from "../../../shaders/conv_data_grad_tiles.wgsl" with { type: "text" };
import forwardText from "../../../shaders/conv_forward.wgsl" with { type: "text" };
import forwardBlocksText from "../../../shaders/conv_forward_blocks.wgsl" with { type: "text" };
import forwardTilesText from "../../../shaders/conv_forward_tiles.wgsl" with { type: "text" };
import oneUseText from "../../../shaders/lib/products/conv_use.wgsl" with { type: "text" };
import usesText from "../../../shaders/lib/products/conv_uses.wgsl" with { type: "text" };
import geometryText from "../../../shaders/lib/conv.wgsl" with { type: "text" };
import digitsText from "../../../shaders/lib/digits.wgsl" with { type: "text" };
import weightGradText from "../../../shaders/conv_weight_grad.wgsl" with { type: "text" };
import weightGradBlocksText from "../../../shaders/conv_weight_grad_blocks.wgsl" with { type: "text" };
import weightGradTilesText from "../../../shaders/conv_weight_grad_tiles.wgsl" with { type: "text" };
import type { Device } from "../../device.ts";
import { contextOf, storageOf, tuningOf } from "../../friends.ts";
import type { DispatchParams } from "../../gpu/kernel.ts";
import { bucketSize } from "../../buckets.ts";
import { sameShape, type Shape, sizeOf } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { directTiling, type ProductShape, type TunedOp } from "../../tuning/table.ts";
import { blockKernels, softwareTiling, splittingGroups } from "./blocks.ts";
import { mayRun } from "./choice.ts";
import { fill } from "./fill.ts";
import { pad, slice, sliceInto } from "../layout.ts";
import { type Activation, epilogueLibs, vec4Lib } from "./library.ts";
import { product } from "../product.ts";
import { sumInto } from "../reduce.ts";
import { productSet } from "./product_set.ts";
import {
  allowedTiles,
  type Epilogue,
  epilogueBind,
  epilogueConstants,
  kernelOfTiles,
  settledConstants,
  type Slope,
  sumGrads,
  type Sums,
  sumSplits,
  tileConstants,
  type TileKernels,
  tilesKernel,
  untunedTilesKernel,
} from "./tiles.ts";
import type { Pair, Sides } from "./window.ts";
import { winogradDataGrad, winogradForward, winogradWay, winogradWeightGrad } from "./winograd.ts";

const geometry = { file: "lib/conv.wgsl", text: geometryText };
const digits = { file: "lib/digits.wgsl", text: digitsText };
const forwardParts = [vec4Lib, ...epilogueLibs, geometry, { file: "conv_forward.wgsl", text: forwardText }] as const;
const dataGradParts = [vec4Lib, ...epilogueLibs, geometry, {
  file: "conv_data_grad.wgsl",
  text: dataGradText,
}] as const;
const oneUse = { file: "lib/products/conv_use.wgsl", text: oneUseText };
const severalUses = { file: "lib/products/conv_uses.wgsl", text: usesText, variant: "uses" };
const weightGradPart = { file: "conv_weight_grad.wgsl", text: weightGradText };
const weightGradParts = [geometry, oneUse, weightGradPart] as const;
const flops = (p: DispatchParams): number => 2 * p.n * p.ho * p.wo * p.kh * p.kw * 16 * p.ci4 * p.co4;
const forward = { computes: ["conv2d forward"], flops };
const dataGrad = { computes: ["conv2d data gradient"], flops };
const weightGrad = { computes: ["conv2d weight gradient"], flops };
const forwardBlocks = blockKernels(forward, ...forwardParts, {
  file: "conv_forward_blocks.wgsl",
  text: forwardBlocksText,
});
const forwardTiles = tilesKernel(forward, digits, ...forwardParts, {
  file: "conv_forward_tiles.wgsl",
  text: forwardTilesText,
});
const dataGradBlocks = blockKernels(dataGrad, ...dataGradParts, {
  file: "conv_data_grad_blocks.wgsl",
  text: dataGradBlocksText,
});
const dataGradTiles = tilesKernel(dataGrad, digits, ...dataGradParts, {
  file: "conv_data_grad_tiles.wgsl",
  text: dataGradTilesText,
});
const weightBlocks = blockKernels(weightGrad, ...weightGradParts, {
  file: "conv_weight_grad_blocks.wgsl",
  text: weightGradBlocksText,
});
const weightTiles = tilesKernel(weightGrad, digits, ...weightGradParts, {
  file: "conv_weight_grad_tiles.wgsl",
  text: weightGradTilesText,
});

/** The same for several uses of a filter. */
const weightTilesOfUses = untunedTilesKernel({ flops }, digits, geometry, severalUses, weightGradPart, {
  file: "conv_weight_grad_tiles.wgsl",
  text: weightGradTilesText,
});

/** Uses of a filter that {@link convWeightGradOfUses} takes at once. */
export const CONV_USES = 3;

/** Geometry and activation of a convolution. */
export interface Attrs {
  readonly stride: Pair;
  readonly padding: Sides;
  readonly dilation: Pair;
  readonly activation: Activation;
}

/** The filter of a bank that each image has, on the device: `entries` i32 [N], `groups` i32 [groups, 4] of equal neighbours. */
export interface Bank {
  readonly entries: Tensor;
  readonly groups: Tensor;
}

const ceil4 = (n: number): number => Math.ceil(n / 4) * 4;

/** x with its last axis padded by zeros to a multiple of 4, and, for filters, the one before as well. */
function padChannels(x: Tensor, filter = false): Tensor {
  const rank = x.shape.length;
  const around = x.shape.map((e, axis): readonly [number, number] =>
    axis === rank - 1 || (filter && axis === rank - 2) ? [0, ceil4(e) - e] : [0, 0]
  );
  return around.every(([, after]) => after === 0) ? x : pad(x, around);
}

/** The kernels' geometry block, for channels that are multiples of 4. */
function geometryOf(x: Shape, w: Shape, y: Shape, { stride, padding, dilation }: Attrs) {
  return {
    n: x[0],
    h: x[1],
    w: x[2],
    ci4: ceil4(x[3]) / 4,
    ho: y[1],
    wo: y[2],
    co4: ceil4(w[3]) / 4,
    kh: w[0],
    kw: w[1],
    stride_y: stride[0],
    stride_x: stride[1],
    dilation_y: dilation[0],
    dilation_x: dilation[1],
    top: padding[0][0],
    left: padding[1][0],
    chunk: 0,
    parts: 1,
  };
}

/** True where a convolution is a plain product of pixels × channels for the kernels of GPUs. */
function isProduct(device: Device, w: Shape, { stride, padding }: Attrs): boolean {
  const plain = w.length === 4 && w[0] * w[1] === 1 && stride[0] * stride[1] === 1 &&
    padding.flat().every((p) => p === 0);
  return plain && device.kernels === "gpu" && w[2] % 4 === 0 && w[3] % 4 === 0;
}

/** Runs a convolution; with a bank, w [entries, kH, kW, Cin, Cout] and bias [entries, Cout]. */
export function convForward(
  x: Tensor,
  w: Tensor,
  epilogue: { readonly scale: Tensor | null; readonly bias: Tensor | null; readonly residual: Tensor | null },
  attrs: Attrs,
  y: Tensor,
  bank: Bank | null = null,
): void {
  const { device } = x;
  if (y.size === 0) return;
  const params = geometryOf(x.shape, w.shape.slice(-4), y.shape, attrs);
  const pixels = params.n * params.ho * params.wo, [k, n] = w.shape.slice(-2);
  const tilingRows = bucketSize(params.n) * params.ho * params.wo;
  const { activation } = attrs;
  if (isProduct(device, w.shape, attrs)) {
    return product(x, w, y, 1, {
      m: pixels,
      n,
      k,
      transposeA: false,
      transposeB: false,
      tilingRows,
      ...epilogue,
      activation,
    });
  }
  const way = winogradWay(device, "conv2d forward", params, w.shape);
  if (way) return winogradForward(x, w, y, params, way, { ...epilogue, activation });
  const fit = (t: Tensor | null) => t && padChannels(t);
  const scale = fit(epilogue.scale);
  const bias = fit(epilogue.bias);
  const residual = fit(epilogue.residual);
  const target = y.shape[3] % 4 === 0 ? y : device.empty([...y.shape.slice(0, 3), params.co4 * 4]);
  const entries = bank && bank.entries;
  const bind = { x: padChannels(x), filters: padChannels(w, true), scale, bias, residual, y: target, entries };
  const constants = { ...epilogueConstants({ scale, bias, residual, activation }), BANK: Number(bank !== null) };
  const depth = bank ? params.n : 1;
  const shape = [pixels / depth, params.co4 * 4, params.kh * params.kw * params.ci4 * 4, depth] as const;
  if (productSet(device, "conv2d forward") === "gpu") {
    const tiles = tilesOf(device, "conv2d forward", shape, {
      tilingRows: bank ? shape[0] : tilingRows,
      splits: bank === null,
      taps: params.kh * params.kw,
    });
    inSplits(
      target,
      tiles.splitK,
      { scale, bias, residual, activation },
      (part, now) =>
        device.run(tiles.of(forwardTiles), {
          bind: { ...bind, ...epilogueBind(now), y: part },
          params: { ...params, parts: tiles.splitK },
          constants: { ...constants, ...epilogueConstants(now), ...tiles.constants, ...tiles.masked },
          grid: tiles.grid,
        }),
    );
  } else {
    const { shared, constants: block, x: across, y: down } = softwareTiling(device, "conv2d forward", shape);
    device.run(shared ? forwardBlocks.lanes : forwardBlocks.registers, {
      bind,
      params,
      constants: { ...constants, ...block },
      grid: [across, down, depth],
    });
  }
  if (target !== y) {
    sliceInto(y, target, [0, 0, 0, 0]);
  }
}

/** Tiles of a convolution as a product, for GPUs, as constants and workgroups, chosen as for `tilingRows` rows; a bank's sums are whole. */
function tilesOf(
  device: Device,
  op: TunedOp,
  [m, n, k, batch]: ProductShape,
  { tilingRows, splits, taps = 0 }: {
    readonly tilingRows: number;
    readonly splits: boolean;
    readonly taps?: number;
  },
) {
  const known = directTiling(tuningOf(device), op, [tilingRows, n, k, batch]);
  const tiling = allowedTiles(device, op, [tilingRows, n, k, batch], { known });
  const splitK = splits ? tiling.splitK : 1;
  // Wide tiles keep a bit for each tap and pixel, where a word has enough of them.
  const masked: Readonly<Record<string, number>> = tiling.buffers && taps <= 32 ? { MASKED: 1 } : {};
  return {
    splitK,
    of: (kernels: TileKernels) => kernelOfTiles(kernels, tiling),
    constants: tileConstants(device, tiling),
    masked,
    grid: [Math.ceil(n / tiling.columns), Math.ceil(m / tiling.rows), batch * splitK] as const,
  };
}

/** Lets `run` write `y` at once, or the `splitK` parts of its sums, which are then added up; the epilogue comes last. */
function inSplits(y: Tensor, splitK: number, epilogue: Epilogue, run: (target: Tensor, now: Epilogue) => void): void {
  if (splitK === 1) return run(y, epilogue);
  const partial = y.device.empty([splitK, ...y.shape]);
  run(partial, {});
  sumSplits(partial, y, epilogue);
}

/** True where {@link convWeightGrad} can take dy's sums too: on GPUs, without Winograd's way. */
export function sumsWithWeights(x: Shape, w: Shape, dy: Tensor, attrs: Attrs): boolean {
  return dy.device.kernels === "gpu" && contextOf(dy.device).refused.size === 0 && dy.size > 0 &&
    sizeOf(w) > 0 && w[3] % 4 === 0 &&
    !winogradWay(dy.device, "conv2d weight gradient", geometryOf(x, w, dy.shape, attrs), w);
}

/** True where gradients to the input and to the filters take dy's factors in as they read and write: on GPUs, without Winograd's way. */
export function foldsScale(dy: Tensor, w: Shape, xShape: Shape, attrs: Attrs): boolean {
  const { device } = dy, params = geometryOf(xShape, w.slice(-4), dy.shape, attrs);
  return device.kernels === "gpu" && contextOf(device).refused.size === 0 && w[3] % 4 === 0 &&
    !winogradWay(device, "conv2d data gradient", params, w) &&
    !winogradWay(device, "conv2d weight gradient", params, w);
}

/** True where {@link convDataGrad} can add to a gradient and multiply by a slope: where it writes the gradient itself. */
export function settlesDataGrad(dy: Tensor, w: Shape, xShape: Shape, attrs: Attrs): boolean {
  const { device } = dy, params = geometryOf(xShape, w.slice(-4), dy.shape, attrs);
  return contextOf(device).refused.size === 0 && dy.size > 0 && xShape[3] % 4 === 0 &&
    !winogradWay(device, "conv2d data gradient", params, w);
}

/**
 * d(loss)/dx from d(loss)/d(conv); with a bank, strides are 1. `last` adds it to a gradient `into` and multiplies by a slope where
 * {@link settlesDataGrad} allows it.
 */
export function convDataGrad(
  dy: Tensor,
  w: Tensor,
  xShape: Shape,
  attrs: Attrs,
  bank: Bank | null = null,
  { into = null, slope = null, scale = null }: {
    readonly into?: Tensor | null;
    readonly slope?: Slope | null;
    /** Factors of dy's channels. */
    readonly scale?: Tensor | null;
  } = {},
): Tensor {
  const { device } = dy;
  const params = geometryOf(xShape, w.shape.slice(-4), dy.shape, attrs);
  const padded = into ?? device.empty([...xShape.slice(0, 3), params.ci4 * 4]), last = { add: into !== null, slope };
  const way = winogradWay(device, "conv2d data gradient", params, w.shape);
  if (dy.size === 0) {
    fill(padded, 0);
  } else if (isProduct(device, w.shape, attrs)) {
    const [n, k] = w.shape.slice(2);
    product(dy, w, padded, 1, { m: dy.size / k, n, k, transposeA: false, transposeB: true, sumScale: scale, ...last });
  } else if (way) {
    winogradDataGrad(dy, w, padded, params, way);
  } else {
    const bind = {
      ...{ dy: padChannels(dy), filters: padChannels(w, true), dx: padded, entries: bank && bank.entries },
      ...{ activated: null, scale },
    };
    const phases = bank ? params.n : params.stride_y * params.stride_x, BANK = Number(bank !== null);
    const pixels = (bank ? 1 : params.n) * Math.ceil(params.h / params.stride_y) *
      Math.ceil(params.w / params.stride_x);
    // What a phase sums over: the taps are shared out among them.
    const depth = Math.ceil(params.kh * params.kw / (params.stride_y * params.stride_x)) * params.co4 * 4;
    const shape = [pixels, params.ci4 * 4, depth, phases] as const;
    if (productSet(device, "conv2d data gradient") === "gpu") {
      const tiles = tilesOf(device, "conv2d data gradient", shape, {
        tilingRows: pixels,
        splits: bank === null,
        taps: params.kh * params.kw,
      });
      inSplits(padded, tiles.splitK, last, (dx, now) =>
        device.run(tiles.of(dataGradTiles), {
          bind: { ...bind, activated: epilogueBind(now).activated, dx },
          params: { ...params, parts: tiles.splitK },
          constants: {
            ...{ BANK, SCALED_SUM: Number(scale !== null) },
            ...{ ...settledConstants(now), ...tiles.constants, ...tiles.masked },
          },
          grid: tiles.grid,
        }));
    } else {
      const { shared, constants, x: across, y: down } = softwareTiling(device, "conv2d data gradient", shape);
      device.run(shared ? dataGradBlocks.lanes : dataGradBlocks.registers, {
        bind: { ...bind, activated: epilogueBind(last).activated },
        params,
        constants: { ...constants, ...settledConstants(last), BANK },
        grid: [across, down, phases],
      });
    }
  }
  if (into) storageOf(into).version++;
  return padded.shape[3] === xShape[3] ? padded : slice(padded, [0, 0, 0, 0], xShape as number[]);
}

/** d(loss)/dw from d(loss)/d(conv); null when added to `into`, which is what w has collected. */
export function convWeightGrad(
  x: Tensor,
  dy: Tensor,
  wShape: Shape,
  attrs: Attrs,
  into: Tensor | null,
  scale: Tensor | null = null,
  sums: Sums | null = null,
): Tensor | null {
  const { device } = x;
  // Padded channels would have to be sliced off first.
  if (wShape[2] % 4 !== 0 || wShape[3] % 4 !== 0) into = null;
  const add = into !== null;
  const base = geometryOf(x.shape, wShape, dy.shape, attrs);
  const fullShape = [wShape[0], wShape[1], base.ci4 * 4, base.co4 * 4];
  const way = winogradWay(device, "conv2d weight gradient", base, wShape);
  let dw: Tensor;
  if (dy.size === 0 || sizeOf(wShape) === 0) {
    dw = into ?? device.zeros(fullShape);
  } else if (isProduct(device, wShape, attrs)) {
    const [m, n] = wShape.slice(2);
    dw = into ?? device.empty(wShape);
    product(x, dy, dw, 1, {
      m,
      n,
      k: dy.size / n,
      transposeA: true,
      transposeB: false,
      add,
      scale,
      sums,
      byTiles: device.kernels === "gpu",
    });
  } else if (way) {
    dw = into ?? device.empty(wShape);
    winogradWeightGrad(x, dy, dw, base, way, add);
  } else {
    const lines = base.n * base.ho;
    const { kernel, across, down, splitK, constants } = weightGradBlocks(device, base, lines, 1);
    const params = { ...base, chunk: Math.ceil(lines / splitK) };
    const used = Math.ceil(lines / params.chunk);
    dw = into ?? device.empty(fullShape);
    const behind = sums !== null && used > 1;
    const partial = used === 1
      ? dw
      : device.empty(behind ? [used, sizeOf(fullShape) + base.co4 * 4] : [used, ...fullShape]);
    device.run(kernel, {
      bind: {
        x: padChannels(x),
        dy: padChannels(dy),
        dw: partial,
        groups: null,
        scale,
        sums: sums && !behind ? sums.into : null,
      },
      params,
      constants: {
        ...constants,
        ADD: Number(add && used === 1),
        ...scale && { HAS_SCALE: 1 },
        ...sums && { SUMS: 1, SUMS_BEHIND: Number(behind), ADD_SUMS: Number(sums.add) },
      },
      grid: [across, down, used],
    });
    if (behind) sumGrads(partial, dw, sums, { add });
    else if (used > 1 && device.kernels === "gpu") sumSplits(partial, dw, { add });
    else if (used > 1) sumInto(dw, partial, [0], { add });
  }
  if (into) {
    storageOf(into).version++;
    return null;
  }
  return sameShape(fullShape, wShape) ? dw : slice(dw, [0, 0, 0, 0], wShape as number[]);
}

/** True where {@link convWeightGradOfUses} can take uses: of filters of whole fours, which are no plain product. */
export function takesUses(x: Shape, w: Shape, dy: Tensor, attrs: Attrs): boolean {
  return mayRun(dy.device, weightTilesOfUses.tiles) && sumsWithWeights(x, w, dy, attrs) && w[2] % 4 === 0 &&
    !isProduct(dy.device, w, attrs);
}

/**
 * d(loss)/dw of a filter from all of its uses [x, d(loss)/d(conv)], of one shape each, and the sums of dy over all of them: added to
 * what is there, or in its place.
 */
export function convWeightGradOfUses(
  uses: readonly (readonly Tensor[])[],
  dw: Tensor,
  attrs: Attrs,
  add: boolean,
  sums: Sums | null,
): void {
  const { device } = dw, [[x, dy]] = uses, base = geometryOf(x.shape, dw.shape, dy.shape, attrs);
  const lines = base.n * base.ho * uses.length;
  const { usesKernel, across, down, splitK, constants } = weightGradBlocks(device, base, lines, 1);
  const params = { ...base, chunk: Math.ceil(lines / splitK) }, used = Math.ceil(lines / params.chunk);
  const behind = sums !== null && used > 1;
  const partial = used === 1 ? dw : device.empty(behind ? [used, dw.size + sums.into.size] : [used, ...dw.shape]);
  const operands = Object.fromEntries(
    [0, 1, 2].flatMap((i) => [[`x${i}`, uses[i]?.[0] ?? null], [`dy${i}`, uses[i]?.[1] ?? null]]),
  );
  device.run(usesKernel ?? weightTilesOfUses.tiles, {
    bind: { ...operands, dw: partial, groups: null, scale: null, sums: sums && !behind ? sums.into : null },
    params,
    constants: {
      ...constants,
      USES: uses.length,
      ADD: Number(add && used === 1),
      ...sums && { SUMS: 1, SUMS_BEHIND: Number(behind), ADD_SUMS: Number(sums.add) },
    },
    grid: [across, down, used],
  });
  if (behind) sumGrads(partial, dw, sums, { add });
  else if (used > 1) sumSplits(partial, dw, { add });
}

/** Adds d(loss)/dw of a bank's filters to `into`, whose channels are multiples of 4. */
export function bankWeightGrad(x: Tensor, dy: Tensor, into: Tensor, attrs: Attrs, { groups }: Bank): void {
  const { device } = x;
  if (dy.size === 0) return;
  const params = geometryOf(x.shape, into.shape.slice(1), dy.shape, attrs);
  const images = groups.shape[0];
  const { kernel, across, down, constants } = weightGradBlocks(device, params, params.n * params.ho / images, images);
  device.run(kernel, {
    bind: { x: padChannels(x), dy: padChannels(dy), dw: into, groups, scale: null, sums: null },
    params,
    constants: { ...constants, BANK: 1, ADD: 1 },
    grid: [across, down, groups.shape[0]],
  });
}

/**
 * Kernel and workgroups of a weight gradient, whose rows are (tap, input channel), and the number of parts that the sum over
 * `lines` output rows of all images is split in. On software adapters blocks stay within a tap.
 */
function weightGradBlocks(
  device: Device,
  { kh, kw, ci4, co4, wo }: Readonly<Record<"kh" | "kw" | "ci4" | "co4" | "wo", number>>,
  lines: number,
  batch: number,
) {
  const taps = kh * kw, op = "conv2d weight gradient", shape = [taps * ci4 * 4, co4 * 4, lines * wo, batch] as const;
  if (productSet(device, op) === "gpu") {
    const tiles = tilesOf(device, op, shape, { tilingRows: shape[0], splits: true });
    const { constants, grid: [across, down] } = tiles, kernel = tiles.of(weightTiles);
    return {
      kernel,
      usesKernel: tiles.of(weightTilesOfUses),
      across,
      down,
      constants,
      splitK: Math.min(lines, tiles.splitK),
    };
  }
  const tiling = softwareTiling(device, op, shape, { part: ci4 * 4 }), { shared, constants, x, y } = tiling;
  const kernel = shared ? weightBlocks.lanes : weightBlocks.registers;
  const groups = splittingGroups(tiling, co4 * 4) * y;
  return { kernel, across: x, down: y, constants, splitK: Math.max(1, Math.min(lines, Math.floor(32 / groups))) };
}
