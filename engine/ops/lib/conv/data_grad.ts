/** Runs the kernels of a 2-D convolution's gradient to its input. */
import dataGradText from "../../../../shaders/conv_data_grad.wgsl" with { type: "text" };
import dataGradBlocksText from "../../../../shaders/conv_data_grad_blocks.wgsl" with { type: "text" };
import dataGradTilesText from "../../../../shaders/conv_data_grad_tiles.wgsl" with { type: "text" };
import { contextOf, storageOf } from "../../../friends.ts";
import type { Shape } from "../../../shape.ts";
import type { Tensor } from "../../../tensor.ts";
import { slice } from "../../layout.ts";
import { product } from "../../product.ts";
import { blockKernels, softwareTiling } from "../blocks.ts";
import { fill } from "../fill.ts";
import { epilogueLibs, vec4Lib } from "../library.ts";
import { productSet } from "../product_set.ts";
import { epilogueBind, settledConstants, type Slope, tilesKernel } from "../tiles.ts";
import { winogradDataGrad, winogradWay } from "../winograd.ts";
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

const parts = [vec4Lib, ...epilogueLibs, geometryLib, { file: "conv_data_grad.wgsl", text: dataGradText }] as const;
const traits = { computes: ["conv2d data gradient"], flops };
const dataGradBlocks = blockKernels(traits, ...parts, {
  file: "conv_data_grad_blocks.wgsl",
  text: dataGradBlocksText,
});
const dataGradTiles = tilesKernel(traits, digitsLib, ...parts, {
  file: "conv_data_grad_tiles.wgsl",
  text: dataGradTilesText,
});

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
