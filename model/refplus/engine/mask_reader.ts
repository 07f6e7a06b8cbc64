/** How modules that pass on masks read them: as marks on the picture's map, and as what the marked part looks like. */
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

/** Reads masks; all modules share it. */
export class MaskReader extends Module {
  readonly #conv: Conv2d;
  readonly #cell: number;

  /** For maps of `channels` channels of which each cell covers `cell` × `cell` pixels of the masks. */
  constructor(device: Device, channels: number, cell: number, seeds: Seeds, start: Start) {
    super(device);
    const { weight } = starting(start, "plain", cell * cell);
    // Without a bias, an empty mask leaves the picture's map as it is.
    this.#conv = this.child(
      "conv",
      new Conv2d(device, cell, 1, channels, seeds, { stride: cell, padding: "valid", bias: false, init: weight }),
    );
    this.#cell = cell;
  }

  /** Pictures' maps [N, h, w, C] and likelihoods of foreground [N, H, W, 1] → relu(map + conv(mask)), [N, h, w, C]. */
  forward(pictures: Tensor, masks: Tensor): Tensor {
    using scope = this.device.scope();
    return scope.keep(relu(add(pictures, this.#conv.forward(masks))));
  }

  /**
   * How like what the mask points at every cell is, channel by channel: the map times its mean under the mask, m = Σ mask · map
   * / (Σ mask + 1) over the cells; 0 for an empty mask. The same shapes. "The same colour" is a sum of these channels (compare
   * the module Same of Mascharka et al., CVPR 2018).
   */
  likeness(pictures: Tensor, masks: Tensor): Tensor {
    using scope = this.device.scope();
    const share = avgPool2d(masks, this.#cell, { stride: this.#cell }), cells = { keepDims: true };
    const mean = div(mul(pictures, share).sum([1, 2], cells), share.sum([1, 2], cells).add(1));
    return scope.keep(mul(pictures, mean));
  }
}
