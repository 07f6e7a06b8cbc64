/** The module network of IEP-Ref: a module a program token, put together as each program says (Liu et al., CVPR 2019). */
import { add, concat, crossEntropy, type Device, Module, reshape, Seeds, type Tensor } from "../../../engine/mod.ts";
import { BinaryBank, ResidualBank, Stem, type StemOutput } from "./blocks.ts";
import type { Start } from "./initial.ts";
import { MaskHead, quarter, widestChannels } from "./mask_head.ts";
import { diceLoss, foreground, overlap } from "./mask_loss.ts";
import { MaskReader } from "./mask_reader.ts";
import { mapsOf, type NodePlace, ProgramRunner, rowsOf } from "./program_runner.ts";
import { type ProgramTokens, type ProgramTree } from "./program_tree.ts";

/**
 * What modules pass on. `maps`: the maps they make, as in the reference. `masks`: how likely the head says each pixel of these
 * to be foreground; the next module sees the picture's map with that mask on it and, if it has one input, how like what the
 * mask points at every cell is, after "Transparency by Design" (Mascharka et al., CVPR 2018).
 */
export const PASSES = ["maps", "masks"] as const;

/** One of {@link PASSES}. */
export type Passes = typeof PASSES[number];

/** What the engine is built from. */
export interface ExecutionEngineOptions {
  readonly tokens: ProgramTokens;
  /** Channels of the images' features. */
  readonly features: number;
  /** Channels of all maps between modules; default 128. */
  readonly dim?: number;
  /** Convolutions of the stem; default 2. */
  readonly stemLayers?: number;
  /** What follows the stem's last convolution; default ReLU, as in the reference. */
  readonly stemOutput?: StemOutput;
  /** Height and width of the masks; default 320 × 320. */
  readonly size?: readonly [number, number];
  /** Channels of the head's second-last hidden convolution; null or left out for a quarter of `dim`, as in the reference. */
  readonly headWidth?: number | null;
  /** Samples the head works on at once; by default as many as keep one of its tensors within 128 MiB. */
  readonly headChunk?: number;
  /** How weights start; default as in the reference. */
  readonly start?: Start;
  /** Dilations of the convolutions of modules with one input, one for each; default 1 and 1. */
  readonly dilations?: readonly number[];
  /** What modules pass on; default `maps`. `masks` needs `grid`. */
  readonly passes?: Passes;
  /** Rows and columns of the images' features. */
  readonly grid?: readonly [number, number];
  readonly seed: number;
}

/** Inner steps of programs that are taught what to point at, beside the answers. */
export interface TaughtSteps {
  /** Program and node of each. */
  readonly steps: readonly NodePlace[];
  /** Their masks as 0 and 1, [steps · H · W], on the host. */
  readonly masks: Int32Array<ArrayBuffer>;
  /** Weight of their mean cross-entropy beside that of the answers. */
  readonly weight: number;
  /**
   * The true masks of what the answers' nodes, then those of `steps`, take in; a list for each, of 0 and 1, [H · W]. With these
   * every node is a lesson of its own: it is given the truth, not what the modules before it made. Modules must pass on masks.
   */
  readonly inputs?: readonly (readonly Uint8Array[])[];
}

/** What {@link ExecutionEngine.evaluate} does with a batch. */
export interface EvaluateBatchOptions {
  /** Whether the gradient is added to the parameters'. */
  readonly learn: boolean;
  /** Weight of the soft Dice loss beside the cross-entropy, of answers and taught steps; default 0. */
  readonly dice?: number;
  readonly taught?: TaughtSteps;
}

/** Losses and overlaps of a batch, unread. */
export interface BatchOutcome {
  /** Mean cross-entropy over all pixels, and the weighted Dice loss; a scalar. */
  readonly loss: Tensor;
  /** The same of the taught steps, without their weight; null where there are none. */
  readonly stepLoss: Tensor | null;
  /** Pixels of both masks, and of either, for each sample; f32 [N, 2]. */
  readonly overlaps: Tensor;
}

/** Bytes every adapter lets one binding have. */
const BINDING = 128 << 20;

/** The execution engine. */
export class ExecutionEngine extends Module {
  readonly #size: readonly [number, number];
  readonly #head: MaskHead;
  readonly #runner: ProgramRunner;
  /** What modules pass on. */
  readonly passes: Passes;
  /** Tokens whose modules are in each bank, in the order of its entries. */
  readonly banks: { readonly unary: readonly string[]; readonly binary: readonly string[] };

