/** Layers: modules with named parameters, and the initialisers they start from. */
import type { Device } from "../device.ts";
import { ShapeError } from "../base/errors.ts";
import {
  add,
  batchNorm,
  batchNormInference,
  conv2d,
  type Conv2dOptions,
  linear,
  relu,
  sigmoid,
  slice,
  tanh,
} from "../ops/mod.ts";
import type { Activation } from "../ops/lib/library.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** Makes the first value of a parameter. `seed` differs for every parameter of a module tree. */
export type Initialiser = (device: Device, shape: Shape, seed: number) => Tensor;

/** Initialisers by name. */
export const init: {
  readonly zeros: Initialiser;
  readonly ones: Initialiser;
  readonly normal: (std: number) => Initialiser;
  readonly uniform: (bound: number) => Initialiser;
  readonly heNormal: Initialiser;
  readonly heTruncated: Initialiser;
  readonly heTruncatedOf: (fanIn: number) => Initialiser;
} = {
  /** All 0. */
  zeros: (device, shape) => device.zeros(shape),
  /** All 1. */
  ones: (device, shape) => device.ones(shape),
  /** Normal with mean 0, not truncated. */
  normal: (std) => (device, shape, seed) => device.randn(shape, { seed, std }),
  /** Uniform in [−bound, bound). */
  uniform: (bound) => (device, shape, seed) => device.uniform(shape, { seed, low: -bound, high: bound }),
  /** Normal with variance 2 / fan-in (He et al., 2015); fan-in is all extents but the last. */
  heNormal: (device, shape, seed) => device.randn(shape, { seed, std: Math.sqrt(2 / sizeOf(shape.slice(0, -1))) }),
  /** He normal cut at two standard deviations, widened by √1.3 to keep its variance (TensorFlow's variance scaling). */
  heTruncated: (device, shape, seed) => init.heTruncatedOf(sizeOf(shape.slice(0, -1)))(device, shape, seed),
  /** The same with the fan-in given, for a block of a larger weight. */
  heTruncatedOf: (fanIn) => (device, shape, seed) =>
    device.randn(shape, { seed, std: Math.sqrt(1.3 * 2 / fanIn), truncated: true }),
};

/** A trainable (or frozen) tensor of a module. */
export interface ParameterOptions {
  /** Collect gradients; default true. */
  readonly trainable?: boolean;
  /** Apply weight decay; default true for names that end in `weight`. */
  readonly decay?: boolean;
  /** The first axis numbers parameters that only lie together: a bank's; default false. */
  readonly bank?: boolean;
}

/** A parameter with the name it has from the module asked. */
export interface NamedParameter {
  /** Dotted path, such as `block1.0.conv2.weight`. */
  readonly name: string;
  /** Its value. */
  readonly tensor: Tensor;
  /** True where gradients are collected. */
  readonly trainable: boolean;
  /** True where weight decay applies. */
  readonly decay: boolean;
  /** True where the first axis numbers parameters that only lie together (a bank's), of which a step may use a part. */
  readonly bank?: boolean;
}

/**
 * A part of a model. Parameters are made with {@link Module.parameter}, parts are registered with {@link Module.child}; both
 * are found by name, in the order of registration. Disposing a module frees its parameters and those of its parts.
 */
export abstract class Module implements Disposable {
  /** The device its parameters live on. */
  readonly device: Device;
  readonly #own: { -readonly [key in keyof NamedParameter]: NamedParameter[key] }[] = [];
  readonly #children: { name: string; module: Module }[] = [];

  /** A module without parameters yet. */
  constructor(device: Device) {
    this.device = device;
  }

  /** Makes and registers a parameter that no scope owns. */
  protected parameter(
    name: string,
    shape: Shape,
    make: Initialiser,
    seed: number,
    options: ParameterOptions = {},
  ): Tensor {
    const tensor = make(this.device, shape, seed).unscoped();
    const { trainable = true, decay = name.endsWith("weight"), bank = false } = options;
    tensor.requiresGrad = trainable;
    this.#own.push({ name, tensor, trainable, decay, bank });
    return tensor;
  }

  /** Registers a part under a name; returns it. */
  protected child<M extends Module>(name: string, module: M): M {
    this.#children.push({ name, module });
    return module;
  }

  /**
   * Every parameter of this module and its parts, in order of registration. A parameter is one however often the part that
   * has it is registered: it comes once, by its first name.
   */
  *parameters(prefix = ""): Generator<NamedParameter> {
    yield* this.#parametersBut(new Set(), prefix);
  }

