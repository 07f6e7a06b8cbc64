/** Convolution. */
import { expectOptions, type NamesOf } from "../base/given.ts";
import type { Device } from "../device.ts";
import { conv2d, type Conv2dOptions } from "../ops/mod.ts";
import type { Activation } from "../ops/lib/library.ts";
import type { Tensor } from "../tensor.ts";
import { biasOf } from "./bias.ts";
import { checkFields, expectPadding, expectSteps } from "./fields.ts";
import { init, type Initialiser, type Seeded, type Seeds, seedsOf } from "./init.ts";
import { Module } from "./module.ts";

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

/** Sizes, seeds and options of {@link Conv2d}. */
export type Conv2dFields = Conv2dLayerOptions & Seeded & {
  /** Rows and columns of the window. */
  readonly kernel: number;
  /** Channels of the input. */
  readonly inputs: number;
  /** Channels of the result. */
  readonly outputs: number;
};

const EPILOGUE: NamesOf<Pick<Conv2dOptions, "scale" | "bias" | "residual" | "activation">> = {
  scale: true,
  bias: true,
  residual: true,
  activation: true,
};

const CONV2D: NamesOf<Conv2dFields> = {
  kernel: true,
  inputs: true,
  outputs: true,
  seed: true,
  seeds: true,
  stride: true,
  padding: true,
  dilation: true,
  bias: true,
  activation: true,
  init: true,
  biasInit: true,
};

/**
 * 2-D convolution of [N, H, W, in]: weight [k, k, in, out], bias [out].
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, nn } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * const sizes = { kernel: 3, inputs: 1, outputs: 2 };
 * using layer = new nn.Conv2d(device, { ...sizes, seed: 1, init: nn.init.ones, padding: "same" });
 * using scope = device.scope();
 * const y = layer.forward(device.ones([1, 2, 2, 1]));
 * deepStrictEqual(y.shape, [1, 2, 2, 2]);
 * deepStrictEqual([...new Set(await y.data())], [4]);
 * ```
 */
export class Conv2d extends Module {
  /** [k, k, in, out]. */
  readonly weight: Tensor;
  /** [out], or null. */
  readonly bias: Tensor | null;
  readonly #options: Conv2dLayerOptions;

  /** A layer with a square window of `kernel` cells. */
  constructor(device: Device, layer: Conv2dFields);
  /**
   * The same, sizes by place.
   *
   * @deprecated name them: `{ kernel, inputs, outputs, seeds }`
   */
  constructor(
    device: Device,
    kernel: number,
    inputs: number,
    outputs: number,
    seeds: Seeds,
    options?: Conv2dLayerOptions,
  );
  constructor(
    device: Device,
    first: Conv2dFields | number,
    second?: number,
    third?: number,
    fourth?: Seeds,
    rest: Conv2dLayerOptions = {},
  ) {
    super(device);
    const layer = typeof first === "number"
      ? { kernel: first, inputs: second!, outputs: third!, seeds: fourth!, ...rest }
      : first;
    checkFields("Conv2d", layer, CONV2D, ["kernel", "inputs", "outputs"]);
    expectSteps("Conv2d", "stride", layer.stride);
    expectSteps("Conv2d", "dilation", layer.dilation);
    expectPadding("Conv2d", layer.padding);
    const { kernel, inputs, outputs, ...options } = layer, seeds = seedsOf(options);
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
    expectOptions("Conv2d.forward", epilogue, EPILOGUE);
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
