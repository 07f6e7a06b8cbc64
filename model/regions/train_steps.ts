/** Training steps of a region classifier: the losses of one image, their gradient, the update. */
import type { LoadedImage } from "../../datasets/images/loader.ts";
import { concat, type Optimiser, reshape, StepCache, type Tensor } from "../../engine/mod.ts";
import type { UnreadLosses } from "../run/loss_log.ts";
import type { RegionModel } from "./contract.ts";
import { bucketKey, type StaticRegionInputs } from "./static_inputs.ts";
import type { RegionInput } from "./regions.ts";

/** Steps of one run. Steps on images of equal size with equally many regions are replayed where the model can be. */
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
