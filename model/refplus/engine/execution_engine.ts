/** The module network of IEP-Ref: a module for each program token, composed by each program (Liu et al., CVPR 2019). */
import { add, concat, crossEntropy, type Device, Module, reshape, Seeds, type Tensor } from "../../../engine/mod.ts";
import { BinaryBank, ResidualBank, Stem, type StemOutput } from "./blocks.ts";
import type { Start } from "./initial.ts";
import { MaskHead, quarter, widestChannels } from "./mask_head.ts";
import { diceLoss, foreground, overlap } from "./mask_loss.ts";
import { AttentionReader } from "./attention_reader.ts";
import { mapsOf, type NodePlace, ProgramRunner, rowsOf } from "./program_runner.ts";
import { type ProgramTokens, type ProgramTree } from "./program_tree.ts";

/**
 * Messages between modules. `features`: a module's feature map, as in the reference. `attention`: the probability of foreground
 * that the mask head reads off that map for each pixel; the next module sees the picture's features under this attention and,
 * if it has one input, the similarity of every cell to what is attended, after "Transparency by Design" (Mascharka et al.,
 * CVPR 2018).
 */
export const MESSAGES: readonly Message[] = ["features", "attention"];

/** Message of a module to the next: all channels of their features, or attention over the grid. */
export type Message = "features" | "attention";

/** Sizes and settings of an {@link ExecutionEngine}. */
export interface ExecutionEngineOptions {
  /** The vocabulary's program tokens: a module for each that is a step. */
  readonly tokens: ProgramTokens;
  /** Channels of the images' features. */
  readonly features: number;
  /** Channels of the modules' feature maps; default 128. */
  readonly dim?: number;
  /** Convolutions of the stem; default 2. */
  readonly stemLayers?: number;
  /** Activation after the stem's last convolution; default ReLU, as in the reference. */
  readonly stemOutput?: StemOutput;
  /** Height and width of the masks; default 320 × 320. */
  readonly size?: readonly [number, number];
  /** Channels of the head's second-last hidden convolution; null or left out for a quarter of `dim`, as in the reference. */
  readonly headWidth?: number | null;
  /** Samples that the head processes at once; by default as many as keep each of its tensors within 128 MiB. */
  readonly headChunk?: number;
  /** Initial weights; default as in the reference. */
  readonly start?: Start;
  /** Dilations of the convolutions of unary modules, one for each; default 1 and 1. */
  readonly dilations?: readonly number[];
  /** Message between modules; default `features`. `attention` needs `grid`. */
  readonly message?: Message;
  /** Rows and columns of the images' features. */
  readonly grid?: readonly [number, number];
  /** Seed of the first weights. */
  readonly seed: number;
}

/** Ground truth of inner nodes of programs, which are supervised beside the answers. */
export interface NodeTargets {
  /** Program and node of each. */
  readonly nodes: readonly NodePlace[];
  /** Their masks as 0 and 1, [nodes · H · W], on the host. */
  readonly masks: Int32Array<ArrayBuffer>;
  /** Weight of their mean cross-entropy beside that of the answers. */
  readonly weight: number;
  /**
   * Ground-truth input masks of the answers' nodes, then of `nodes`: a list for each node, of 0 and 1, [H · W]. With these each
   * node is trained on its ground-truth inputs (teacher forcing) instead of the predictions of the modules before it. Modules
   * must pass attention.
   */
  readonly inputs?: readonly (readonly Uint8Array[])[];
}

/** Options of {@link ExecutionEngine.evaluate}. */
export interface EvaluateBatchOptions {
  /** True adds the gradient to the parameters'. */
  readonly learn: boolean;
  /** Weight of the soft Dice loss beside the cross-entropy, of answers and supervised nodes; default 0. */
  readonly dice?: number;
  /** Inner nodes that are supervised; default none. */
  readonly nodes?: NodeTargets;
}

/** Losses and overlaps of a batch, unread. */
export interface BatchOutcome {
  /** Mean cross-entropy over all pixels, and the weighted Dice loss; a scalar. */
  readonly loss: Tensor;
  /** The same of the supervised inner nodes, without their weight; null where there are none. */
  readonly nodeLoss: Tensor | null;
  /** Pixels of both masks, and of either, for each sample; f32 [N, 2]. */
  readonly overlaps: Tensor;
}

