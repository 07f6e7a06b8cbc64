/** Training steps of a region classifier: the losses of one image, their gradient, the update. */
import type { LoadedImage } from "../../datasets/images/loader.ts";
import { concat, type Optimiser, reshape, StepCache, type Tensor } from "../../engine/mod.ts";
import type { UnreadLosses } from "../run/loss_log.ts";
import type { RegionModel } from "./contract.ts";
import { bucketKey, type StaticRegionInputs } from "./static_inputs.ts";
import type { RegionInput } from "./regions.ts";

/**
 * Steps of one run. Steps on images of equal size with equally many regions are replayed where the model can be.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, SGD } from "@itera/itera/engine";
 * import { BaselineClassifier, resnetPresets, TrainSteps } from "@itera/itera/models";
 *
 * await using device = await Device.open();
 * using model = new BaselineClassifier(device, { classes: 3, resnet: resnetPresets.small, seed: 1 });
 * using sgd = new SGD(device, model.trainable(), { rate: 0.01 });
 * using steps = new TrainSteps(model, sgd);
 * const image = Float32Array.from({ length: 32 * 48 * 3 }, (_, i) => Math.sin(i));
 * const loaded = {
 *   ...{ position: 0, index: 0, flipped: false, scale: 1, image, height: 32, width: 48 },
 *   boxes: Float32Array.of(0, 0, 15, 15, 8, 4, 40, 28),
 *   labels: Int32Array.of(1, 2),
 * };
 * model.calibrate(loaded);
 * const losses: number[] = [];
 * for (let step = 0; step < 4; step++) {
 *   using values = steps.run(loaded).values;
 *   losses.push((await values.data())[0]);
 * }
 * ok(losses[3] < losses[0]);
 * ```
 */
export class TrainSteps implements Disposable {
  readonly #model: RegionModel;
  readonly #optimiser: Optimiser;
  readonly #cache: StepCache<StaticRegionInputs>;
  #names: readonly string[] = [];

  /** Trains `model` by `optimiser`; both stay their owner's. */
  constructor(model: RegionModel, optimiser: Optimiser) {
    this.#model = model;
    this.#optimiser = optimiser;
    this.#cache = new StepCache(model.device, (inputs) => this.#step(inputs, inputs.labels));
  }

  /** Tensors that recorded steps keep alive. */
  get tensors(): number {
    return this.#cache.tensors;
  }

  /** One update; the losses are still on the device. */
  run(image: LoadedImage): UnreadLosses {
    return { values: this.#update(image), names: this.#names };
  }

  #update(image: LoadedImage): Tensor {
    const model = this.#model;
    const { height, width, labels } = image;
    if (!model.staticInputs || labels.length === 0) {
      using _scope = model.device.scope();
      return this.#step(image, model.device.tensor(labels)).unscoped();
    }
    return this.#cache.run(
      bucketKey(image),
      () => model.staticInputs!(height, width, labels.length),
      (inputs) => inputs.write(image),
    );
  }

  /** The losses of one image as a vector, the minimised one first. */
  #step(input: RegionInput | StaticRegionInputs, labels: Tensor): Tensor {
    const model = this.#model;
    using scope = model.device.scope();
    const { total, parts } = model.loss(input, labels);
    total.backward();
    this.#optimiser.step();
    model.zeroGrad();
    const named = Object.entries(parts);
    const shown = named.length > 1 ? named : [];
    this.#names = ["cross_entropy", ...shown.map(([name]) => `cross_entropy_${name}`)];
    return scope.keep(concat([total, ...shown.map(([, part]) => part)].map((t) => reshape(t.detach(), [1])), 0));
  }

  /** Frees what was recorded. */
  [Symbol.dispose](): void {
    this.#cache[Symbol.dispose]();
  }
}
