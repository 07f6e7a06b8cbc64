/** Training steps of a region classifier: losses and gradients of images, the update by their mean. */
import type { LoadedImage } from "../../datasets/images/loader.ts";
import { concat, GradientSum, type Optimiser, reshape, StepCache, type Tensor } from "../../engine/mod.ts";
import type { UnreadLosses } from "../run/logs/loss_log.ts";
import { sumOver } from "../run/ranks/exchange.ts";
import type { Ranks } from "../run/ranks/ranks.ts";
import type { RegionModel } from "./contract.ts";
import { bucketKey, mostRegions, type StaticRegionInputs } from "./static_inputs.ts";
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
  readonly #added: { readonly losses: Tensor; readonly images: number }[] = [];
  /** Images of the pass whose gradient is added. */
  #images = 1;

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
    return { values: this.#replayed([image], this.#steps, this.#update), names: this.#names };
  }

  /**
   * Adds the gradient of an image, whole, to those that the next {@link TrainSteps.update} takes the mean of; or that of several
   * images of equal size with regions, in one pass, for a model that {@link RegionModel.stacks} them.
   */
  add(...images: readonly LoadedImage[]): void {
    this.#sum ??= new GradientSum(this.#model.device, this.#optimiser.parameters);
    this.#images = images.length;
    this.#added.push({ losses: this.#replayed(images, this.#gradients, this.#add), images: images.length });
  }

  /** One update by the mean of the gradients added since the last; the mean losses are still on the device. */
  update(): UnreadLosses {
    const { images, losses } = this.#addedLosses();
    return this.#learn(images, losses);
  }

  /** The same by the mean of the gradients that all `ranks` added, equally many each. */
  async updateWith(ranks: Ranks): Promise<UnreadLosses> {
    const { images, losses } = this.#addedLosses();
    await sumOver(ranks, this.#sum!, losses);
    return this.#learn(ranks.size * images, losses);
  }

  /** The images added and their losses, as one sum, which is the caller's. */
  #addedLosses(): { readonly images: number; readonly losses: Tensor } {
    const added = this.#added.splice(0), [first, ...others] = added;
    // A pass's losses are means over its images.
    const whole = ({ losses, images }: typeof first): Tensor => {
      if (images === 1) return losses;
      const sum = losses.device.noGrad(() => losses.mul(images)).unscoped();
      losses.dispose();
      return sum;
    };
    const sum = whole(first);
    for (const other of others) {
      const losses = whole(other);
      sum.addInPlace(losses);
      losses.dispose();
    }
    return { images: added.reduce((count, { images }) => count + images, 0), losses: sum };
  }

  /** An update by the sum of gradients of so many images; frees their losses. */
  #learn(images: number, losses: Tensor): UnreadLosses {
    const { device } = this.#model;
    using _scope = device.scope();
    const values = device.noGrad(() => losses.mul(1 / images)).unscoped();
    losses.dispose();
    this.#optimiser.step({ sum: this.#sum!, of: images });
    this.#sum!.clear();
    return { values, names: this.#names };
  }

  #replayed(images: readonly LoadedImage[], cache: StepCache<StaticRegionInputs>, learn: () => void): Tensor {
    const model = this.#model;
    const [image] = images, { height, width, labels } = image;
    if (images.length === 1 && (!model.staticInputs || labels.length === 0)) {
      using _scope = model.device.scope();
      return this.#step(image, model.device.tensor(labels), learn).unscoped();
    }
    return cache.run(
      bucketKey(...images),
      () => model.staticInputs!(height, width, mostRegions(images), images.length),
      (inputs) => inputs.write(...images),
    );
  }

  /** The losses of a pass as a vector, the minimised one first; `learn` is called while its gradients are there. */
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
  // The gradient is that of the mean over the pass's images.
  readonly #add = (): void => this.#sum!.add(this.#images);

  /** Frees what was recorded. */
  [Symbol.dispose](): void {
    this.#steps[Symbol.dispose]();
    this.#gradients[Symbol.dispose]();
    for (const { losses } of this.#added.splice(0)) losses.dispose();
    this.#sum?.[Symbol.dispose]();
    this.#sum = null;
  }
}