/** Largest binding in bytes that every adapter allows. */
const BINDING = 128 << 20;

/**
 * The execution engine.
 *
 * ```ts
 * import { deepStrictEqual, ok } from "node:assert/strict";
 * import { Device } from "@itera/itera/engine";
 * import { ExecutionEngine, parsePrefix, ProgramTokens } from "@itera/itera/models";
 *
 * await using device = await Device.open();
 * const tokens = new ProgramTokens(["<NULL>", "<START>", "<END>", "<UNK>", "scene", "unique"]);
 * using engine = new ExecutionEngine(device, { tokens, features: 3, dim: 4, size: [8, 8], seed: 1 });
 * using scope = device.scope();
 * const program = parsePrefix([1, 5, 4, 2], tokens);
 * const features = device.uniform([1, 4, 4, 3], { seed: 1 });
 * const maps = engine.forward(features, [program]);
 * deepStrictEqual(maps.shape, [1, 4, 4, 4]);
 * const masks = engine.masks(maps);
 * deepStrictEqual(masks.shape, [1, 8, 8]);
 * ok((await masks.data()).every((pixel) => pixel === 0 || pixel === 1));
 * ```
 */
export class ExecutionEngine extends Module {
  readonly #size: readonly [number, number];
  readonly #head: MaskHead;
  readonly #runner: ProgramRunner;
  /** Message between modules. */
  readonly message: Message;
  /** Tokens whose modules are in each bank, in the order of its entries. */
  readonly banks: { readonly unary: readonly string[]; readonly binary: readonly string[] };

