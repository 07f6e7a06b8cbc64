/**
 * ResNet v1 (He et al., 2016) in TF-slim's or torchvision's arrangement, split where the region classifiers need it: a body
 * that makes the feature map, and a tail that runs on region crops. A block's stride sits on a 3×3 convolution, of its last
 * unit (TF-slim) or of its first (torchvision).
 */
import { conv2d, type Device, init, maxPool2d, Module, type Seeds, type Tensor } from "../../engine/mod.ts";

/** First layers of the body. */
export interface StemOptions {
  /** Window of the first convolution, stride 2. */
  readonly kernel: number;
  /** Output channels. */
  readonly width: number;
  /** Follow with a 3×3 max pool of stride 2. */
  readonly pool: boolean;
}

/** One block of residual units. */
export interface BlockOptions {
  /** Number of units. */
  readonly units: number;
  /** Channels inside a unit; a bottleneck puts out four times as many. */
  readonly width: number;
  /** Stride of one unit, the last or the first by {@link ResNetOptions.strideOn}. */
  readonly stride: number;
}

/** A network: the last block is the tail that runs on crops, the others the body. */
export interface ResNetOptions {
  /** The first convolution and what follows it. */
  readonly stem: StemOptions;
  /** Stages of blocks, in order. */
  readonly blocks: readonly BlockOptions[];
  /** 1×1, 3×3, 1×1 units (true), or two 3×3 convolutions (false). */
  readonly bottleneck: boolean;
  /** The unit of a block that has its stride: the last, as TF-slim, or the first, as torchvision; default last. */
  readonly strideOn?: "last" | "first";
  /** Stem and this many first blocks get no gradient, as with pretrained weights; −1 trains the stem too. */
  readonly fixedBlocks: number;
  /** Train the shift of the frozen normalisation, for training from random weights; default false. */
  readonly trainShift?: boolean;
}

const EPSILON = 1e-5;

/** A convolution without bias followed by frozen batch normalisation, folded to a scale and a shift per channel. */
class ConvNorm extends Module {
  readonly weight: Tensor;
  readonly scale: Tensor;
  readonly shift: Tensor;
  readonly #stride: number;
  /** While calibrating, the next input sets scale and shift so that each channel comes out with mean 0 and variance 1. */
  calibrating = false;

  constructor(
    device: Device,
    kernel: number,
    inputs: number,
    outputs: number,
    stride: number,
    seeds: Seeds,
    trainShift: boolean,
  ) {
    super(device);
    this.#stride = stride;
    this.weight = this.parameter("weight", [kernel, kernel, inputs, outputs], init.heNormal, seeds.next());
    this.scale = this.parameter("scale", [outputs], init.ones, 0, { trainable: false });
    this.shift = this.parameter("shift", [outputs], init.zeros, 0, { trainable: trainShift });
  }

  /** act(norm(conv(x)) + residual). Padding is (k − 1) / 2 on every side: ceil(n / stride) cells come out. */
  forward(x: Tensor, activation: "relu" | "none", residual?: Tensor): Tensor {
    const padding = (this.weight.shape[0] - 1) / 2;
    if (this.calibrating) this.#calibrate(x, padding);
    return conv2d(x, this.weight, {
      stride: this.#stride,
      padding,
      scale: this.scale,
      bias: this.shift,
      activation,
      ...(residual ? { residual } : {}),
    });
  }

  #calibrate(x: Tensor, padding: number): void {
    this.device.noGrad(() => {
      using _scope = this.device.scope();
      const raw = conv2d(x, this.weight, { stride: this.#stride, padding });
      const mean = raw.mean([0, 1, 2]);
      const centred = raw.sub(mean);
      const scale = centred.mul(centred).mean([0, 1, 2]).add(EPSILON).pow(-0.5);
      this.scale.copyFrom(scale);
      this.shift.copyFrom(mean.mul(scale).neg());
    });
  }

  *layers(): Generator<ConvNorm> {
    yield this;
  }
}

/** A residual unit with post-activation. */
class Unit extends Module {
  readonly #convs: ConvNorm[];
  readonly #shortcut: ConvNorm | null;
  readonly #stride: number;
  readonly outputs: number;

