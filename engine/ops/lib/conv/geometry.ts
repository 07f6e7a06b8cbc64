/** Geometry of 2-D convolutions for their kernels, and what their texts have in common. */
import geometryText from "../../../../shaders/lib/conv.wgsl" with { type: "text" };
import digitsText from "../../../../shaders/lib/digits.wgsl" with { type: "text" };
import type { Device } from "../../../device.ts";
import { tuningOf } from "../../../friends.ts";
import type { DispatchParams } from "../../../gpu/kernel.ts";
import type { Shape } from "../../../shape.ts";
import type { Tensor } from "../../../tensor.ts";
import { directTiling, type ProductShape, type TunedOp } from "../../../tuning/table.ts";
import { pad } from "../../layout.ts";
import type { Activation } from "../library.ts";
import { allowedTiles, type Epilogue, kernelOfTiles, sumSplits, tileConstants, type TileKernels } from "../tiles.ts";
import type { Pair, Sides } from "../window.ts";

/** The geometry of a convolution in a shader. */
export const geometryLib = { file: "lib/conv.wgsl", text: geometryText };
/** Digits of places, for tiles. */
export const digitsLib = { file: "lib/digits.wgsl", text: digitsText };
/** Multiplications and additions of a kernel. */
export const flops = (p: DispatchParams): number => 2 * p.n * p.ho * p.wo * p.kh * p.kw * 16 * p.ci4 * p.co4;

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
export function padChannels(x: Tensor, filter = false): Tensor {
  const rank = x.shape.length;
  const around = x.shape.map((e, axis): readonly [number, number] =>
    axis === rank - 1 || (filter && axis === rank - 2) ? [0, ceil4(e) - e] : [0, 0]
  );
  return around.every(([, after]) => after === 0) ? x : pad(x, around);
}

/** The kernels' geometry block, for channels that are multiples of 4. */
export function geometryOf(x: Shape, w: Shape, y: Shape, { stride, padding, dilation }: Attrs) {
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
export function isProduct(device: Device, w: Shape, { stride, padding }: Attrs): boolean {
  const plain = w.length === 4 && w[0] * w[1] === 1 && stride[0] * stride[1] === 1 &&
    padding.flat().every((p) => p === 0);
  return plain && device.kernels === "gpu" && w[2] % 4 === 0 && w[3] % 4 === 0;
}

/** Tiles of a convolution as a product, for GPUs, as constants and workgroups, chosen as for `tilingRows` rows; a bank's sums are whole. */
export function tilesOf(
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
export function inSplits(
  y: Tensor,
  splitK: number,
  epilogue: Epilogue,
  run: (target: Tensor, now: Epilogue) => void,
): void {
  if (splitK === 1) return run(y, epilogue);
  const partial = y.device.empty([splitK, ...y.shape]);
  run(partial, {});
  sumSplits(partial, y, epilogue);
}
