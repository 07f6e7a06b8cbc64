/** The module network of IEP-Ref: a module a program token, put together as each program says (Liu et al., CVPR 2019). */
import {
  add,
  concat,
  crossEntropy,
  type Device,
  div,
  gather,
  greater,
  maximum,
  Module,
  reshape,
  Seeds,
  sigmoid,
  slice,
  split,
  sub,
  type Tensor,
} from "../../engine/mod.ts";
import { BinaryBank, ResidualBank, Stem } from "./blocks.ts";
import type { Start } from "./initial.ts";
import { MaskHead } from "./mask_head.ts";
import { type ProgramTokens, type ProgramTree } from "./program_tree.ts";
import { type Schedule, schedule } from "./schedule.ts";

/** What the engine is built from. */
export interface ExecutionEngineOptions {
  readonly tokens: ProgramTokens;
  /** Channels of the images' features. */
  readonly features: number;
  /** Channels of all maps between modules; default 128. */
  readonly dim?: number;
  /** Convolutions of the stem; default 2. */
  readonly stemLayers?: number;
  /** Height and width of the masks; default 320 × 320. */
  readonly size?: readonly [number, number];
  /** Samples the head works on at once; by default as many as keep one of its tensors within 128 MiB. */
  readonly headChunk?: number;
  /** How weights start; default as in the reference. */
  readonly start?: Start;
  /** Dilations of both convolutions of modules with one input; default 1 and 1. */
  readonly dilations?: readonly [number, number];
  readonly seed: number;
}

/** Inner steps of programs that are taught what to point at, beside the answers. */
export interface TaughtSteps {
  /** Program and node of each. */
  readonly steps: readonly { readonly program: number; readonly node: number }[];
  /** Their masks as 0 and 1, [steps · H · W], on the host. */
  readonly masks: Int32Array<ArrayBuffer>;
  /** Weight of their mean cross-entropy beside that of the answers. */
  readonly weight: number;
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

/** A batch's maps: all values that each level makes. */
interface Run {
  readonly plan: Schedule;
  /** The scenes, then each level's own values, [n, h, w, C]. */
  readonly values: readonly Tensor[];
  /** The answers, [N, h, w, C]. */
  readonly answers: Tensor;
}

/** The execution engine. */
export class ExecutionEngine extends Module {
  readonly #size: readonly [number, number];
  readonly #chunk: number;
  readonly #scene: number;
  readonly #stem: Stem;
  readonly #unary: ResidualBank;
  readonly #binary: BinaryBank;
  /** Place of each token's module in its bank. */
  readonly #entries: readonly number[];
  readonly #head: MaskHead;
  /** Tokens whose modules are in each bank, in the order of its entries. */
  readonly banks: { readonly unary: readonly string[]; readonly binary: readonly string[] };

  /** Builds it with random weights. */
  constructor(device: Device, options: ExecutionEngineOptions) {
    super(device);
    const { tokens, features, dim = 128, stemLayers = 2, size = [320, 320], start = "reference", seed } = options;
    const seeds = new Seeds(seed), { dilations = [1, 1] } = options;
    this.#size = size;
    this.#chunk = options.headChunk ?? Math.max(1, Math.floor(BINDING / (4 * dim * size[0] * size[1])));
    this.#scene = tokens.scene;
    this.#stem = this.child("stem", new Stem(device, features, dim, stemLayers, seeds, start));
    const [unary, binary] = [false, true].map((two) => tokens.names.filter((_, i) => tokens.arities[i] > 1 === two));
    this.banks = { unary, binary };
    this.#entries = tokens.names.map((name, i) => (tokens.arities[i] > 1 ? binary : unary).indexOf(name));
    this.#unary = this.child("unary", new ResidualBank(device, unary.length, dim, seeds, start, dilations));
    this.#binary = this.child("binary", new BinaryBank(device, binary.length, dim, seeds, start));
    this.#head = this.child("classifier", new MaskHead(device, dim, size, seeds, start));
  }