  /** Builds it with random weights. Throws {@link RangeError} where a cell is not a whole number of the masks' pixels. */
  constructor(device: Device, options: ExecutionEngineOptions) {
    super(device);
    const {
      tokens,
      features,
      dim = 128,
      stemLayers = 2,
      stemOutput = "relu",
      size = [320, 320],
      start = "reference",
      seed,
    } = options;
    const seeds = new Seeds(seed), { dilations = [1, 1], message = "features", grid } = options;
    const width = options.headWidth ?? quarter(dim), pixels = size[0] * size[1];
    const chunk = options.headChunk ?? Math.max(1, Math.floor(BINDING / (4 * widestChannels(dim, width) * pixels)));
    this.#size = size;
    this.message = message;
    const [one, two] = [false, true].map((pair) => tokens.names.filter((_, i) => tokens.arities[i] > 1 === pair));
    this.banks = { unary: one, binary: two };
    const stem = this.child(
      "stem",
      new Stem(device, features, dim, stemLayers, seeds, { start, output: stemOutput }),
    );
    const unary = this.child(
      "unary",
      new ResidualBank(device, one.length, dim, seeds, start, { dilations, beside: message === "attention" ? dim : 0 }),
    );
    const binary = this.child("binary", new BinaryBank(device, two.length, dim, seeds, start));
    const head = this.#head = this.child(
      "classifier",
      new MaskHead(device, { channels: dim, width, size }, seeds, start),
    );
    const reader = message === "features"
      ? null
      : this.child("reader", new AttentionReader(device, dim, cellOf(size, grid), seeds, start));
    const entries = tokens.names.map((name, i) => (tokens.arities[i] > 1 ? two : one).indexOf(name));
    const modules = { stem, unary, binary, head, reader, entries, scene: tokens.scene, size, chunk };
    this.#runner = new ProgramRunner(device, modules);
  }

  /** Runs one program for each image: features [N, h, w, C] → the answers' feature maps [N, h, w, dim]. */
  forward(features: Tensor, programs: readonly ProgramTree[]): Tensor {
    using scope = this.device.scope();
    return scope.keep(this.#runner.run(features, programs).answers);
  }

  /**
   * Mask scores of every node of every program, program after program in the order of their nodes. Each [1, H, W, 2]; the
   * caller's scope owns them.
   */
  *inspect(features: Tensor, programs: readonly ProgramTree[]): Generator<Tensor> {
    const { plan, values } = this.#runner.run(features, programs);
    for (const places of plan.places) {
      for (const { level, row } of places) {
        yield this.#head.forward(rowsOf(values[level + 1], row, 1));
      }
    }
  }

  /** Scores [n, H, W, 2] of a few samples' feature maps, in one piece. */
  scores(maps: Tensor, options: { readonly commuted?: boolean } = {}): Tensor {
    return this.#head.forward(maps, options);
  }

  /** Masks of feature maps [N, h, w, dim]: f32 [N, H, W] of 0 and 1; a tie is background. */
  masks(maps: Tensor): Tensor {
    using scope = this.device.scope();
    return scope.keep(
      concat(this.#runner.pieces(maps.shape[0]).map(([from, count]) => this.#mask(rowsOf(maps, from, count))), 0),
    );
  }

  /**
   * The loss of a batch against masks (i32 of 0 and 1, [N · H · W], on the host). The head runs forward and backward on a few
   * feature maps at a time, so that only those few full-size tensors are alive (where modules pass attention, the head is also
   * a part of every node). With `nodes.inputs` the answers are those of the last nodes alone, on their ground-truth inputs.
   */
  evaluate(
    features: Tensor,
    programs: readonly ProgramTree[],
    masks: Int32Array<ArrayBuffer>,
    { learn, nodes, dice = 0 }: EvaluateBatchOptions,
  ): BatchOutcome {
    const { device } = this;
    using scope = device.scope();
    const count = programs.length, inner = nodes?.nodes ?? [];
    const maps = nodes?.inputs
      ? this.#runner.teacherForced(features, programs, inner, nodes.inputs)
      : mapsOf(this.#runner.run(features, programs), inner);
    const leaf = maps.detach();
    if (learn) leaf.requiresGrad = true;
    const answers = this.#compare(leaf, 0, count, masks, { weight: learn ? 1 : null, dice });
    const below = inner.length === 0
      ? null
      : this.#compare(leaf, count, inner.length, nodes!.masks, { weight: learn ? nodes!.weight : null, dice });
    if (learn) maps.backward(leaf.grad!);
    leaf.zeroGrad();
    return {
      loss: scope.keep(answers.loss),
      nodeLoss: below && scope.keep(below.loss),
      overlaps: scope.keep(answers.overlaps),
    };
  }

  /**
   * Mean loss of `count` feature maps from `first` on against masks, and their overlaps, [count, 2]. Its gradient, times
   * `weight`, is added to the head's parameters and to the maps' unless `weight` is null.
   */
  #compare(
    maps: Tensor,
    first: number,
    count: number,
    masks: Int32Array<ArrayBuffer>,
    { weight, dice }: { readonly weight: number | null; readonly dice: number },
  ): { readonly loss: Tensor; readonly overlaps: Tensor } {
    const { device } = this;
    using scope = device.scope();
    const [height, width] = this.#size;
    const pixels = height * width;
    const overlaps: Tensor[] = [];
    let loss = device.zeros([]);
    for (const [from, n] of this.#runner.pieces(count)) {
      using part = device.scope();
      const labels = device.tensor(masks.slice(from * pixels, (from + n) * pixels));
      const scores = this.#head.forward(rowsOf(maps, first + from, n));
      const entropy = crossEntropy(reshape(scores, [n * pixels, 2]), labels, { reduction: "sum" }).mul(
        1 / (count * pixels),
      );
      const own = dice === 0
        ? entropy
        : add(entropy, diceLoss(scores, reshape(labels.cast("f32"), [n, pixels])).sum().mul(dice / count));
      if (weight !== null) (weight === 1 ? own : own.mul(weight)).backward();
      device.noGrad(() => {
        overlaps.push(
          part.keep(overlap(reshape(foreground(scores), [n, pixels]), reshape(labels.cast("f32"), [n, pixels]))),
        );
        loss = part.keep(add(loss, own.detach()));
      });
    }
    return { loss: scope.keep(loss), overlaps: scope.keep(device.noGrad(() => concat(overlaps, 0))) };
  }

  #mask(maps: Tensor): Tensor {
    using scope = this.device.scope();
    return scope.keep(foreground(this.#head.forward(maps)));
  }
}

/** Pixels of masks along each side of a cell. Throws {@link RangeError} where they are not whole or differ. */
function cellOf([height, width]: readonly [number, number], grid: readonly [number, number] | undefined): number {
  const cell = grid ? height / grid[0] : NaN;
  if (grid && Number.isInteger(cell) && cell * grid[1] === width) return cell;
  throw new RangeError(
    `attention of ${height} × ${width} does not fit features of ${grid?.join(" × ") ?? "unknown size"}: ` +
      "it must be the same whole number of times as high and as wide",
  );
}
