/** Runs the kernels of a 2-D convolution's gradient to its filters: of one use, of several, of a bank's. */
import oneUseText from "../../../../shaders/lib/products/conv_use.wgsl" with { type: "text" };
import usesText from "../../../../shaders/lib/products/conv_uses.wgsl" with { type: "text" };
import weightGradText from "../../../../shaders/conv_weight_grad.wgsl" with { type: "text" };
import weightGradBlocksText from "../../../../shaders/conv_weight_grad_blocks.wgsl" with { type: "text" };
import weightGradTilesText from "../../../../shaders/conv_weight_grad_tiles.wgsl" with { type: "text" };
import type { Device } from "../../../device.ts";
import { contextOf, storageOf } from "../../../friends.ts";
import { sameShape, type Shape, sizeOf } from "../../../shape.ts";
import type { Tensor } from "../../../tensor.ts";
import { slice } from "../../layout.ts";
import { product } from "../../product.ts";
import { sumInto } from "../../reduce.ts";
import { blockKernels, softwareTiling, splittingGroups } from "../blocks.ts";
import { mayRun } from "../choice.ts";
import { productSet } from "../product_set.ts";
import { sumGrads, type Sums, sumSplits, tilesKernel, untunedTilesKernel } from "../tiles.ts";
import { winogradWay, winogradWeightGrad } from "../winograd.ts";
import {
  type Attrs,
  type Bank,
  digitsLib,
  flops,
  geometryLib,
  geometryOf,
  isProduct,
  padChannels,
  tilesOf,
} from "./geometry.ts";

const oneUse = { file: "lib/products/conv_use.wgsl", text: oneUseText };
const severalUses = { file: "lib/products/conv_uses.wgsl", text: usesText, variant: "uses" };
const weightGradPart = { file: "conv_weight_grad.wgsl", text: weightGradText };
const tilesPart = { file: "conv_weight_grad_tiles.wgsl", text: weightGradTilesText };
const parts = [geometryLib, oneUse, weightGradPart] as const;
const traits = { computes: ["conv2d weight gradient"], flops };
const weightBlocks = blockKernels(traits, ...parts, {
  file: "conv_weight_grad_blocks.wgsl",
  text: weightGradBlocksText,
});
const weightTiles = tilesKernel(traits, digitsLib, ...parts, tilesPart);
/** The same for several uses of a filter. */
const weightTilesOfUses = untunedTilesKernel({ flops }, digitsLib, geometryLib, severalUses, weightGradPart, tilesPart);

/** Uses of a filter that {@link convWeightGradOfUses} takes at once. */
export const CONV_USES = 3;

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