  /** Builds it with random weights. Throws {@link RangeError} where masks are no whole number of pixels a cell. */
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
    const seeds = new Seeds(seed), { dilations = [1, 1], passes = "maps", grid } = options;
    const width = options.headWidth ?? quarter(dim), pixels = size[0] * size[1];
    const chunk = options.headChunk ?? Math.max(1, Math.floor(BINDING / (4 * widestChannels(dim, width) * pixels)));
    this.#size = size;
    this.passes = passes;
    const [one, two] = [false, true].map((pair) => tokens.names.filter((_, i) => tokens.arities[i] > 1 === pair));
    this.banks = { unary: one, binary: two };
    const stem = this.child(
      "stem",
      new Stem(device, features, dim, stemLayers, seeds, { start, output: stemOutput }),
    );
    const unary = this.child(
      "unary",
      new ResidualBank(device, one.length, dim, seeds, start, { dilations, beside: passes === "masks" ? dim : 0 }),
    );
    const binary = this.child("binary", new BinaryBank(device, two.length, dim, seeds, start));
    const head = this.#head = this.child(
      "classifier",
      new MaskHead(device, { channels: dim, width, size }, seeds, start),
    );
    const reader = passes === "maps"
      ? null
      : this.child("reader", new MaskReader(device, dim, cellOf(size, grid), seeds, start));
    const entries = tokens.names.map((name, i) => (tokens.arities[i] > 1 ? two : one).indexOf(name));
    const modules = { stem, unary, binary, head, reader, entries, scene: tokens.scene, size, chunk };
    this.#runner = new ProgramRunner(device, modules);
  }

  /** Runs one program for each image: features [N, h, w, C] → the answers' maps [N, h, w, dim]. */
  forward(features: Tensor, programs: readonly ProgramTree[]): Tensor {
    using scope = this.device.scope();
    return scope.keep(this.#runner.run(features, programs).answers);
  }

  /**
   * Scores of the masks that every node of every program stands for, program after program in the order of their nodes:
   * the step-wise inspection. Each [1, H, W, 2]; the caller's scope owns them.
   */
  *inspect(features: Tensor, programs: readonly ProgramTree[]): Generator<Tensor> {
    const { plan, values } = this.#runner.run(features, programs);
    for (const places of plan.places) {
      for (const { level, row } of places) {
        yield this.#head.forward(rowsOf(values[level + 1], row, 1));
      }
    }
  }

  /** Scores [n, H, W, 2] of a few samples' maps, in one piece. */
  scores(maps: Tensor, options: { readonly commuted?: boolean } = {}): Tensor {
    return this.#head.forward(maps, options);
  }

  /** Masks of maps [N, h, w, dim]: f32 [N, H, W] of 0 and 1; a tie is background. */
  masks(maps: Tensor): Tensor {
    using scope = this.device.scope();
    return scope.keep(
      concat(this.#runner.pieces(maps.shape[0]).map(([from, count]) => this.#mask(rowsOf(maps, from, count))), 0),
    );
  }

  /**
   * The loss of a batch against masks (i32 of 0 and 1, [N · H · W], on the host). The head runs on a few maps at a time and is
   * done with each before the next, so that no more than those few full-size ones are alive (of modules that pass on masks it
   * also is a part of every step). With `taught.inputs` the answers are those of the last steps alone.
   */
  evaluate(
    features: Tensor,
    programs: readonly ProgramTree[],
    masks: Int32Array<ArrayBuffer>,
    { learn, taught, dice = 0 }: EvaluateBatchOptions,
  ): BatchOutcome {
    const { device } = this;
    using scope = device.scope();
    const count = programs.length, steps = taught?.steps ?? [];
    const maps = taught?.inputs
      ? this.#runner.lessons(features, programs, steps, taught.inputs)
      : mapsOf(this.#runner.run(features, programs), steps);
    const leaf = maps.detach();
    if (learn) leaf.requiresGrad = true;
    const answers = this.#compare(leaf, 0, count, masks, { weight: learn ? 1 : null, dice });
    const inner = steps.length === 0
      ? null
      : this.#compare(leaf, count, steps.length, taught!.masks, { weight: learn ? taught!.weight : null, dice });
    if (learn) maps.backward(leaf.grad!);
    leaf.zeroGrad();
    return {
      loss: scope.keep(answers.loss),
      stepLoss: inner && scope.keep(inner.loss),
      overlaps: scope.keep(answers.overlaps),
    };
  }

  /**
   * Mean loss of `count` maps from `first` on against masks, and what they overlap, [count, 2]. Its gradient, times `weight`,
   * is added to the head's parameters and to the maps' unless `weight` is null.
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

/** Pixels of masks along each side of a cell. Throws {@link RangeError} where that is no whole number, or not one. */
function cellOf([height, width]: readonly [number, number], grid: readonly [number, number] | undefined): number {
  const cell = grid ? height / grid[0] : NaN;
  if (grid && Number.isInteger(cell) && cell * grid[1] === width) return cell;
  throw new RangeError(
    `masks of ${height} × ${width} cannot be passed on between maps of ${grid?.join(" × ") ?? "unknown size"}: ` +
      "they must be the same whole number of times as high and as wide",
  );
}
