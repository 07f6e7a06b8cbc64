/** The module network of IEP-Ref: a module a program token, put together as each program says (Liu et al., CVPR 2019). */
import {
  add,
  concat,
  crossEntropy,
  type Device,
  gather,
  Module,
  reshape,
  Seeds,
  slice,
  split,
  type Tensor,
} from "../../engine/mod.ts";
import { BinaryBank, ResidualBank, Stem } from "./blocks.ts";
import type { Start } from "./initial.ts";
import { MaskHead } from "./mask_head.ts";
import { diceLoss, foreground, likelihood, overlap } from "./mask_loss.ts";
import { MaskReader } from "./mask_reader.ts";
import { type ProgramTokens, type ProgramTree } from "./program_tree.ts";
import { type Schedule, schedule } from "./schedule.ts";

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
  /** Height and width of the masks; default 320 × 320. */
  readonly size?: readonly [number, number];
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

/** A step of a program of a batch. */
interface NodePlace {
  readonly program: number;
  readonly node: number;
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

/** What the modules of a level see. */
interface Inputs {
  /** In three parts: for those with one input, and first and second ones for those with two. */
  readonly maps: Parts;
  /** What those with one input see beside it; null where modules pass on maps. */
  readonly likeness: Tensor | null;
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
  /** Null where modules pass on maps. */
  readonly #reader: MaskReader | null;
  /** Tokens whose modules are in each bank, in the order of its entries. */
  readonly banks: { readonly unary: readonly string[]; readonly binary: readonly string[] };

  /** Builds it with random weights. Throws {@link RangeError} where masks are no whole number of pixels a cell. */
  constructor(device: Device, options: ExecutionEngineOptions) {
    super(device);
    const { tokens, features, dim = 128, stemLayers = 2, size = [320, 320], start = "reference", seed } = options;
    const seeds = new Seeds(seed), { dilations = [1, 1], passes = "maps", grid } = options;
    this.#size = size;
    this.#chunk = options.headChunk ?? Math.max(1, Math.floor(BINDING / (4 * dim * size[0] * size[1])));
    this.#scene = tokens.scene;
    this.#stem = this.child("stem", new Stem(device, features, dim, stemLayers, seeds, start));
    const [unary, binary] = [false, true].map((two) => tokens.names.filter((_, i) => tokens.arities[i] > 1 === two));
    this.banks = { unary, binary };
    this.#entries = tokens.names.map((name, i) => (tokens.arities[i] > 1 ? binary : unary).indexOf(name));
    this.#unary = this.child(
      "unary",
      new ResidualBank(device, unary.length, dim, seeds, start, {
        dilations,
        beside: passes === "masks" ? dim : 0,
      }),
    );
    this.#binary = this.child("binary", new BinaryBank(device, binary.length, dim, seeds, start));
    this.#head = this.child("classifier", new MaskHead(device, dim, size, seeds, start));
    this.#reader = passes === "maps"
      ? null
      : this.child("reader", new MaskReader(device, dim, cellOf(size, grid), seeds, start));
  }

