/**
 * The local module: a spatial memory that regions read, reason over and write back
 * (papers/iterative-reasoning.md#memory-update).
 */
import {
  add,
  Conv2d,
  ConvGRU,
  cropAndResize,
  type Device,
  init,
  Linear,
  Module,
  type ops,
  pasteRegions,
  relu,
  reshape,
  resizeBilinear,
  type Seeds,
  type Tensor,
  tile,
} from "../../../engine/mod.ts";
import { BOUND_TOLERANCE, type RegionBoxes } from "../regions.ts";
import { type HeadOutput, PredictionHead } from "./head.ts";
import type { HeadOptions, MemoryOptions } from "./options.ts";

/** Sizes the memory's surroundings give it. */
export interface MemoryInputs {
  readonly classes: number;
  /** Channels of the region crops. */
  readonly features: number;
  /** Numbers fed back for a region: the classes, twice with cross-feed. */
  readonly feedback: number;
}

/** The part of a memory's updates that all iterations share. */
export interface SharedMemory {
  readonly gru: ops.JoinedWeights;
  /** Compressed features of the regions, [R, k, k, D]. */
  readonly compressed: Tensor;
}

/** Spatial memory S [N, H, W, D], one for each image, with a convolutional GRU. */
export class SpatialMemory extends Module {
  readonly #options: MemoryOptions;
  readonly #initial: Tensor;
  readonly #mapProb: Linear;
  readonly #compress: Conv2d;
  readonly #input: Conv2d[] = [];
  readonly #gru: ConvGRU;
  readonly #context: Conv2d[] = [];
  readonly #head: PredictionHead;

  /** Builds it with random weights; the initial memory is zero. */
  constructor(
    device: Device,
    { classes, features, feedback }: MemoryInputs,
    options: MemoryOptions,
    head: HeadOptions,
    seeds: Seeds,
  ) {
    super(device);
    this.#options = options;
    const { depth, std, updateStd, kernel, cropSize } = options;
    const same = { padding: "same" } as const;
    const he = { ...same, init: init.heTruncated };
    this.#initial = this.parameter("mem_init", [1, ...options.initSize, depth], init.zeros, 0, { decay: false });
    this.#mapProb = this.child(
      "map_prob",
      new Linear(device, { inputs: feedback, outputs: depth, seeds, bias: false, init: init.normal(std) }),
    );
    this.#compress = this.child(
      "pool5_comp",
      new Conv2d(device, { kernel: 1, inputs: features, outputs: depth, seeds, init: init.normal(std) }),
    );
    for (let i = 1; i < options.inputLayers; i++) {
      const layer = new Conv2d(device, {
        kernel: options.inputKernel,
        inputs: depth,
        outputs: depth,
        seeds,
        ...he,
        activation: "relu",
      });
      this.#input.push(this.child(`input${i + 1}`, layer));
    }
    this.#gru = this.child(
      "gru",
      new ConvGRU(device, { inputs: depth, depth, seeds, kernel, init: init.normal(updateStd) }),
    );
    for (let i = 0; i < options.contextLayers; i++) {
      const window = i === 0 ? options.contextFirstKernel : options.contextKernel;
      this.#context.push(
        this.child(
          `context${i + 1}`,
          new Conv2d(device, { kernel: window, inputs: depth, outputs: depth, seeds, ...he }),
        ),
      );
    }
    this.#head = this.child("head", new PredictionHead(device, cropSize * cropSize * depth, classes, head, seeds));
  }

  /** The initial memories at the size of the images' maps, [N, H, W, D]. */
  initial({ map, images }: Pick<RegionBoxes, "map" | "images">): Tensor {
    const one = resizeBilinear(this.#initial, map, { mode: "asymmetric" });
    return images === 1 ? one : tile(one, [images, 1, 1, 1]);
  }

  /** Class scores and confidence of the regions, read from the memory. */
  predict(memory: Tensor, boxes: RegionBoxes): HeadOutput {
    const { cropSize, depth } = this.#options;
    const read = this.#read(this.#aggregate(memory), boxes);
    return this.#head.forward(reshape(read, [boxes.count, cropSize * cropSize * depth]));
  }

  /** The part of an update that does not change between iterations: computed once on GPUs; null elsewhere, so that bits stay. */
  shared(pool5: Tensor): SharedMemory | null {
    const gru = this.#gru.joined();
    return gru && { gru, compressed: this.#compress.forward(pool5) };
  }

  /** The memory after all regions wrote to it at once: `feedback` [R, F] logits, `pool5` [R, k, k, features]. */
  update(
    memory: Tensor,
    feedback: Tensor,
    pool5: Tensor,
    boxes: RegionBoxes,
    shared: SharedMemory | null = this.shared(pool5),
  ): Tensor {
    const { depth } = this.#options;
    const state = this.#read(memory, boxes);
    const mapped = reshape(this.#mapProb.forward(feedback), [boxes.count, 1, 1, depth]);
    let x = relu(add(shared?.compressed ?? this.#compress.forward(pool5), mapped));
    for (const layer of this.#input) x = layer.forward(x);
    const change = this.#gru.forward(x, state, shared?.gru ?? null).sub(state);
    return memory.add(pasteRegions(change, boxes.cells, boxes.map, { images: boxes.images }));
  }

  #read(map: Tensor, boxes: RegionBoxes): Tensor {
    const { cropSize } = this.#options;
    return cropAndResize(map, boxes.normalised, boxes.image, [cropSize, cropSize], { boundTolerance: BOUND_TOLERANCE });
  }

  /** Context layers: net = conv(S), then net = net + conv(relu(conv(relu(net)))) for each further pair. */
  #aggregate(memory: Tensor): Tensor {
    let net = this.#context[0].forward(memory);
    for (let i = 1; i + 1 < this.#context.length; i += 2) {
      const inner = this.#context[i].forward(relu(net), { activation: "relu" });
      net = this.#context[i + 1].forward(inner, { residual: net });
    }
    return net;
  }
}
