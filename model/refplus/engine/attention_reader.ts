/** Reading of attention: the picture's features under it, and their similarity to what is attended. */
import {
  add,
  avgPool2d,
  Conv2d,
  type Device,
  div,
  Module,
  mul,
  relu,
  type Seeds,
  type Tensor,
} from "../../../engine/mod.ts";
import { type Start, starting } from "./initial.ts";

/** Reads attention; all modules share it. */
export class AttentionReader extends Module {
  readonly #conv: Conv2d;
  readonly #cell: number;

  /** For features of `channels` channels of which each cell covers `cell` × `cell` pixels of the attention. */
  constructor(device: Device, channels: number, cell: number, seeds: Seeds, start: Start) {
    super(device);
    const { weight } = starting(start, "plain", cell * cell);
    // Without a bias, attention of 0 leaves the picture's features as they are.
    this.#conv = this.child(
      "conv",
      new Conv2d(device, {
        kernel: cell,
        inputs: 1,
        outputs: channels,
        seeds,
        stride: cell,
        padding: "valid",
        bias: false,
        init: weight,
      }),
    );
    this.#cell = cell;
  }

  /** Pictures' features [N, h, w, C] and attention [N, H, W, 1] → relu(features + conv(attention)), [N, h, w, C]. */
  forward(pictures: Tensor, attention: Tensor): Tensor {
    using scope = this.device.scope();
    return scope.keep(relu(add(pictures, this.#conv.forward(attention))));
  }

  /**
   * Similarity of every cell to what is attended, channel by channel: the features f times their mean under the attention a,
   * m = Σ a · f / (Σ a + 1) over the cells; 0 where a is 0 everywhere. The same shapes. "The same colour" is a sum of these
   * channels (compare the module Same of Mascharka et al., CVPR 2018).
   */
  similarity(pictures: Tensor, attention: Tensor): Tensor {
    using scope = this.device.scope();
    const share = avgPool2d(attention, this.#cell, { stride: this.#cell }), cells = { keepDims: true };
    const mean = div(mul(pictures, share).sum([1, 2], cells), share.sum([1, 2], cells).add(1));
    return scope.keep(mul(pictures, mean));
  }
}