  /** What modules pass on. */
  get passes(): Passes {
    return this.#reader ? "masks" : "maps";
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
      ? this.#lessons(features, programs, steps, taught.inputs)
      : mapsOf(this.#run(features, programs), steps);
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
    const stem = this.#stem.forward(features);
    // Nothing is marked on a scene, and nothing is like it.
    const scenes = this.#unary.forward(
      stem,
      new Array(stem.shape[0]).fill(this.#entries[this.#scene]),
      this.#reader && device.zeros(stem.shape),
    );
    const values = [scenes];
    let alive = scenes;
    for (const { rows, unary, binary, samples, carried } of plan.levels) {
      const given = gather(alive, device.tensor(rows)), counts = [unary.length, binary.length, binary.length];
      let inputs: Inputs, kept: Tensor | null;
      if (this.#reader) {
        const parts = new Parts(given, [samples.length + binary.length, carried]);
        const pictures = gather(stem, device.tensor(Int32Array.from([...samples, ...samples.slice(unary.length)])));
        inputs = this.#marked(pictures, this.#likely(parts.at(0)), counts);
        kept = carried > 0 ? parts.at(1) : null;
      } else {
        const parts = new Parts(given, [...counts, carried]);
        inputs = { maps: parts, likeness: null };
        kept = carried > 0 ? parts.at(3) : null;
      }
      const own = this.#modules(inputs, unary, binary);
      values.push(own);
      alive = kept ? joined([own, kept]) : own;
    }
    return { plan, values, answers: gather(alive, device.tensor(plan.answers)) };
  }

  #modules({ maps, likeness }: Inputs, unary: readonly number[], binary: readonly number[]): Tensor {
    const entries = (tokens: readonly number[]): number[] => tokens.map((token) => this.#entries[token]);
    const made: Tensor[] = [];
    if (unary.length > 0) made.push(this.#unary.forward(maps.at(0), entries(unary), likeness));
    if (binary.length > 0) made.push(this.#binary.forward(maps.at(1), maps.at(2), entries(binary)));
    return joined(made);
  }

  /** What modules see of pictures' maps with masks on them; `counts` of the three parts. */
  #marked(pictures: Tensor, masks: Tensor, counts: readonly number[]): Inputs {
    const reader = this.#reader!, maps = new Parts(reader.forward(pictures, masks), counts), [unary] = counts;
    if (unary === 0) return { maps, likeness: null };
    return { maps, likeness: reader.likeness(rows(pictures, 0, unary), rows(masks, 0, unary)) };
  }

  /** Maps of the answers' nodes, then of `steps`, each of which is given its true inputs: all at once. */
  #lessons(
    features: Tensor,
    programs: readonly ProgramTree[],
    steps: readonly NodePlace[],
    inputs: NonNullable<TaughtSteps["inputs"]>,
  ): Tensor {
    const { device } = this;
    if (!this.#reader) throw new RangeError("true inputs are masks, and these modules pass on maps");
    const nodes = [...programs.map((tree, program) => ({ program, node: tree.length - 1 })), ...steps];
    const tokenOf = (i: number): number => programs[nodes[i].program][nodes[i].node].token;
    const isBinary = (i: number): boolean => inputs[i].length > 1;
    const order = [...nodes.keys()].sort((a, b) =>
      Number(isBinary(a)) - Number(isBinary(b)) || tokenOf(a) - tokenOf(b) || a - b
    );
    const unary = order.filter((i) => !isBinary(i)), binary = order.filter(isBinary);
    const given = [...order.map((i) => inputs[i][0]), ...binary.map((i) => inputs[i][1])];
    const [height, width] = this.#size, pixels = height * width;
    const masks = new Float32Array(given.length * pixels);
    // A scene has no input, and an empty mask says as much.
    given.forEach((mask, i) => mask && masks.set(mask, i * pixels));
    const samples = Int32Array.from([...order, ...binary], (i) => nodes[i].program);
    const seen = this.#marked(
      gather(this.#stem.forward(features), device.tensor(samples)),
      device.tensor(masks, [given.length, height, width, 1]),
      [unary.length, binary.length, binary.length],
    );
    const maps = this.#modules(seen, unary.map(tokenOf), binary.map(tokenOf));
    const places = new Int32Array(order.length);
    order.forEach((i, at) => places[i] = at);
    return gather(maps, device.tensor(places));
  }

  /** How likely the pixels of maps [N, h, w, C] are foreground, [N, H, W, 1]. */
  #likely(maps: Tensor): Tensor {
    const pieces = this.#chunks(maps.shape[0]);
    if (pieces.length === 1) return likelihood(this.#head.forward(maps));
    return concat(pieces.map(([from, count]) => likelihood(this.#head.forward(rows(maps, from, count)))), 0);
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

/** Pixels of masks along each side of a cell. Throws {@link RangeError} where that is no whole number, or not one. */
function cellOf([height, width]: readonly [number, number], grid: readonly [number, number] | undefined): number {
  const cell = grid ? height / grid[0] : NaN;
  if (grid && Number.isInteger(cell) && cell * grid[1] === width) return cell;
  throw new RangeError(
    `masks of ${height} × ${width} cannot be passed on between maps of ${grid?.join(" × ") ?? "unknown size"}: ` +
      "they must be the same whole number of times as high and as wide",
  );
}

/** The answers' maps, then those of some steps. */
function mapsOf({ plan: { places }, values, answers: last }: Run, steps: readonly NodePlace[]): Tensor {
  if (steps.length === 0) return last;
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
  if (from === 0 && count === x.shape[0]) return x;
  return slice(x, [from, ...x.shape.slice(1).map(() => 0)], [count, ...x.shape.slice(1)]);
}
