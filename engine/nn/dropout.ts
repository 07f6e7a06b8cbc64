/** Dropout as a layer. */
import { ShapeError } from "../base/errors.ts";
import { expectFinite, type NamesOf } from "../base/given.ts";
import type { Device } from "../device.ts";
import { countStep } from "../ops/dropout.ts";
import { dropout, reshape } from "../ops/mod.ts";
import type { Tensor } from "../tensor.ts";
import { checkFields, trainingOf } from "./fields.ts";
import { type Seeded, seedsOf } from "./init.ts";
import { Module } from "./module.ts";

/** Rate and seed of {@link Dropout}. */
export type DropoutFields = Seeded & {
  /** Share of elements set to 0, in [0, 1); default 0.5. */
  readonly rate?: number;
};

const DROPOUT: NamesOf<DropoutFields> = { rate: true, seed: true, seeds: true };

/**
 * Dropout in training, nothing out of it. Each pass in training draws anew and counts on, on the device: a captured step
 * draws anew at each replay, and a run that goes on from saved tensors draws what it would have drawn.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, nn } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using drop = new nn.Dropout(device, { rate: 0.5, seed: 1 });
 * using scope = device.scope();
 * const x = device.ones([100]);
 * deepStrictEqual([...new Set(await drop.forward(x).data())].sort(), [0, 2]);
 * deepStrictEqual([...new Set(await drop.eval().forward(x).data())], [1]);
 * ```
 */
export class Dropout extends Module {
  /** Passes in training so far, u32 [1]. */
  readonly step: Tensor;
  readonly #rate: number;
  readonly #seed: number;

  /** A layer that has drawn nothing yet. */
  constructor(device: Device, layer: DropoutFields) {
    super(device);
    checkFields("Dropout", layer, DROPOUT, []);
    const { rate = 0.5 } = layer;
    expectFinite("Dropout", "rate", rate);
    if (!(rate >= 0 && rate < 1)) throw new ShapeError(`Dropout: rate ${rate} is not in [0, 1)`);
    this.#rate = rate;
    this.#seed = seedsOf(layer).next();
    const zero = (on: Device): Tensor => on.zeros([1], { dtype: "u32" });
    this.step = this.parameter("step", [1], zero, 0, { trainable: false });
  }

  /** x with a share of its elements set to 0; `training` is the module's own state by default. */
  forward(x: Tensor, options: { readonly training?: boolean } = {}): Tensor {
    const training = trainingOf("Dropout.forward", options, this.training);
    if (!training || this.#rate === 0) return reshape(x, x.shape);
    // The record keeps the step of this pass; the layer's own counts on.
    using step = this.step.clone();
    const y = dropout(x, { rate: this.#rate, seed: this.#seed, step });
    countStep(this.step);
    return y;
  }
}
