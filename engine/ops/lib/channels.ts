/** Channels padded to whole vec4s, for kernels that read four at a time. */
import type { Shape } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { pad, slice } from "../layout.ts";

/** The next multiple of 4. */
export const ceil4 = (n: number): number => Math.ceil(n / 4) * 4;

/** x [N, H, W, C] with its channels padded by zeros to a multiple of 4. */
export function padChannels(x: Tensor): Tensor {
  const channels = x.shape[3];
  if (channels % 4 === 0) return x;
  return pad(x, [[0, 0], [0, 0], [0, 0], [0, ceil4(channels) - channels]]);
}

/** y with its padded channels cut off again. */
export function cutChannels(y: Tensor, shape: Shape): Tensor {
  return y.shape[3] === shape[3] ? y : slice(y, [0, 0, 0, 0], shape as number[]);
}
