/**
 * A small network that looks at pictures for the execution engine. It learns which attributes the object at each pixel has,
 * from cells that see a part of the picture each; what a cell then holds is the picture's features there.
 */
import { ATTRIBUTE_NAMES, ATTRIBUTES } from "../../datasets/refplus/catalogue.ts";
import {
  Conv2d,
  crossEntropy,
  type Device,
  Module,
  reshape,
  type Seeds,
  split,
  type Tensor,
} from "../../engine/mod.ts";

/** Classes of each attribute: the ground, then its values. */
const CLASSES = ATTRIBUTE_NAMES.map((name) => 1 + ATTRIBUTES[name].length);

/** What the network is built from. */
export interface CellNetworkOptions {
  /** Channels of the convolutions of stride 2; a cell is as many pixels wide as 2 to the power of their number. */
  readonly widths: readonly number[];
  /** Channels of the features. */
  readonly channels: number;
  /** Pixels told apart along a cell's side. */
  readonly detail: number;
}

/** The network. */
export class CellNetwork extends Module {
  readonly #convs: Conv2d[] = [];
  readonly #top: Conv2d;
  /** Channels of the features. */
  readonly channels: number;
  /** Width of a cell in pixels. */
  readonly stride: number;
  readonly #detail: number;

  /** A network with random weights. */
  constructor(device: Device, { widths, channels, detail }: CellNetworkOptions, seeds: Seeds) {
    super(device);
    this.channels = channels;
    this.stride = 2 ** widths.length;
    this.#detail = detail;
    [...widths, channels].forEach((width, i, all) => {
      const stride = i < widths.length ? 2 : 1;
      const options = { stride, padding: 1, activation: "relu" } as const;
      this.#convs.push(this.child(`conv${i + 1}`, new Conv2d(device, 3, all[i - 1] ?? 3, width, seeds, options)));
    });
    const outputs = detail * detail * CLASSES.reduce((a, b) => a + b, 0);
    this.#top = this.child("top", new Conv2d(device, 1, channels, outputs, seeds));
  }

  /** Pictures [N, H, W, 3] → features [N, H / stride, W / stride, channels]. */
  forward(pictures: Tensor): Tensor {
    using scope = this.device.scope();
    return scope.keep(this.#convs.reduce((x, conv) => conv.forward(x), pictures));
  }

  /**
   * Sum over the attributes of the mean cross-entropy of all pixels; `labels` has for each attribute, i32 [pixels], 0 for the
   * ground or 1 + the value, cell after cell.
   */
  loss(pictures: Tensor, labels: readonly Tensor[]): Tensor {
    using scope = this.device.scope();
    const pixels = reshape(this.#top.forward(this.forward(pictures)), [labels[0].size, -1]);
    const losses = split(pixels, CLASSES, 1).map((logits, i) => crossEntropy(logits, labels[i]));
    return scope.keep(losses.reduce((sum, loss) => sum.add(loss)));
  }

  /** Pixels told apart along a cell's side. */
  get detail(): number {
    return this.#detail;
  }
}
