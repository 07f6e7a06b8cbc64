/**
 * A small feature extractor for the execution engine. It is trained to classify the attributes of the object at each pixel,
 * cell by cell; the predicted probabilities in a cell are the picture's features there.
 */
import { ATTRIBUTE_NAMES, ATTRIBUTES } from "../../../datasets/refplus/scenes/catalogue.ts";
import { sameShape } from "../../../engine/internal.ts";
import {
  concat,
  Conv2d,
  crossEntropy,
  type Device,
  Module,
  reshape,
  type Seeds,
  softmax,
  split,
  type Tensor,
} from "../../../engine/mod.ts";

/**
 * Factors of the probabilities, which give channels about equal variance: those of an attribute are also multiplied by the root
 * of the number of its values, since each is the rarer the more there are.
 */
const SPREAD = { attribute: 1.7, object: 1.5 };

/** Classes of each attribute: the ground, then its values. */
const CLASSES = ATTRIBUTE_NAMES.map((name) => 1 + ATTRIBUTES[name].length);

/** Sizes of a {@link CellNetwork}. */
export interface CellNetworkOptions {
  /** Channels of the convolutions of stride 2; a cell is as many pixels wide as 2 to the power of their number. */
  readonly widths: readonly number[];
  /** Channels of the convolutions on the grid of cells. */
  readonly channels: number;
  /** Number of these. */
  readonly layers: number;
  /** Residual connections around convolutions that change neither size nor channels. */
  readonly residual: boolean;
  /** Pixels along a cell's side that are classified one by one. */
  readonly detail: number;
}

/** The network. */
export class CellNetwork extends Module {
  readonly #convs: Conv2d[] = [];
  readonly #residual: boolean;
  readonly #top: Conv2d;
  readonly #within: number;
  /** Channels of the features. */
  readonly channels: number;
  /** Width of a cell in pixels. */
  readonly stride: number;

  /** A network with random weights. */
  constructor(device: Device, { widths, channels, layers, residual, detail }: CellNetworkOptions, seeds: Seeds) {
    super(device);
    this.#residual = residual;
    this.#within = detail * detail;
    this.stride = 2 ** widths.length;
    this.channels = CLASSES.reduce((sum, count) => sum + count - 1, this.#within);
    [...widths, ...new Array<number>(layers).fill(channels)].forEach((width, i, all) => {
      const stride = i < widths.length ? 2 : 1;
      // No ReLU after the last: half of its channels would die.
      const activation = i < all.length - 1 ? "relu" : "none";
      const options = { stride, padding: 1, activation } as const;
      this.#convs.push(
        this.child(
          `conv${i + 1}`,
          new Conv2d(device, { kernel: 3, inputs: all[i - 1] ?? 3, outputs: width, seeds, ...options }),
        ),
      );
    });
    const outputs = this.#within * CLASSES.reduce((a, b) => a + b, 0);
    this.#top = this.child("top", new Conv2d(device, { kernel: 1, inputs: channels, outputs, seeds }));
  }

  /**
   * Pictures [N, H, W, 3] → features [N, H / stride, W / stride, channels]: the mean probability of each value of each
   * attribute over the cell's pixels, then the probability of each pixel to be an object's, all times {@link SPREAD}.
   */
  forward(pictures: Tensor): Tensor {
    using scope = this.device.scope();
    const map = this.#top.forward(this.#body(pictures)), [n, h, w] = map.shape;
    const likely = split(this.#pixels(map), CLASSES, 1).map((logits) => softmax(logits));
    const values = likely.map((p, i) => {
      const count = CLASSES[i] - 1, [, own] = split(p, [1, count], 1);
      return reshape(own, [n * h * w, this.#within, count]).mean(1).mul(SPREAD.attribute * Math.sqrt(count));
    });
    const ground = likely.map((p, i) => split(p, [1, CLASSES[i] - 1], 1)[0]).reduce((sum, p) => sum.add(p));
    const object = reshape(ground.mul(-1 / CLASSES.length).add(1).mul(SPREAD.object), [n * h * w, this.#within]);
    return scope.keep(reshape(concat([...values, object], 1), [n, h, w, this.channels]));
  }

  /**
   * Sum over the attributes of the mean cross-entropy of all pixels, shapes' times `shape`; `labels` has for each attribute, i32
   * [pixels], 0 for the ground or 1 + the value, cell after cell, and `weights` the weight of each pixel.
   */
  loss(pictures: Tensor, labels: readonly Tensor[], weights: Tensor, shape: number): Tensor {
    using scope = this.device.scope();
    const pixels = this.#pixels(this.#top.forward(this.#body(pictures)));
    const losses = split(pixels, CLASSES, 1).map((logits, i) => {
      const loss = crossEntropy(logits, labels[i], { weights });
      return ATTRIBUTE_NAMES[i] === "shape" ? loss.mul(shape) : loss;
    });
    return scope.keep(losses.reduce((sum, loss) => sum.add(loss)));
  }

  #body(pictures: Tensor): Tensor {
    using scope = this.device.scope();
    return scope.keep(this.#convs.reduce((x, conv) => {
      const y = conv.forward(x);
      return this.#residual && sameShape(x.shape, y.shape) ? y.add(x) : y;
    }, pictures));
  }

  /** Scores [pixels, classes of all attributes], cell after cell. */
  #pixels(map: Tensor): Tensor {
    return reshape(map, [-1, CLASSES.reduce((a, b) => a + b, 0)]);
  }
}