  constructor(device: Device, inputs: number, width: number, stride: number, options: ResNetOptions, seeds: Seeds) {
    super(device);
    const train = options.trainShift ?? false;
    const make = (name: string, kernel: number, from: number, to: number, s: number): ConvNorm =>
      this.child(name, new ConvNorm(device, kernel, from, to, s, seeds, train));
    this.#stride = stride;
    this.outputs = options.bottleneck ? width * 4 : width;
    this.#convs = options.bottleneck
      ? [
        make("conv1", 1, inputs, width, 1),
        make("conv2", 3, width, width, stride),
        make("conv3", 1, width, this.outputs, 1),
      ]
      : [make("conv1", 3, inputs, width, 1), make("conv2", 3, width, width, stride)];
    this.#shortcut = inputs === this.outputs ? null : make("shortcut", 1, inputs, this.outputs, stride);
  }

  /** The unit's output; intermediate tensors are freed, except those the tape keeps. */
  forward(x: Tensor): Tensor {
    using scope = this.device.scope();
    const shortcut = this.#shortcut
      ? this.#shortcut.forward(x, "none")
      : this.#stride === 1
      ? x
      : maxPool2d(x, 1, { stride: this.#stride });
    const last = this.#convs.length - 1;
    let y = x;
    for (let i = 0; i < last; i++) y = this.#convs[i].forward(y, "relu");
    return scope.keep(this.#convs[last].forward(y, "relu", shortcut));
  }

  *layers(): Generator<ConvNorm> {
    yield* this.#convs;
    if (this.#shortcut) yield this.#shortcut;
  }
}

/** Parts in a row, each freeing what the one before gave it; `x` itself stays. */
function inTurn(parts: readonly { forward(x: Tensor): Tensor }[], x: Tensor): Tensor {
  return parts.reduce((y, part) => {
    const next = part.forward(y);
    if (y !== x) y.dispose();
    return next;
  }, x);
}

/** Units in a row, the stride on the last or the first. */
class Block extends Module {
  readonly #units: Unit[] = [];
  readonly outputs: number;

  constructor(
    device: Device,
    inputs: number,
    { units, width, stride }: BlockOptions,
    options: ResNetOptions,
    seeds: Seeds,
  ) {
    super(device);
    const strided = options.strideOn === "first" ? 0 : units - 1;
    let channels = inputs;
    for (let i = 0; i < units; i++) {
      const unit = this.child(
        `unit${i + 1}`,
        new Unit(device, channels, width, i === strided ? stride : 1, options, seeds),
      );
      this.#units.push(unit);
      channels = unit.outputs;
    }
    this.outputs = channels;
  }

  forward(x: Tensor): Tensor {
    return inTurn(this.#units, x);
  }

  *layers(): Generator<ConvNorm> {
    for (const unit of this.#units) yield* unit.layers();
  }
}

/**
 * A ResNet split into a body (stem and all blocks but the last) and a tail (the last block).
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { Device, Seeds } from "@itera/itera/engine";
 * import { ResNet, resnetPresets } from "@itera/itera/models";
 *
 * await using device = await Device.open();
 * using net = new ResNet(device, resnetPresets.small, new Seeds(1));
 * using scope = device.scope();
 * strictEqual(net.outputStride, 8);
 * const map = net.body(device.ones([1, 32, 48, 3]));
 * deepStrictEqual(map.shape, [1, 4, 6, net.bodyChannels]);
 * deepStrictEqual(net.tail(map).shape, [1, 4, 6, net.tailChannels]);
 * ```
 */
export class ResNet extends Module {
  /** Image pixels per cell of the body's map. */
  readonly outputStride: number;
  /** Channels of the body's map. */
  readonly bodyChannels: number;
  /** Channels the tail puts out. */
  readonly tailChannels: number;
  /** Prefix of the names of the tail's parameters. */
  readonly tailPrefix: string;
  readonly #stem: ConvNorm;
  readonly #pool: boolean;
  readonly #blocks: Block[] = [];

  /** Builds the network with random weights. */
  constructor(device: Device, options: ResNetOptions, seeds: Seeds) {
    super(device);
    const { stem, blocks, fixedBlocks } = options;
    const train = options.trainShift ?? false;
    this.#pool = stem.pool;
    this.#stem = this.child("conv1", new ConvNorm(device, stem.kernel, 3, stem.width, 2, seeds, train));
    let channels = stem.width;
    let stride = stem.pool ? 4 : 2;
    blocks.forEach((block, i) => {
      const made = this.child(`block${i + 1}`, new Block(device, channels, block, options, seeds));
      this.#blocks.push(made);
      channels = made.outputs;
      if (i < blocks.length - 1) stride *= block.stride;
    });
    this.outputStride = stride;
    this.bodyChannels = this.#blocks[blocks.length - 2].outputs;
    this.tailChannels = channels;
    this.tailPrefix = `block${blocks.length}.`;
    if (fixedBlocks >= 0) {
      this.#stem.freeze();
      for (const block of this.#blocks.slice(0, fixedBlocks)) block.freeze();
    }
  }

  /** The feature map: image [N, h, w, 3] → [N, ceil(h / s), ceil(w / s), bodyChannels], s the output stride. */
  body(image: Tensor): Tensor {
    using scope = this.device.scope();
    let x = this.#stem.forward(image, "relu");
    // The input follows a ReLU, so a window cut at the border (padding never wins) equals slim's padding with zeros.
    if (this.#pool) x = maxPool2d(x, 3, { stride: 2, padding: 1 });
    return scope.keep(inTurn(this.#blocks.slice(0, -1), x));
  }

  /** The last block, on crops [R, k, k, bodyChannels] → [R, k, k, tailChannels]. */
  tail(crops: Tensor): Tensor {
    return this.#blocks.at(-1)!.forward(crops);
  }

  /**
   * Runs `forward` once while every normalisation takes its statistics from what passes through it: frozen normalisation for
   * a network that starts from random weights has to get its statistics somewhere.
   */
  calibrate(forward: () => void): void {
    const layers = [...this.#stem.layers(), ...this.#blocks.flatMap((block) => [...block.layers()])];
    for (const layer of layers) layer.calibrating = true;
    try {
      this.device.noGrad(() => {
        using _scope = this.device.scope();
        forward();
      });
    } finally {
      for (const layer of layers) layer.calibrating = false;
    }
  }
}

type Units = readonly [number, number, number, number];

function imagenet(units: Units, strideOn: "last" | "first"): ResNetOptions {
  // The body's map has stride 16 either way; TF-slim's tail keeps the size of the crops, torchvision's halves it.
  const strides = strideOn === "last" ? [2, 2, 1, 1] : [1, 2, 2, 2];
  return {
    stem: { kernel: 7, width: 64, pool: true },
    blocks: units.map((count, b) => ({ units: count, width: 64 * 2 ** b, stride: strides[b] })),
    bottleneck: true,
    strideOn,
    fixedBlocks: 1,
  };
}

/** Name of a network in {@link resnetPresets}. */
export type ResNetName =
  | "small"
  | "resnet50"
  | "resnet101"
  | "resnet152"
  | "resnet50-torchvision"
  | "resnet101-torchvision"
  | "resnet152-torchvision";

/** Networks by name, TF-slim's arrangement by default. `small` trains from random weights on two CPU cores; its map has stride 8. */
export const resnetPresets: Readonly<Record<ResNetName, ResNetOptions>> = {
  small: {
    stem: { kernel: 5, width: 24, pool: false },
    blocks: [
      { units: 1, width: 32, stride: 2 },
      { units: 1, width: 64, stride: 2 },
      { units: 1, width: 64, stride: 1 },
    ],
    bottleneck: false,
    fixedBlocks: -1,
    trainShift: true,
  },
  resnet50: imagenet([3, 4, 6, 3], "last"),
  resnet101: imagenet([3, 4, 23, 3], "last"),
  resnet152: imagenet([3, 8, 36, 3], "last"),
  "resnet50-torchvision": imagenet([3, 4, 6, 3], "first"),
  "resnet101-torchvision": imagenet([3, 4, 23, 3], "first"),
  "resnet152-torchvision": imagenet([3, 8, 36, 3], "first"),
};
