/** The mask head: from a module's feature map to a mask's scores (papers/iep-ref.md#mask-head). */
import {
  type Conv2d,
  type Device,
  Module,
  relu,
  resizeBilinear,
  type Seeds,
  type Tensor,
} from "../../../engine/mod.ts";
import { ResidualBlock } from "./blocks.ts";
import { conv, type Start } from "./initial.ts";

/** Channels of the head's last convolution before the two scores. */
const NARROWEST = 4;

/** Inner channels of the reference's head for feature maps of `channels` channels: a quarter, rounded down. */
export function quarter(channels: number): number {
  return Math.max(1, Math.floor(channels / 4));
}

/** Channels of the widest full-size tensor of a head with `width` inner channels on feature maps of `channels`. */
export function widestChannels(channels: number, width: number): number {
  return Math.max(channels, width, NARROWEST);
}

/** Sizes of a {@link MaskHead}. */
export interface MaskHeadSizes {
  /** Channels of the feature maps it reads. */
  readonly channels: number;
  /** Inner channels, before the last few. */
  readonly width: number;
  /** Height and width of the masks. */
  readonly size: readonly [number, number];
}

/** The head that all modules share. */
export class MaskHead extends Module {
  readonly #size: readonly [number, number];
  readonly #block: ResidualBlock;
  readonly #before: Conv2d;
  readonly #after: Conv2d;
  readonly #rest: Conv2d[];

  /** Builds it with random weights. */
  constructor(device: Device, { channels, width, size }: MaskHeadSizes, seeds: Seeds, start: Start) {
    super(device);
    const rectified = { activation: "relu", start } as const;
    this.#size = size;
    // Numbered as the reference's Sequential, in which ReLUs and the upsampling have numbers too.
    this.#block = this.child("0", new ResidualBlock(device, channels, seeds, start));
    this.#before = this.child("1", conv(device, 1, channels, channels, seeds, rectified));
    this.#after = this.child("5", conv(device, 1, channels, channels, seeds, { start }));
    this.#rest = [
      this.child("7", conv(device, 1, channels, width, seeds, rectified)),
      this.child("9", conv(device, 1, width, NARROWEST, seeds, { ...rectified, role: "narrow" })),
      this.child("11", conv(device, 1, NARROWEST, 2, seeds, { start, role: "scores" })),
    ];
  }

  /**
   * Feature maps [N, h, w, C] → scores [N, H, W, 2], background first. The 1×1 convolution after the upsampling runs before it: the
   * weights of bilinear interpolation sum to one, so the two commute but for rounding, at 1/256 of the work.
   */
  forward(x: Tensor, options: { readonly commuted?: boolean } = {}): Tensor {
    using scope = this.device.scope();
    const map = this.#before.forward(this.#block.forward(x));
    const wide = options.commuted ?? true
      ? resizeBilinear(this.#after.forward(map), this.#size)
      : this.#after.forward(resizeBilinear(map, this.#size));
    return scope.keep(this.#rest.reduce((y, layer) => layer.forward(y), relu(wide)));
  }
}
