/** Runs the kernels of 2-D convolution: blocks or tiles, split sums, banks of filters. */
import forwardText from "../../../../shaders/conv_forward.wgsl" with { type: "text" };
import forwardBlocksText from "../../../../shaders/conv_forward_blocks.wgsl" with { type: "text" };
import forwardTilesText from "../../../../shaders/conv_forward_tiles.wgsl" with { type: "text" };
import { bucketSize } from "../../../buckets.ts";
import type { Tensor } from "../../../tensor.ts";
import { sliceInto } from "../../layout.ts";
import { product } from "../../product.ts";
import { blockKernels, softwareTiling } from "../blocks.ts";
import { epilogueLibs, vec4Lib } from "../library.ts";
import { productSet } from "../product_set.ts";
import { epilogueBind, epilogueConstants, tilesKernel } from "../tiles.ts";
import { winogradForward, winogradWay } from "../winograd.ts";
import {
  type Attrs,
  type Bank,
  digitsLib,
  flops,
  geometryLib,
  geometryOf,
  inSplits,
  isProduct,
  padChannels,
  tilesOf,
} from "./geometry.ts";

const parts = [vec4Lib, ...epilogueLibs, geometryLib, { file: "conv_forward.wgsl", text: forwardText }] as const;
const traits = { computes: ["conv2d forward"], flops };
const forwardBlocks = blockKernels(traits, ...parts, { file: "conv_forward_blocks.wgsl", text: forwardBlocksText });
const forwardTiles = tilesKernel(traits, digitsLib, ...parts, {
  file: "conv_forward_tiles.wgsl",
  text: forwardTilesText,
});

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
