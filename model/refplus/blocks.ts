/** The execution engine's modules (iep-ref.md, 5): one a program token. */
import { concat, type Conv2d, type Device, Module, type Seeds, type Tensor } from "../../engine/mod.ts";
import { conv } from "./initial.ts";

/** relu(x + conv2(relu(conv1(x)))), both 3×3: a scene or a step with one input. [N, H, W, C] → the same. */
export class ResidualBlock extends Module {
  readonly #conv1: Conv2d;
  readonly #conv2: Conv2d;

  /** A block on `channels` channels. */
  constructor(device: Device, channels: number, seeds: Seeds) {
    super(device);
    this.#conv1 = this.child("conv1", conv(device, 3, channels, channels, seeds, "relu"));
    this.#conv2 = this.child("conv2", conv(device, 3, channels, channels, seeds, "relu"));
  }

  /** The block's result. */
  forward(x: Tensor): Tensor {
    using scope = this.device.scope();
    return scope.keep(this.#conv2.forward(this.#conv1.forward(x), { residual: x }));
  }
}

/** Two maps made one by a 1×1 convolution, then a residual block: union and intersection. */
export class BinaryBlock extends Module {
  readonly #proj: Conv2d;
  readonly #block: ResidualBlock;

  /** A block on two maps of `channels` channels. */
  constructor(device: Device, channels: number, seeds: Seeds) {
    super(device);
    this.#proj = this.child("proj", conv(device, 1, 2 * channels, channels, seeds, "relu"));
    this.#block = this.child("res_block", new ResidualBlock(device, channels, seeds));
  }

  /** a and b [N, H, W, C] → [N, H, W, C]. */
  forward(a: Tensor, b: Tensor): Tensor {
    using scope = this.device.scope();
    return scope.keep(this.#block.forward(this.#proj.forward(concat([a, b], 3))));
  }
}

/** Convolutions with ReLU on the image's features, run once a batch. */
export class Stem extends Module {
  readonly #convs: Conv2d[] = [];

  /** `layers` 3×3 convolutions from `inputs` to `channels` channels. */
  constructor(device: Device, inputs: number, channels: number, layers: number, seeds: Seeds) {
    super(device);
    for (let i = 0; i < layers; i++) {
      // Named as in PyTorch's Sequential, where a ReLU follows each.
      this.#convs.push(
        this.child(String(2 * i), conv(device, 3, i === 0 ? inputs : channels, channels, seeds, "relu")),
      );
    }
  }

  /** Features [N, H, W, inputs] → [N, H, W, channels]. */
  forward(features: Tensor): Tensor {
    using scope = this.device.scope();
    return scope.keep(this.#convs.reduce((x, layer) => layer.forward(x), features));
  }
}
