/** The baseline region classifier: backbone, crop_and_resize, last block on the crops, mean, softmax scores. */
import { cropAndResize, type Device, init, Linear, maxPool2d, Module, Seeds, type Tensor } from "../engine/mod.ts";
import { ResNet, type ResNetOptions } from "./resnet.ts";

/** What the classifier is built from. */
export interface BaselineOptions {
  /** Classes, background (index 0) included. */
  readonly classes: number;
  readonly resnet: ResNetOptions;
  /** Cells of a region crop on each side; default 7. */
  readonly cropSize?: number;
  /** Crop twice the size and take 2×2 maxima; default false. */
  readonly maxPool?: boolean;
  readonly seed: number;
}

/** One image with its regions, on the host. */
export interface RegionInput {
  /** [height, width, 3], already centred by the channel means. */
  readonly image: Float32Array<ArrayBuffer>;
  readonly height: number;
  readonly width: number;
  /** [R, 4] as x1, y1, x2, y2 in pixels of this image. */
  readonly boxes: Float32Array;
}

/** Coordinates this far outside the map still count as on its border: float rounding must not blank a border row. */
const BOUND_TOLERANCE = 1e-4;

/**
 * Boxes as crop_and_resize takes them: [y1, x1, y2, x2] over (cells − 1), a pixel p lying at cell p / stride. A map of one
 * cell has nothing to divide by; all coordinates are 0 there.
 */
export function normaliseBoxes(
  boxes: Float32Array,
  mapHeight: number,
  mapWidth: number,
  stride: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(boxes.length);
  const high = Math.max(1, mapHeight - 1);
  const wide = Math.max(1, mapWidth - 1);
  for (let i = 0; i < boxes.length; i += 4) {
    out[i] = Math.min(boxes[i + 1] / stride / high, 1);
    out[i + 1] = Math.min(boxes[i] / stride / wide, 1);
    out[i + 2] = Math.min(boxes[i + 3] / stride / high, 1);
    out[i + 3] = Math.min(boxes[i + 2] / stride / wide, 1);
  }
  return out;
}

/** Iterative Visual Reasoning's plain ConvNet (Chen et al., CVPR 2018, section 4; specification sections 2.2 to 2.5). */
export class BaselineClassifier extends Module {
  readonly resnet: ResNet;
  readonly #score: Linear;
  readonly #cropSize: number;
  readonly #maxPool: boolean;

  /** Builds it with random weights from `seed`. */
  constructor(device: Device, { classes, resnet, cropSize = 7, maxPool = false, seed }: BaselineOptions) {
    super(device);
    const seeds = new Seeds(seed);
    this.#cropSize = cropSize;
    this.#maxPool = maxPool;
    this.resnet = this.child("resnet", new ResNet(device, resnet, seeds));
    this.#score = this.child(
      "cls_score",
      new Linear(device, this.resnet.tailChannels, classes, seeds, { init: init.normal(0.01) }),
    );
  }

  /** Class logits [R, classes] of the regions of one image. */
  forward(input: RegionInput): Tensor {
    const { device } = this;
    using scope = device.scope();
    const image = device.tensor(input.image, [1, input.height, input.width, 3]);
    return scope.keep(this.#score.forward(this.#features(image, input)));
  }

  /** Sets the frozen normalisation's statistics from one image; for training from random weights. */
  calibrate(input: RegionInput): void {
    this.resnet.calibrate(() => this.forward(input));
  }

  #features(image: Tensor, input: RegionInput): Tensor {
    const { device } = this;
    const map = this.resnet.body(image);
    const [, mapHeight, mapWidth] = map.shape;
    const regions = input.boxes.length / 4;
    const boxes = device.tensor(normaliseBoxes(input.boxes, mapHeight, mapWidth, this.resnet.outputStride), [
      regions,
      4,
    ]);
    const size = this.#maxPool ? 2 * this.#cropSize : this.#cropSize;
    const which = device.zeros([regions], { dtype: "i32" });
    let crops = cropAndResize(map, boxes, which, [size, size], { boundTolerance: BOUND_TOLERANCE });
    if (this.#maxPool) crops = maxPool2d(crops, 2);
    return this.resnet.tail(crops).mean([1, 2]);
  }
}
