/** The baseline region classifier: backbone, crop_and_resize, last block on the crops, mean, softmax scores. */
import { cropAndResize, type Device, init, Linear, maxPool2d, Module, Seeds, type Tensor } from "../../engine/mod.ts";
import {
  BOUND_TOLERANCE,
  type EdgeRule,
  isOnDevice,
  type RegionBoxes,
  regionBoxes,
  type RegionInput,
  type RegionTensors,
} from "./regions.ts";
import { regionLoss } from "./region_loss.ts";
import { StaticRegionInputs } from "./static_inputs.ts";
import type { Losses, NamedAxis, Prediction, RegionModel } from "./contract.ts";
import { ResNet, type ResNetOptions } from "../backbones/resnet.ts";

/** Options of {@link BaselineClassifier}. */
export interface BaselineOptions {
  /** Classes, background (index 0) included. */
  readonly classes: number;
  /** The backbone's description. */
  readonly resnet: ResNetOptions;
  /** Cells of a region crop on each side; default 7. */
  readonly cropSize?: number;
  /** Crop twice the size and take 2×2 maxima; default false. Models that reason crop plainly either way. */
  readonly maxPool?: boolean;
  /** Seed of the first weights. */
  readonly seed: number;
}

/** Features and scores that the ConvNet gives the regions of one image. */
export interface RegionFeatures {
  /** The regions' boxes. */
  readonly boxes: RegionBoxes;
  /** The body's maps, [N, h, w, bodyChannels]. */
  readonly map: Tensor;
  /** Crops of the body's map, [R, k, k, bodyChannels]. */
  readonly pool5: Tensor;
  /** Mean of the tail's maps, [R, tailChannels]. */
  readonly fc7: Tensor;
  /** Class logits, [R, C]. */
  readonly logits: Tensor;
}

/**
 * Iterative Visual Reasoning's plain ConvNet (papers/iterative-reasoning.md#image-head).
 *
 * ```ts
 * import { deepStrictEqual, ok } from "node:assert/strict";
 * import { Device } from "@itera/itera/engine";
 * import { BaselineClassifier, resnetPresets } from "@itera/itera/models";
 *
 * await using device = await Device.open();
 * using model = new BaselineClassifier(device, { classes: 3, resnet: resnetPresets.small, seed: 1 });
 * const image = Float32Array.from({ length: 32 * 48 * 3 }, (_, i) => Math.sin(i));
 * // Two regions: x1, y1, x2, y2 in pixels.
 * const input = { image, height: 32, width: 48, boxes: Float32Array.of(0, 0, 15, 15, 8, 4, 40, 28) };
 * model.calibrate(input);
 * using scope = device.scope();
 * deepStrictEqual(model.forward(input).shape, [2, 3]);
 * // Random weights find all three classes about equally likely.
 * const { total } = model.loss(input, device.tensor(Int32Array.of(1, 2)));
 * ok(Math.abs(await total.item() - Math.log(3)) < 0.2);
 * ```
 */
export class BaselineClassifier extends Module implements RegionModel {
  /** The backbone's description. */
  readonly resnet: ResNet;
  /** Seeds of the parts that come after the baseline's. */
  protected readonly seeds: Seeds;
  readonly #score: Linear;
  readonly #cropSize: number;
  readonly #maxPool: boolean;

  /** Builds it with random weights from `seed`. */
  constructor(device: Device, { classes, resnet, cropSize = 7, maxPool = false, seed }: BaselineOptions) {
    super(device);
    this.seeds = new Seeds(seed);
    this.#cropSize = cropSize;
    this.#maxPool = maxPool;
    this.resnet = this.child("resnet", new ResNet(device, resnet, this.seeds));
    this.#score = this.child(
      "cls_score",
      new Linear(device, {
        inputs: this.resnet.tailChannels,
        outputs: classes,
        seeds: this.seeds,
        init: init.normal(0.01),
      }),
    );
  }

  /** Rule by which edges link regions; null without a graph. */
  protected get edgeRule(): EdgeRule | null {
    return null;
  }

  /** Parameters with an entry for each class. */
  namedAxes(): ReadonlyMap<string, NamedAxis> {
    return new Map([["cls_score.weight", { of: "classes", axis: 1 }], ["cls_score.bias", { of: "classes", axis: 0 }]]);
  }

  /** True: the loss of several images of equal size is that of one pass. */
  readonly stacks: boolean = true;

  /** Static inputs for images of this size and number of regions, by default for one. */
  staticInputs(height: number, width: number, regions: number, images = 1): StaticRegionInputs {
    const stride = this.resnet.outputStride;
    return new StaticRegionInputs(this.device, { height, width, regions, images, stride, edges: this.edgeRule });
  }

  /** Class logits [R, classes] of the regions of one image. */
  forward(input: RegionInput | RegionTensors): Tensor {
    using scope = this.device.scope();
    return scope.keep(this.features(input).logits);
  }

  /** The answer alone: logits of the plain ConvNet. */
  predict(input: RegionInput | RegionTensors): Prediction[] {
    return [{ name: "image", source: "image", iteration: 0, logits: this.forward(input) }];
  }

  /** Mean cross-entropy of the regions against `labels` i32 [R]. */
  loss(input: RegionInput | RegionTensors, labels: Tensor): Losses {
    const regions = this.onDevice(input);
    const total = regionLoss(this.forward(regions), labels, regions.real);
    return { total, parts: { image: total } };
  }

  /** Sets the frozen normalisation's statistics from one image; for training from random weights. */
  calibrate(input: RegionInput): void {
    this.resnet.calibrate(() => this.forward(input));
  }

  /** An image on the device; the caller's scope owns what is uploaded. */
  protected onDevice(input: RegionInput | RegionTensors): RegionTensors {
    if (isOnDevice(input)) return input;
    const { device, edgeRule } = this;
    const { image, height, width, boxes } = input;
    const stride = this.resnet.outputStride;
    return {
      image: device.tensor(image, [1, height, width, 3]),
      boxes: regionBoxes(device, boxes, [Math.ceil(height / stride), Math.ceil(width / stride)], stride),
      edges: edgeRule && device.currentScope!.adopt(edgeRule.between(boxes)),
      real: null,
    };
  }

  /** Crops, pooled features and logits of an image's regions; the caller's scope owns them. */
  features(input: RegionInput | RegionTensors): RegionFeatures {
    const { image, boxes } = this.onDevice(input);
    const map = this.resnet.body(image);
    const size = this.#maxPool ? 2 * this.#cropSize : this.#cropSize;
    let pool5 = cropAndResize(map, boxes.normalised, boxes.image, [size, size], { boundTolerance: BOUND_TOLERANCE });
    if (this.#maxPool) pool5 = maxPool2d(pool5, 2);
    const fc7 = this.resnet.tail(pool5).mean([1, 2]);
    return { boxes, map, pool5, fc7, logits: this.#score.forward(fc7) };
  }
}
