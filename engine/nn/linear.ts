/** Fully connected layers. */
import { expectFunction, expectOptions, type NamesOf } from "../base/given.ts";
import type { Device } from "../device.ts";
import { add, linear, type LinearOptions, relu, sigmoid, slice, tanh } from "../ops/mod.ts";
import type { Activation } from "../ops/lib/library.ts";
import type { Tensor } from "../tensor.ts";
import { biasOf } from "./bias.ts";
import { checkFields } from "./fields.ts";
import { init, type Initialiser, type Seeded, type Seeds, seedsOf } from "./init.ts";
import { Module } from "./module.ts";

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

/** Sizes, seeds and options of {@link Linear}. */
export type LinearFields = LinearLayerOptions & Seeded & {
  /** Features of the input's last axis. */
  readonly inputs: number;
  /** Features of the result's last axis. */
  readonly outputs: number;
};

const LINEAR: NamesOf<LinearFields> = {
  inputs: true,
  outputs: true,
  seed: true,
  seeds: true,
  bias: true,
  activation: true,
  init: true,
  biasInit: true,
};

/**
 * Fully connected layer: [..., in] → [..., out]; weight [in, out], bias [out].
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, nn } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using layer = new nn.Linear(device, { inputs: 3, outputs: 2, seed: 1, init: nn.init.ones });
 * using scope = device.scope();
 * deepStrictEqual([...await layer.forward(device.tensor([[1, 2, 3]])).data()], [6, 6]);
 * ```
 */
export class Linear extends Module {
  /** [in, out]. */
  readonly weight: Tensor;
  /** [out], or null. */
  readonly bias: Tensor | null;
  readonly #activation: Activation;

  /** A layer from `inputs` to `outputs` features. */
  constructor(device: Device, layer: LinearFields);
  /**
   * The same, sizes by place.
   *
   * @deprecated name them: `{ inputs, outputs, seeds }`
   */
  constructor(device: Device, inputs: number, outputs: number, seeds: Seeds, options?: LinearLayerOptions);
  constructor(
    device: Device,
    first: LinearFields | number,
    second?: number,
    third?: Seeds,
    rest: LinearLayerOptions = {},
  ) {
    super(device);
    const layer = typeof first === "number" ? { inputs: first, outputs: second!, seeds: third!, ...rest } : first;
    checkFields("Linear", layer, LINEAR, ["inputs", "outputs"]);
    const { inputs, outputs, ...options } = layer, seeds = seedsOf(options);
    this.weight = this.parameter("weight", [inputs, outputs], options.init ?? init.heNormal, seeds.next());
    this.bias = options.bias === false ? null : biasOf(outputs, options, seeds, (...made) => this.parameter(...made));
    this.#activation = options.activation ?? "none";
  }

  /** act(x · weight + bias), with an optional residual before the activation, which may be another than the layer's. */
  forward(x: Tensor, epilogue: LinearOptions = {}): Tensor {
    expectOptions("Linear.forward", epilogue, { activation: true, residual: true });
    return linear(x, this.weight, this.bias, { activation: this.#activation, ...epilogue });
  }
}

/** Bytes every WebGPU adapter lets one storage binding have. */
const GUARANTEED_BINDING = 128 << 20;

/** Options of {@link WideLinear}. */
export interface WideLinearOptions {
  /** Applied to the result; default `none`. */
  readonly activation?: Activation;
  /** Weight initialiser, made for the whole fan-in. */
  readonly init: (fanIn: number) => Initialiser;
}

/** Sizes, seeds and options of {@link WideLinear}. */
export type WideLinearFields = WideLinearOptions & Seeded & {
  /** Features of the input's last axis. */
  readonly inputs: number;
  /** Features of the result's last axis. */
  readonly outputs: number;
};

const WIDE_LINEAR: NamesOf<WideLinearFields> = {
  inputs: true,
  outputs: true,
  seed: true,
  seeds: true,
  activation: true,
  init: true,
};

/**
 * A fully connected layer whose weight may be larger than a storage binding: it is kept in blocks of rows of at most
 * 128 MiB, which depend on its size alone, so that a checkpoint fits every adapter. [N, in] → [N, out].
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, nn } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using layer = new nn.WideLinear(device, { inputs: 2, outputs: 1, seed: 1, init: () => nn.init.ones });
 * using scope = device.scope();
 * deepStrictEqual([...await layer.forward(device.tensor([[1, 2]])).data()], [3]);
 * ```
 */
export class WideLinear extends Module {
  readonly #blocks: Tensor[] = [];
  readonly #rows: number;
  readonly #bias: Tensor;
  readonly #activation: Activation;

  /** A layer from `inputs` to `outputs` features. */
  constructor(device: Device, layer: WideLinearFields);
  /**
   * The same, sizes by place.
   *
   * @deprecated name them: `{ inputs, outputs, seeds, init }`
   */
  constructor(device: Device, inputs: number, outputs: number, seeds: Seeds, options: WideLinearOptions);
  constructor(
    device: Device,
    first: WideLinearFields | number,
    second?: number,
    third?: Seeds,
    rest?: WideLinearOptions,
  ) {
    super(device);
    const layer = typeof first === "number" ? { inputs: first, outputs: second!, seeds: third!, ...rest! } : first;
    checkFields("WideLinear", layer, WIDE_LINEAR, ["inputs", "outputs"]);
    const { inputs, outputs, ...options } = layer, seeds = seedsOf(options);
    expectFunction("WideLinear", "init", options.init);
    const make = options.init(inputs);
    expectFunction("WideLinear", "what init makes of the fan-in", make);
    const count = Math.max(1, Math.ceil(inputs * outputs * 4 / GUARANTEED_BINDING));
    this.#rows = Math.ceil(inputs / count);
    this.#activation = options.activation ?? "none";
    for (let i = 0; i < count; i++) {
      const name = count === 1 ? "weight" : `${i}.weight`;
      const rows = Math.min(this.#rows, inputs - i * this.#rows);
      this.#blocks.push(this.parameter(name, [rows, outputs], make, seeds.next()));
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
