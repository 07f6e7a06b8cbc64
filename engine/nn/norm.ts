/** Normalisation by batches, layers and groups. */
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { described, expectFinite, expectSize, type NamesOf } from "../base/given.ts";
import type { Device } from "../device.ts";
import { batchNorm, batchNormInference, groupNorm, layerNorm } from "../ops/mod.ts";
import { expectTensor } from "../op.ts";
import { formatShape, sameShape, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { checkFields, trainingOf } from "./fields.ts";
import { init } from "./init.ts";
import { Module } from "./module.ts";

/** Options of {@link BatchNorm2d}. */
export interface BatchNorm2dOptions {
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
  /** Share of a batch's statistics in the running ones; default 0.1. */
  readonly momentum?: number;
}

/** Size and options of {@link BatchNorm2d}. */
export interface BatchNorm2dFields extends BatchNorm2dOptions {
  /** Extent of the last axis. */
  readonly channels: number;
}

const BATCH_NORM: NamesOf<BatchNorm2dFields> = { channels: true, epsilon: true, momentum: true };

/**
 * Batch normalisation over all axes but the last. In training it normalises by the batch's own statistics and keeps
 * running ones, which it normalises by otherwise.
 *
 * ```ts
 * import { deepStrictEqual, ok } from "node:assert/strict";
 * import { Device, nn } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using norm = new nn.BatchNorm2d(device, { channels: 1, momentum: 0.5 });
 * using scope = device.scope();
 * const x = device.tensor([[1], [3]]);
 * ok([...await norm.forward(x).data()].every((v, i) => Math.abs(v - [-1, 1][i]) < 1e-5));
 * deepStrictEqual([...await norm.mean.data()], [1]);
 * norm.eval();
 * ok((await norm.forward(x).data())[0] === 0);
 * ```
 */
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
  constructor(device: Device, layer: BatchNorm2dFields);
  /**
   * The same, its size by place.
   *
   * @deprecated name it: `{ channels }`
   */
  constructor(device: Device, channels: number, options?: BatchNorm2dOptions);
  constructor(device: Device, first: BatchNorm2dFields | number, rest: BatchNorm2dOptions = {}) {
    super(device);
    const layer = typeof first === "number" ? { channels: first, ...rest } : first;
    checkFields("BatchNorm2d", layer, BATCH_NORM, ["channels"]);
    const { channels, epsilon = 1e-5, momentum = 0.1 } = layer;
    expectFinite("BatchNorm2d", "momentum", momentum, { least: 0, most: 1 });
    this.gamma = this.parameter("gamma", [channels], init.ones, 0);
    this.beta = this.parameter("beta", [channels], init.zeros, 0);
    this.mean = this.parameter("mean", [channels], init.zeros, 0, { trainable: false });
    this.variance = this.parameter("variance", [channels], init.ones, 0, { trainable: false });
    this.#epsilon = epsilon;
    this.#momentum = momentum;
  }

  /**
   * Normalises with running statistics, or in training with the batch's own, which then move the running ones;
   * `training` is the module's own state by default.
   */
  forward(x: Tensor, options: { readonly training?: boolean } = {}): Tensor {
    const epsilon = this.#epsilon;
    if (!trainingOf("BatchNorm2d.forward", options, this.training)) {
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

/** Size and options of {@link LayerNorm}. */
export interface LayerNormFields {
  /** Extents of the last axes, which are normalised together; a number for the last alone. */
  readonly shape: number | Shape;
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
  /** Have γ and β to learn; default true. */
  readonly learned?: boolean;
}

const LAYER_NORM: NamesOf<LayerNormFields> = { shape: true, epsilon: true, learned: true };

/**
 * Layer normalisation of the last axes, alike in training and out of it.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, nn } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using norm = new nn.LayerNorm(device, { shape: 2 });
 * using scope = device.scope();
 * const y = norm.forward(device.tensor([[1, 3], [10, 30]]));
 * ok([...await y.data()].every((v, i) => Math.abs(v - [-1, 1][i % 2]) < 1e-5));
 * ```
 */
export class LayerNorm extends Module {
  /** γ, of the normalised axes' shape, or null. */
  readonly gamma: Tensor | null;
  /** β, of the normalised axes' shape, or null. */
  readonly beta: Tensor | null;
  readonly #shape: Shape;
  readonly #epsilon: number;

  /** A layer for rows of `shape`. */
  constructor(device: Device, layer: LayerNormFields) {
    super(device);
    checkFields("LayerNorm", layer, LAYER_NORM, []);
    const { shape, epsilon = 1e-5, learned = true } = layer;
    if (typeof shape !== "number" && !(Array.isArray(shape) && shape.length > 0)) {
      throw new ArgumentError(
        `LayerNorm: shape is a whole number or a list of them, not ${
          Array.isArray(shape) ? "an empty one" : described(shape)
        }`,
      );
    }
    this.#shape = typeof shape === "number" ? [shape] : [...shape];
    const what = typeof shape === "number" ? "shape" : "each extent of shape";
    for (const extent of this.#shape) expectSize("LayerNorm", what, extent);
    this.#epsilon = epsilon;
    this.gamma = learned ? this.parameter("gamma", this.#shape, init.ones, 0) : null;
    this.beta = learned ? this.parameter("beta", this.#shape, init.zeros, 0) : null;
  }

  /** x [..., ...shape], each row normalised. */
  forward(x: Tensor): Tensor {
    expectTensor("LayerNorm", x);
    const last = x.shape.slice(x.shape.length - this.#shape.length);
    if (!sameShape(last, this.#shape)) {
      throw new ShapeError(`LayerNorm: ${formatShape(x.shape)} does not end in ${formatShape(this.#shape)}`);
    }
    const axes = this.#shape.map((_, i) => i - this.#shape.length);
    return layerNorm(x, this.gamma, this.beta, { axes, epsilon: this.#epsilon });
  }
}

/** Sizes and options of {@link GroupNorm}. */
export interface GroupNormFields {
  /** Groups of neighbouring channels. */
  readonly groups: number;
  /** Extent of the last axis, a multiple of the groups. */
  readonly channels: number;
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
  /** Have γ and β to learn; default true. */
  readonly learned?: boolean;
}

const GROUP_NORM: NamesOf<GroupNormFields> = { groups: true, channels: true, epsilon: true, learned: true };

/**
 * Group normalisation of [N, ..., channels], alike in training and out of it.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, nn } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using norm = new nn.GroupNorm(device, { groups: 2, channels: 4 });
 * using scope = device.scope();
 * const y = norm.forward(device.tensor([[1, 3, 10, 30]]));
 * ok([...await y.data()].every((v, i) => Math.abs(v - [-1, 1][i % 2]) < 1e-5));
 * ```
 */
export class GroupNorm extends Module {
  /** γ, [channels], or null. */
  readonly gamma: Tensor | null;
  /** β, [channels], or null. */
  readonly beta: Tensor | null;
  readonly #groups: number;
  readonly #epsilon: number;

  /** A layer for `channels` channels in `groups` groups. */
  constructor(device: Device, layer: GroupNormFields) {
    super(device);
    checkFields("GroupNorm", layer, GROUP_NORM, ["groups", "channels"]);
    const { groups, channels, epsilon = 1e-5, learned = true } = layer;
    if (channels % groups !== 0) {
      throw new ShapeError(`GroupNorm: ${groups} groups do not share out ${channels} channels`);
    }
    this.#groups = groups;
    this.#epsilon = epsilon;
    this.gamma = learned ? this.parameter("gamma", [channels], init.ones, 0) : null;
    this.beta = learned ? this.parameter("beta", [channels], init.zeros, 0) : null;
  }

  /** x [N, ..., channels], each group of each sample normalised. */
  forward(x: Tensor): Tensor {
    return groupNorm(x, this.#groups, this.gamma, this.beta, { epsilon: this.#epsilon });
  }
}