  /** Runs one program for each image: features [N, h, w, C] → the answers' maps [N, h, w, dim]. */
  forward(features: Tensor, programs: readonly ProgramTree[]): Tensor {
    using scope = this.device.scope();
    return scope.keep(this.#run(features, programs).answers);
  }

  /**
   * Scores of the masks that every node of every program stands for, program after program in the order of their nodes:
   * the step-wise inspection. Each [1, H, W, 2]; the caller's scope owns them.
   */
  *inspect(features: Tensor, programs: readonly ProgramTree[]): Generator<Tensor> {
    const { plan, values } = this.#run(features, programs);
    for (const places of plan.places) {
      for (const { level, row } of places) {
        const all = values[level + 1];
        yield this.#head.forward(slice(all, [row, 0, 0, 0], [1, ...all.shape.slice(1)]));
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
      concat(this.#chunks(maps.shape[0]).map(([from, count]) => this.#mask(rows(maps, from, count))), 0),
    );
  }

  /**
   * The loss of a batch against masks (i32 of 0 and 1, [N · H · W], on the host). The head runs on a few maps at a time and is
   * done with each before the next, so that no more than those few full-size ones are alive.
   */
  evaluate(
    features: Tensor,
    programs: readonly ProgramTree[],
    masks: Int32Array<ArrayBuffer>,
    { learn, taught, dice = 0 }: EvaluateBatchOptions,
  ): BatchOutcome {
    const { device } = this;
    using scope = device.scope();
    const run = this.#run(features, programs), count = programs.length;
    const maps = taught && taught.steps.length > 0 ? mapsOf(run, taught.steps) : run.answers;
    const leaf = maps.detach();
    if (learn) leaf.requiresGrad = true;
    const answers = this.#compare(leaf, 0, count, masks, { weight: learn ? 1 : null, dice });
    const steps = maps === run.answers ? null : this.#compare(leaf, count, taught!.steps.length, taught!.masks, {
      weight: learn ? taught!.weight : null,
      dice,
    });
    if (learn) maps.backward(leaf.grad!);
    leaf.zeroGrad();
    return {
      loss: scope.keep(answers.loss),
      stepLoss: steps && scope.keep(steps.loss),
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
    for (const [from, n] of this.#chunks(count)) {
      using part = device.scope();
      const labels = device.tensor(masks.slice(from * pixels, (from + n) * pixels));
      const scores = this.#head.forward(rows(maps, first + from, n));
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

  #run(features: Tensor, programs: readonly ProgramTree[]): Run {
    const { device } = this;
    const plan = schedule(programs);
    const entries = (tokens: readonly number[]): number[] => tokens.map((token) => this.#entries[token]);
    const stem = this.#stem.forward(features);
    const scenes = this.#unary.forward(stem, new Array(stem.shape[0]).fill(this.#entries[this.#scene]));
    const values = [scenes];
    let alive = scenes;
    for (const { rows, unary, binary, carried } of plan.levels) {
      const parts = new Parts(gather(alive, device.tensor(rows)), [
        unary.length,
        binary.length,
        binary.length,
        carried,
      ]);
      const made: Tensor[] = [];
      if (unary.length > 0) made.push(this.#unary.forward(parts.at(0), entries(unary)));
      if (binary.length > 0) made.push(this.#binary.forward(parts.at(1), parts.at(2), entries(binary)));
      const own = joined(made);
      values.push(own);
      alive = carried > 0 ? joined([own, parts.at(3)]) : own;
    }
    return { plan, values, answers: gather(alive, device.tensor(plan.answers)) };
  }

  #mask(maps: Tensor): Tensor {
    using scope = this.device.scope();
    return scope.keep(foreground(this.#head.forward(maps)));
  }

  /** First sample and number of samples of each piece the head works on. */
  #chunks(count: number): (readonly [number, number])[] {
    const pieces = Math.ceil(count / this.#chunk);
    return Array.from({ length: pieces }, (_, i) => {
      const from = i * this.#chunk;
      return [from, Math.min(this.#chunk, count - from)] as const;
    });
  }
}

/** The answers' maps, then those of some steps. */
function mapsOf({ plan: { places }, values }: Run, steps: TaughtSteps["steps"]): Tensor {
  const before = [0];
  for (const { shape } of values) before.push(before.at(-1)! + shape[0]);
  const answers = places.map((nodes, program) => ({ program, node: nodes.length - 1 }));
  const wanted = Int32Array.from([...answers, ...steps], ({ program, node }) => {
    const { level, row } = places[program][node];
    return before[level + 1] + row;
  });
  const { device } = values[0];
  return gather(joined(values), device.tensor(wanted));
}

/** A tensor cut along its first axis; parts may be empty. */
class Parts {
  readonly #counts: readonly number[];
  readonly #parts: readonly Tensor[];

  constructor(x: Tensor, counts: readonly number[]) {
    const some = counts.filter((count) => count > 0);
    this.#counts = counts;
    this.#parts = some.length > 1 ? split(x, some) : [x];
  }

  /** Part `index`, which must not be empty. */
  at(index: number): Tensor {
    return this.#parts[this.#counts.slice(0, index).filter((count) => count > 0).length];
  }
}

function joined(parts: readonly Tensor[]): Tensor {
  return parts.length === 1 ? parts[0] : concat(parts, 0);
}

function rows(x: Tensor, from: number, count: number): Tensor {
  return slice(x, [from, ...x.shape.slice(1).map(() => 0)], [count, ...x.shape.slice(1)]);
}

/** Where the second score is larger: [N, H, W, 2] → f32 [N, H, W] of 0 and 1. */
function foreground(scores: Tensor): Tensor {
  const [n, h, w] = scores.shape;
  const [background, object] = split(scores, [1, 1], 3);
  return reshape(greater(object, background).cast("f32"), [n, h, w]);
}

/**
 * Soft Dice loss of each sample (Milletari, Navab and Ahmadi, "V-Net", 3DV 2016): 1 − (2 Σ pt + 1) / (Σ p + Σ t + 1), where p
 * is how likely a pixel is foreground. Scores [N, H, W, 2], masks t [N, pixels] → [N].
 */
function diceLoss(scores: Tensor, masks: Tensor): Tensor {
  const [background, object] = split(reshape(scores, [...masks.shape, 2]), [1, 1], 2);
  const likely = reshape(sigmoid(sub(object, background)), masks.shape);
  const both = likely.mul(masks).sum(1).mul(2).add(1), either = likely.sum(1).add(masks.sum(1)).add(1);
  return div(both, either).mul(-1).add(1);
}

/** Pixels in both masks and in either: two of [N, pixels] → [N, 2]. */
function overlap(a: Tensor, b: Tensor): Tensor {
  return concat([a.mul(b).sum(1, { keepDims: true }), maximum(a, b).sum(1, { keepDims: true })], 1);
}
