/** Runs programs through an execution engine's modules: level by level, or each node on its ground-truth inputs. */
import { concat, type Device, gather, slice, split, type Tensor } from "../../../engine/mod.ts";
import type { BinaryBank, ResidualBank, Stem } from "./blocks.ts";
import type { MaskHead } from "./mask_head.ts";
import { probability } from "./mask_loss.ts";
import type { AttentionReader } from "./attention_reader.ts";
import type { ProgramTree } from "./program_tree.ts";
import { type Schedule, schedule } from "./schedule.ts";

/** A node of a program of a batch. */
export interface NodePlace {
  /** Number of the program in its batch. */
  readonly program: number;
  /** Number of the node in its program. */
  readonly node: number;
}

/** The modules that programs are composed of, with the sizes they work at. */
export interface Modules {
  readonly stem: Stem;
  readonly unary: ResidualBank;
  readonly binary: BinaryBank;
  readonly head: MaskHead;
  /** Null where modules pass features. */
  readonly reader: AttentionReader | null;
  /** Place of each token's module in its bank. */
  readonly entries: readonly number[];
  /** Token of `scene`. */
  readonly scene: number;
  /** Height and width of the masks. */
  readonly size: readonly [number, number];
  /** Full-size masks processed at once. */
  readonly chunk: number;
}

/** Feature maps of a batch's nodes, level by level. */
export interface Run {
  readonly plan: Schedule;
  /** Those of the scenes, then of each level, [n, h, w, C]. */
  readonly values: readonly Tensor[];
  /** The answers, [N, h, w, C]. */
  readonly answers: Tensor;
}

/** Inputs of a level's modules. */
interface Inputs {
  /** In three parts: those of unary modules, then the first and the second ones of binary modules. */
  readonly maps: Parts;
  /** Further channels of unary modules' inputs; null where modules pass features. */
  readonly similarity: Tensor | null;
}

/** Runs programs; the caller's scope owns the results. */
export class ProgramRunner {
  readonly #device: Device;
  readonly #modules: Modules;

  constructor(device: Device, modules: Modules) {
    this.#device = device;
    this.#modules = modules;
  }

