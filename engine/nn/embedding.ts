/** Embeddings. */
import type { NamesOf } from "../base/given.ts";
import type { Device } from "../device.ts";
import { expectDType, expectTensor } from "../op.ts";
import { embedding } from "../ops/mod.ts";
import type { Tensor } from "../tensor.ts";
import { checkFields } from "./fields.ts";
import { init, type Initialiser, type Seeded, type Seeds, seedsOf } from "./init.ts";
import { Module } from "./module.ts";

/** Options of {@link Embedding}. */
export interface EmbeddingOptions {
  /** Weight initialiser; default normal with standard deviation 1. */
  readonly init?: Initialiser;
}

/** Sizes, seeds and options of {@link Embedding}. */
export type EmbeddingFields = EmbeddingOptions & Seeded & {
  /** Vectors of the table. */
  readonly vocabulary: number;
  /** Numbers of a vector. */
  readonly width: number;
};

const EMBEDDING: NamesOf<EmbeddingFields> = { vocabulary: true, width: true, seed: true, seeds: true, init: true };

/**
 * Vectors of a vocabulary: weight [vocabulary, width].
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, nn } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using table = new nn.Embedding(device, { vocabulary: 10, width: 3, seed: 1 });
 * table.weight.write(Float32Array.from({ length: 30 }, (_, i) => i));
 * using scope = device.scope();
 * const vectors = table.forward(device.tensor(Int32Array.of(7, 1)));
 * deepStrictEqual(vectors.shape, [2, 3]);
 * deepStrictEqual([...await vectors.data()], [21, 22, 23, 3, 4, 5]);
 * ```
 */
export class Embedding extends Module {
  /** [vocabulary, width]. */
  readonly weight: Tensor;

  /** A table of `vocabulary` vectors of `width` numbers. */
  constructor(device: Device, layer: EmbeddingFields);
  /**
   * The same, sizes by place.
   *
   * @deprecated name them: `{ vocabulary, width, seeds }`
   */
  constructor(device: Device, vocabulary: number, width: number, seeds: Seeds, options?: EmbeddingOptions);
  constructor(
    device: Device,
    first: EmbeddingFields | number,
    second?: number,
    third?: Seeds,
    rest: EmbeddingOptions = {},
  ) {
    super(device);
    const layer = typeof first === "number" ? { vocabulary: first, width: second!, seeds: third!, ...rest } : first;
    checkFields("Embedding", layer, EMBEDDING, ["vocabulary", "width"]);
    const { vocabulary, width, ...options } = layer, seeds = seedsOf(options);
    this.weight = this.parameter("weight", [vocabulary, width], options.init ?? init.normal(1), seeds.next());
  }

  /** Vectors at `indices` (i32, any shape) → [...indices, width]. */
  forward(indices: Tensor): Tensor {
    expectDType("Embedding", "the indices", expectTensor("Embedding", indices, "the indices"), "i32");
    return embedding(this.weight, indices);
  }
}
