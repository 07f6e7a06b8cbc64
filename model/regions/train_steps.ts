/** Training steps of a region classifier: losses and gradient of each image, the update by their mean. */
import type { LoadedImage } from "../../datasets/images/loader.ts";
import { concat, GradientSum, type Optimiser, reshape, StepCache, type Tensor } from "../../engine/mod.ts";
import type { UnreadLosses } from "../run/logs/loss_log.ts";
import type { RegionModel } from "./contract.ts";
import { bucketKey, type StaticRegionInputs } from "./static_inputs.ts";
import type { RegionInput } from "./regions.ts";

/**
 * Steps of one run. Work on images of equal size with equally many regions is replayed where the model can be.
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
  /** Whole steps on one image. */
  readonly #steps: StepCache<StaticRegionInputs>;
  /** Gradients of one image among several. */
  readonly #gradients: StepCache<StaticRegionInputs>;
  #names: readonly string[] = [];
  /** The gradients added, once there are several to a step. */
  #sum: GradientSum | null = null;
  /** Losses of the images added since the last update. */
  readonly #added: Tensor[] = [];

  /** Trains `model` by `optimiser`; both stay their owner's. */
  constructor(model: RegionModel, optimiser: Optimiser) {
    this.#model = model;
    this.#optimiser = optimiser;
    this.#steps = new StepCache(model.device, (inputs) => this.#step(inputs, inputs.labels, this.#update));
    this.#gradients = new StepCache(model.device, (inputs) => this.#step(inputs, inputs.labels, this.#add));
  }

  /** Tensors that recorded steps and the sum of gradients keep alive. */
  get tensors(): number {
    return this.#steps.tensors + this.#gradients.tensors;
  }

  /** One update by one image; the losses are still on the device. */
  run(image: LoadedImage): UnreadLosses {
    return { values: this.#replayed(image, this.#steps, this.#update), names: this.#names };
  }

  /** Adds the gradient of an image, whole, to those that the next {@link TrainSteps.update} takes the mean of. */
  add(image: LoadedImage): void {
    this.#sum ??= new GradientSum(this.#model.device, this.#optimiser.parameters);
    this.#added.push(this.#replayed(image, this.#gradients, this.#add));
  }

  /** One update by the mean of the gradients added since the last; the mean losses are still on the device. */
  update(): UnreadLosses {
    const added = this.#added.splice(0), [first, ...others] = added, { device } = this.#model;
    using _scope = device.scope();
    for (const losses of others) first.addInPlace(losses);
    const values = device.noGrad(() => first.mul(1 / added.length)).unscoped();
    for (const losses of added) losses.dispose();
    this.#optimiser.step({ sum: this.#sum!, of: added.length });
    this.#sum!.clear();
    return { values, names: this.#names };
  }

  #replayed(image: LoadedImage, cache: StepCache<StaticRegionInputs>, learn: () => void): Tensor {
    const model = this.#model;
    const { height, width, labels } = image;
    if (!model.staticInputs || labels.length === 0) {
      using _scope = model.device.scope();
      return this.#step(image, model.device.tensor(labels), learn).unscoped();
    }
    return cache.run(
      bucketKey(image),
      () => model.staticInputs!(height, width, labels.length),
      (inputs) => inputs.write(image),
    );
  }

  /** The losses of one image as a vector, the minimised one first; `learn` is called while its gradients are there. */
  #step(input: RegionInput | StaticRegionInputs, labels: Tensor, learn: () => void): Tensor {
    const model = this.#model;
    using scope = model.device.scope();
    const { total, parts } = model.loss(input, labels);
    total.backward();
    learn();
    model.zeroGrad();
    const named = Object.entries(parts);
    const shown = named.length > 1 ? named : [];
    this.#names = ["cross_entropy", ...shown.map(([name]) => `cross_entropy_${name}`)];
    const values = [total, ...shown.map(([, part]) => part)].map((t) => reshape(t.detach(), [1]));
    return scope.keep(values.length === 1 ? values[0] : concat(values, 0));
  }

  readonly #update = (): void => this.#optimiser.step();
  readonly #add = (): void => this.#sum!.add();

  /** Frees what was recorded. */
  [Symbol.dispose](): void {
    this.#steps[Symbol.dispose]();
    this.#gradients[Symbol.dispose]();
    for (const losses of this.#added.splice(0)) losses.dispose();
    this.#sum?.[Symbol.dispose]();
    this.#sum = null;
  }
}
