/**
 * The execution engine's parts (papers/iep-ref.md#execution-engine). The modules, one for each program token, lie in banks,
 * which run many of them in one call.
 */
import { concat, type Conv2d, conv2dBank, type Device, Module, type Seeds, type Tensor } from "../../../engine/mod.ts";
import { conv, type Role, type Start, starting } from "./initial.ts";

/** relu(x + conv2(relu(conv1(x)))), both 3×3: [N, H, W, C] → the same. */
export class ResidualBlock extends Module {
  readonly #conv1: Conv2d;
  readonly #conv2: Conv2d;

  /** A block on `channels` channels. */
  constructor(device: Device, channels: number, seeds: Seeds, start: Start) {
    super(device);
    const options = { activation: "relu", start } as const;
    this.#conv1 = this.child("conv1", conv(device, 3, channels, channels, seeds, { ...options, role: "first" }));
    this.#conv2 = this.child("conv2", conv(device, 3, channels, channels, seeds, { ...options, role: "branch" }));
  }

  /** The block's result. */
  forward(x: Tensor): Tensor {
    using scope = this.device.scope();
    return scope.keep(this.#conv2.forward(this.#conv1.forward(x), { residual: x }));
  }
}

/** A bank of convolutions of one kernel size; each entry is like one that {@link conv} makes. */
class ConvBank extends Module {
  readonly #weight: Tensor;
  readonly #bias: Tensor;
  readonly #dilation: number;

  constructor(
    device: Device,
    entries: number,
    kernel: number,
    inputs: number,
    outputs: number,
    seeds: Seeds,
    { start, role, dilation = 1 }: { readonly start: Start; readonly role: Role; readonly dilation?: number },
  ) {
    super(device);
    this.#dilation = dilation;
    const { weight, bias } = starting(start, role, kernel * kernel * inputs);
    this.#weight = this.parameter("weight", [entries, kernel, kernel, inputs, outputs], weight, seeds.next(), {
      bank: true,
    });
    this.#bias = this.parameter("bias", [entries, outputs], bias, seeds.next(), { bank: true });
  }

  /** The convolution of `entries[n]` on image n, then ReLU, of the sum with `residual` where there is one. */
  forward(x: Tensor, entries: readonly number[], residual?: Tensor): Tensor {
    const options = { dilation: this.#dilation, activation: "relu", ...residual ? { residual } : {} } as const;
    return conv2dBank(x, this.#weight, this.#bias, entries, options);
  }
}

/** A bank of residual blocks, one for each entry; with two convolutions each is a {@link ResidualBlock}. */
export class ResidualBank extends Module {
  readonly #convs: readonly ConvBank[];

  /**
   * `entries` blocks on `channels` channels, with a convolution for each of `dilations` (default two, of 1). The first
   * convolution has `beside` more input channels.
   */
  constructor(
    device: Device,
    entries: number,
    channels: number,
    seeds: Seeds,
    start: Start,
    { dilations = [1, 1], beside = 0 }: { readonly dilations?: readonly number[]; readonly beside?: number } = {},
  ) {
    super(device);
    this.#convs = dilations.map((dilation, i) => {
      const role = i < dilations.length - 1 ? "first" : "branch", inputs = channels + (i === 0 ? beside : 0);
      const bank = new ConvBank(device, entries, 3, inputs, channels, seeds, { start, role, dilation });
      return this.child(`conv${i + 1}`, bank);
    });
  }

  /** x [N, H, W, C] and its further channels `beside`, image n through block `entries[n]`, ascending → [N, H, W, C]. */
  forward(x: Tensor, entries: readonly number[], beside: Tensor | null = null): Tensor {
    using scope = this.device.scope();
    const last = this.#convs.length - 1, input = beside ? concat([x, beside], 3) : x;
    return scope.keep(
      this.#convs.reduce((y, conv, i) => conv.forward(y, entries, ...i === last ? [x] : []), input),
    );
  }
}

/** A bank of binary modules, union and intersection: a 1×1 convolution of both inputs together, then a residual block. */
export class BinaryBank extends Module {
  readonly #proj: ConvBank;
  readonly #block: ResidualBank;

  /** `entries` modules on `channels` channels. */
  constructor(device: Device, entries: number, channels: number, seeds: Seeds, start: Start) {
    super(device);
    this.#proj = this.child(
      "proj",
      new ConvBank(device, entries, 1, 2 * channels, channels, seeds, { start, role: "join" }),
    );
    this.#block = this.child("res_block", new ResidualBank(device, entries, channels, seeds, start));
  }

  /** a and b [N, H, W, C], `entries` [N] ascending → [N, H, W, C]. */
  forward(a: Tensor, b: Tensor, entries: readonly number[]): Tensor {
    using scope = this.device.scope();
    return scope.keep(this.#block.forward(this.#proj.forward(concat([a, b], 3), entries), entries));
  }
}

/**
 * Activation after the stem's last convolution: `relu`, as in the reference, or `none`. All modules read the stem's output, so
 * a ReLU that dies there takes a feature from every one of them.
 */
export const STEM_OUTPUTS: readonly StemOutput[] = ["relu", "none"];

/** The last activation of the stem. */
export type StemOutput = "relu" | "none";

/** Convolutions on the image's features, with ReLU between them and, in the reference, after them; runs once a batch. */
export class Stem extends Module {
  readonly #convs: Conv2d[] = [];

  /** `layers` 3×3 convolutions from `inputs` to `channels` channels; `output` follows the last of them. */
  constructor(
    device: Device,
    inputs: number,
    channels: number,
    layers: number,
    seeds: Seeds,
    { start, output }: { readonly start: Start; readonly output: StemOutput },
  ) {
    super(device);
    for (let i = 0; i < layers; i++) {
      const options = { activation: i < layers - 1 ? "relu" : output, start, role: "stem" } as const;
      // Named as in PyTorch's Sequential, where a ReLU follows each.
      this.#convs.push(
        this.child(String(2 * i), conv(device, 3, i === 0 ? inputs : channels, channels, seeds, options)),
      );
    }
  }

  /** Features [N, H, W, inputs] → [N, H, W, channels]. */
  forward(features: Tensor): Tensor {
    using scope = this.device.scope();
    return scope.keep(this.#convs.reduce((x, layer) => layer.forward(x), features));
  }
}
