/** How modules that pass on masks read them: as marks on the picture's map. */
import { add, Conv2d, type Device, Module, relu, type Seeds, type Tensor } from "../../engine/mod.ts";
import { type Start, starting } from "./initial.ts";

/** Reads masks; all modules share it. */
export class MaskReader extends Module {
  readonly #conv: Conv2d;

  /** For maps of `channels` channels of which each cell covers `cell` × `cell` pixels of the masks. */
  constructor(device: Device, channels: number, cell: number, seeds: Seeds, start: Start) {
    super(device);
    const { weight } = starting(start, "plain", cell * cell);
    // Without a bias, an empty mask leaves the picture's map as it is.
    this.#conv = this.child(
      "conv",
      new Conv2d(device, cell, 1, channels, seeds, { stride: cell, padding: "valid", bias: false, init: weight }),
    );
  }

  /** Pictures' maps [N, h, w, C] and likelihoods of foreground [N, H, W, 1] → relu(map + conv(mask)), [N, h, w, C]. */
  forward(pictures: Tensor, masks: Tensor): Tensor {
    using scope = this.device.scope();
    return scope.keep(relu(add(pictures, this.#conv.forward(masks))));
  }
}