  /** Runs one program for each image, features [N, h, w, C]. */
  run(features: Tensor, programs: readonly ProgramTree[]): Run {
    const { stem, unary: bank, reader, entries, scene } = this.#modules;
    const plan = schedule(programs);
    const pictures = stem.forward(features);
    // A scene has no attention and no similarity.
    const scenes = bank.forward(
      pictures,
      new Array(pictures.shape[0]).fill(entries[scene]),
      reader && this.#device.zeros(pictures.shape),
    );
    const values = [scenes];
    let alive = scenes;
    for (const { rows, unary, binary, samples, carried } of plan.levels) {
      const given = gather(alive, this.#places(rows)), counts = [unary.length, binary.length, binary.length];
      // One call of the head reads the attention off all inputs.
      const parts = new Parts(given, reader ? [samples.length + binary.length, carried] : [...counts, carried]);
      const inputs = reader
        ? this.#attended(
          gather(pictures, this.#places([...samples, ...samples.slice(unary.length)])),
          (from, count) => probability(this.#modules.head.forward(rowsOf(parts.at(0), from, count))),
          counts,
        )
        : { maps: parts, similarity: null };
      const made = this.#level(inputs, unary, binary);
      values.push(made);
      alive = carried > 0 ? joined([made, parts.last]) : made;
    }
    return { plan, values, answers: gather(alive, this.#places(plan.answers)) };
  }

  /**
   * Feature maps of the answers' nodes, then of `inner` ones, each computed from its ground-truth `inputs` (masks of 0 and 1,
   * [H · W]), all in one level.
   */
  teacherForced(
    features: Tensor,
    programs: readonly ProgramTree[],
    inner: readonly NodePlace[],
    inputs: readonly (readonly Uint8Array[])[],
  ): Tensor {
    const { stem, reader, size: [height, width] } = this.#modules;
    if (!reader) throw new RangeError("ground-truth inputs are masks, and these modules pass features");
    const nodes = [...programs.map((tree, program) => ({ program, node: tree.length - 1 })), ...inner];
    const tokenOf = (i: number): number => programs[nodes[i].program][nodes[i].node].token;
    const isBinary = (i: number): boolean => inputs[i].length > 1;
    const order = [...nodes.keys()].sort((a, b) =>
      Number(isBinary(a)) - Number(isBinary(b)) || tokenOf(a) - tokenOf(b) || a - b
    );
    const unary = order.filter((i) => !isBinary(i)), binary = order.filter(isBinary);
    const given = [...order.map((i) => inputs[i][0]), ...binary.map((i) => inputs[i][1])];
    const pixels = height * width;
    const masks = (from: number, count: number): Tensor => {
      const data = new Float32Array(count * pixels);
      // A scene has no input: its mask stays empty.
      given.slice(from, from + count).forEach((mask, i) => mask && data.set(mask, i * pixels));
      return this.#device.tensor(data, [count, height, width, 1]);
    };
    const pictures = gather(stem.forward(features), this.#places([...order, ...binary].map((i) => nodes[i].program)));
    const attended = this.#attended(pictures, masks, [unary.length, binary.length, binary.length]);
    const maps = this.#level(attended, unary.map(tokenOf), binary.map(tokenOf));
    const places = new Int32Array(order.length);
    order.forEach((i, at) => places[i] = at);
    return gather(maps, this.#places(places));
  }

  /** First sample and number of samples of each piece, where `count` full-size masks are processed in pieces. */
  pieces(count: number): (readonly [number, number])[] {
    const { chunk } = this.#modules;
    return Array.from({ length: Math.ceil(count / chunk) }, (_, i) => {
      const from = i * chunk;
      return [from, Math.min(chunk, count - from)] as const;
    });
  }

  /** Runs modules, named by their tokens, on their inputs. */
  #level({ maps, similarity }: Inputs, unary: readonly number[], binary: readonly number[]): Tensor {
    const entries = (tokens: readonly number[]): number[] => tokens.map((token) => this.#modules.entries[token]);
    const made: Tensor[] = [];
    if (unary.length > 0) made.push(this.#modules.unary.forward(maps.at(0), entries(unary), similarity));
    if (binary.length > 0) made.push(this.#modules.binary.forward(maps.at(1), maps.at(2), entries(binary)));
    return joined(made);
  }

  /** Modules' inputs: pictures' features under attention, made a few at a time; `counts` of the three parts. */
  #attended(pictures: Tensor, attention: (from: number, count: number) => Tensor, counts: readonly number[]): Inputs {
    const reader = this.#modules.reader!, [unary] = counts;
    const maps: Tensor[] = [], similarity: Tensor[] = [];
    for (const [from, count] of this.pieces(pictures.shape[0])) {
      const some = rowsOf(pictures, from, count), given = attention(from, count);
      maps.push(reader.forward(some, given));
      const alone = Math.min(count, unary - from);
      if (alone > 0) similarity.push(reader.similarity(rowsOf(some, 0, alone), rowsOf(given, 0, alone)));
    }
    return { maps: new Parts(joined(maps), counts), similarity: similarity.length > 0 ? joined(similarity) : null };
  }

  #places(rows: ArrayLike<number>): Tensor {
    return this.#device.tensor(Int32Array.from(rows));
  }
}

/** Feature maps of the answers' nodes, then of `inner` ones. */
export function mapsOf({ plan: { places }, values, answers: last }: Run, inner: readonly NodePlace[]): Tensor {
  if (inner.length === 0) return last;
  const before = [0];
  for (const { shape } of values) before.push(before.at(-1)! + shape[0]);
  const answers = places.map((nodes, program) => ({ program, node: nodes.length - 1 }));
  const wanted = Int32Array.from([...answers, ...inner], ({ program, node }) => {
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

  /** The last part that is not empty. */
  get last(): Tensor {
    return this.#parts.at(-1)!;
  }
}

function joined(parts: readonly Tensor[]): Tensor {
  return parts.length === 1 ? parts[0] : concat(parts, 0);
}

/** `count` rows of x, [n, …], from `from` on. */
export function rowsOf(x: Tensor, from: number, count: number): Tensor {
  if (from === 0 && count === x.shape[0]) return x;
  return slice(x, [from, ...x.shape.slice(1).map(() => 0)], [count, ...x.shape.slice(1)]);
}