  *#parametersBut(seen: Set<Module>, prefix: string): Generator<NamedParameter> {
    if (seen.has(this)) return;
    seen.add(this);
    for (const own of this.#own) yield { ...own, name: prefix + own.name };
    for (const { name, module } of this.#children) yield* module.#parametersBut(seen, `${prefix}${name}.`);
  }

  /** Parameters that collect gradients. */
  trainable(): NamedParameter[] {
    return [...this.parameters()].filter((p) => p.trainable);
  }

  /** Forgets all gradients. */
  zeroGrad(): void {
    for (const { tensor } of this.parameters()) tensor.zeroGrad();
  }

  /** Stops collecting gradients for every parameter of this module and its parts. */
  freeze(): this {
    for (const own of this.#own) {
      own.trainable = false;
      own.tensor.requiresGrad = false;
    }
    for (const { module } of this.#children) module.freeze();
    return this;
  }

  /** Frees all parameters. */
  [Symbol.dispose](): void {
    for (const { tensor } of this.#own) tensor.dispose();
    for (const { module } of this.#children) module[Symbol.dispose]();
  }
}

/** Distinct seeds for the parameters of a model, counted up from one. */
export class Seeds {
  #next: number;
  /** Seeds `first`, `first + 1`, … */
  constructor(first: number) {
    this.#next = first * 65536;
  }
  /** The next seed. */
  next(): number {
    return this.#next++ >>> 0;
  }
}

/** Options of {@link Linear}. */
export interface LinearLayerOptions {
  /** Add a bias; default true. */
  readonly bias?: boolean;
  /** Applied to the result; default `none`. */
  readonly activation?: Activation;
  /** Weight initialiser; default He normal. */
  readonly init?: Initialiser;
  /** Bias initialiser; default zeros. */
  readonly biasInit?: Initialiser;
}

/** Fully connected layer: [..., in] → [..., out]; weight [in, out], bias [out]. */
export class Linear extends Module {
  /** [in, out]. */
  readonly weight: Tensor;
  /** [out], or null. */
  readonly bias: Tensor | null;
  readonly #activation: Activation;

  /** A layer from `inputs` to `outputs` features. */
  constructor(device: Device, inputs: number, outputs: number, seeds: Seeds, options: LinearLayerOptions = {}) {
    super(device);
    this.weight = this.parameter("weight", [inputs, outputs], options.init ?? init.heNormal, seeds.next());
    this.bias = options.bias === false ? null : biasOf(outputs, options, seeds, (...made) => this.parameter(...made));
    this.#activation = options.activation ?? "none";
  }

  /** act(x · weight + bias). */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias, { activation: this.#activation });
  }
}

/** Bytes every WebGPU adapter lets one storage binding have. */
const GUARANTEED_BINDING = 128 << 20;

/**
 * A fully connected layer whose weight may be larger than a storage binding: it is kept in blocks of rows of at most
 * 128 MiB, which depend on its size alone, so that a checkpoint fits every adapter. [N, in] → [N, out].
 */
export class WideLinear extends Module {
  readonly #blocks: Tensor[] = [];
  readonly #rows: number;
  readonly #bias: Tensor;
  readonly #activation: Activation;

  /** `init` is made for the whole fan-in. */
  constructor(
    device: Device,
    inputs: number,
    outputs: number,
    seeds: Seeds,
    options: { readonly activation?: Activation; readonly init: (fanIn: number) => Initialiser },
  ) {
    super(device);
    const count = Math.max(1, Math.ceil(inputs * outputs * 4 / GUARANTEED_BINDING));
    this.#rows = Math.ceil(inputs / count);
    this.#activation = options.activation ?? "none";
    for (let i = 0; i < count; i++) {
      const name = count === 1 ? "weight" : `${i}.weight`;
      const rows = Math.min(this.#rows, inputs - i * this.#rows);
      this.#blocks.push(this.parameter(name, [rows, outputs], options.init(inputs), seeds.next()));
    }
    this.#bias = this.parameter("bias", [outputs], init.zeros, 0);
  }

  /** act(x · weight + bias). */
  forward(x: Tensor): Tensor {
    const activation = this.#activation;
    const [first, ...others] = this.#blocks;
    if (others.length === 0) return linear(x, first, this.#bias, { activation });
    const part = (i: number): Tensor => slice(x, [0, i * this.#rows], [x.shape[0], this.#blocks[i].shape[0]]);
    const rest = others.reduce(
      (sum, block, i) => add(sum, linear(part(i + 1), block)),
      linear(part(0), first, this.#bias),
    );
    return activate(rest, activation);
  }
}

function activate(x: Tensor, activation: Activation): Tensor {
  return activation === "none" ? x : { relu, sigmoid, tanh }[activation](x);
}

/** Options of {@link Conv2d}. */
export interface Conv2dLayerOptions extends Pick<Conv2dOptions, "stride" | "padding" | "dilation"> {
  /** Add a bias; default true. */
  readonly bias?: boolean;
  /** Applied to the result; default `none`. */
  readonly activation?: Activation;
  /** Weight initialiser; default He normal. */
  readonly init?: Initialiser;
  /** Bias initialiser; default zeros. */
  readonly biasInit?: Initialiser;
}

/** A layer's bias; one that starts from zeros takes no seed. */
function biasOf(
  outputs: number,
  { biasInit }: { readonly biasInit?: Initialiser },
  seeds: Seeds,
  parameter: (name: string, shape: Shape, make: Initialiser, seed: number) => Tensor,
): Tensor {
  return parameter("bias", [outputs], biasInit ?? init.zeros, biasInit ? seeds.next() : 0);
}

/** 2-D convolution: weight [k, k, in, out], bias [out]. */
export class Conv2d extends Module {
  /** [k, k, in, out]. */
  readonly weight: Tensor;
  /** [out], or null. */
  readonly bias: Tensor | null;
  readonly #options: Conv2dLayerOptions;

  /** A layer with a square window of `kernel` cells. */
  constructor(
    device: Device,
    kernel: number,
    inputs: number,
    outputs: number,
    seeds: Seeds,
    options: Conv2dLayerOptions = {},
  ) {
    super(device);
    this.weight = this.parameter(
      "weight",
      [kernel, kernel, inputs, outputs],
      options.init ?? init.heNormal,
      seeds.next(),
    );
    this.bias = options.bias === false ? null : biasOf(outputs, options, seeds, (...made) => this.parameter(...made));
    this.#options = options;
  }

  /** The convolution of x [N, H, W, in], with an optional frozen affine and residual in its epilogue. */
  forward(x: Tensor, epilogue: Pick<Conv2dOptions, "scale" | "bias" | "residual" | "activation"> = {}): Tensor {
    const { stride, padding, dilation, activation } = this.#options;
    return conv2d(x, this.weight, {
      ...(stride !== undefined ? { stride } : {}),
      ...(padding !== undefined ? { padding } : {}),
      ...(dilation !== undefined ? { dilation } : {}),
      ...(activation ? { activation } : {}),
      ...(this.bias ? { bias: this.bias } : {}),
      ...epilogue,
    });
  }
}

/** Batch normalisation over all axes but the last; in training mode it keeps running statistics. */
export class BatchNorm2d extends Module {
  /** γ, [channels]. */
  readonly gamma: Tensor;
  /** β, [channels]. */
  readonly beta: Tensor;
  /** Running mean, [channels]. */
  readonly mean: Tensor;
  /** Running variance, [channels]. */
  readonly variance: Tensor;
  readonly #epsilon: number;
  readonly #momentum: number;

  /** A layer for `channels` channels. */
  constructor(
    device: Device,
    channels: number,
    options: { readonly epsilon?: number; readonly momentum?: number } = {},
  ) {
    super(device);
    this.gamma = this.parameter("gamma", [channels], init.ones, 0);
    this.beta = this.parameter("beta", [channels], init.zeros, 0);
    this.mean = this.parameter("mean", [channels], init.zeros, 0, { trainable: false });
    this.variance = this.parameter("variance", [channels], init.ones, 0, { trainable: false });
    this.#epsilon = options.epsilon ?? 1e-5;
    this.#momentum = options.momentum ?? 0.1;
  }

  /** Normalises with running statistics, or in training with the batch's own, which then move the running ones. */
  forward(x: Tensor, options: { readonly training?: boolean } = {}): Tensor {
    const epsilon = this.#epsilon;
    if (!options.training) {
      return batchNormInference(x, this.gamma, this.beta, this.mean, this.variance, { epsilon });
    }
    const { y, mean, variance } = batchNorm(x, this.gamma, this.beta, { epsilon });
    const rows = x.size / this.gamma.size;
    this.device.noGrad(() => {
      using _scope = this.device.scope();
      const unbiased = variance.mul(rows / Math.max(1, rows - 1));
      this.mean.addInPlace(mean.sub(this.mean).mul(this.#momentum));
      this.variance.addInPlace(unbiased.sub(this.variance).mul(this.#momentum));
    });
    mean.dispose();
    variance.dispose();
    return y;
  }
}

/** A module with one tensor in and one out. */
export type Layer = Module & { forward(x: Tensor): Tensor };

/** Layers, or plain functions, one after the other. */
export class Sequential extends Module {
  readonly #steps: (Layer | ((x: Tensor) => Tensor))[];

  /** Steps are named by their position. */
  constructor(device: Device, ...steps: (Layer | ((x: Tensor) => Tensor))[]) {
    super(device);
    if (steps.length === 0) throw new ShapeError("Sequential: no layers");
    this.#steps = steps;
    steps.forEach((step, i) => step instanceof Module && this.child(String(i), step));
  }

  /** Applies the steps in order. */
  forward(x: Tensor): Tensor {
    return this.#steps.reduce((y, step) => typeof step === "function" ? step(y) : step.forward(y), x);
  }
}
