/** From a module's features to class scores and the confidence that attention weighs them by. */
import { type Device, init, Linear, Module, type Seeds, type Tensor, WideLinear } from "../../../engine/mod.ts";
import type { HeadOptions } from "./options.ts";

/** Outputs of a module for the regions. */
export interface HeadOutput {
  /** Class logits, [R, C]. */
  readonly logits: Tensor;
  /** Attention logit, [R, 1]. */
  readonly confidence: Tensor;
}

/** Fully connected layers, class scores and confidence (papers/iterative-reasoning.md#memory-layers). */
export class PredictionHead extends Module {
  readonly #fc: WideLinear[] = [];
  readonly #score: Linear;
  readonly #confidence: Linear;

  /** A head on `inputs` features. */
  constructor(device: Device, inputs: number, classes: number, { width, layers, std }: HeadOptions, seeds: Seeds) {
    super(device);
    let from = inputs;
    for (let i = 0; i < layers; i++) {
      const fc = new WideLinear(device, {
        inputs: from,
        outputs: width,
        seeds,
        init: init.heTruncatedOf,
        activation: "relu",
      });
      this.#fc.push(this.child(`fc${6 + i}`, fc));
      from = width;
    }
    this.#score = this.child(
      "score",
      new Linear(device, { inputs: from, outputs: classes, seeds, init: init.normal(std) }),
    );
    this.#confidence = this.child(
      "confidence",
      new Linear(device, { inputs: from, outputs: 1, seeds, init: init.normal(std), bias: false }),
    );
  }

  /** Features [R, inputs] → scores and confidence. */
  forward(features: Tensor): HeadOutput {
    const z = this.#fc.reduce((x, fc) => fc.forward(x), features);
    return { logits: this.#score.forward(z), confidence: this.#confidence.forward(z) };
  }
}
