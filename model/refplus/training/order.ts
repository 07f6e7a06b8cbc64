/** Order of the training expressions: a pure function of the seed and the update's number. */
import { RandomStream } from "../../../engine/base/random.ts";

/** Composition of batches. */
export interface OrderOptions {
  readonly seed: number;
  readonly batch: number;
  readonly shuffle: boolean;
  /** Batches of expressions of similar length. */
  readonly likeLengths: boolean;
  /** Before update `until`, only programs of at most `longest` nodes; ascending. */
  readonly curriculum: readonly { readonly until: number; readonly longest: number }[];
}

/** Lengths of an expression. */
export interface Lengths {
  readonly words: number;
  /** Nodes of its program. */
  readonly nodes: number;
}

/** Batches that are sorted by length together. */
const TOGETHER = 16;

/** Streams of random numbers that shuffle expressions and reorder batches. */
const [SHUFFLE, REORDER] = [0x0bde4, 0x0bde5];

/** Part of a run that uses the same expressions throughout. */
interface Phase {
  readonly from: number;
  readonly members: Int32Array;
}

/** Batches of a run. Each expression comes once an epoch; the last batch of one may be smaller. */
export class BatchOrder {
  readonly #options: OrderOptions;
  readonly #lengths: readonly Lengths[];
  readonly #phases: readonly Phase[];
  #epoch: { readonly key: string; readonly batches: readonly (readonly number[])[] } | undefined;

  /** Batches of expressions 0, 1, … with `lengths`. Throws {@link RangeError} where a part of the curriculum has none. */
  constructor(lengths: readonly Lengths[], options: OrderOptions) {
    this.#lengths = lengths;
    this.#options = options;
    let from = 0;
    this.#phases = [...options.curriculum, { until: Infinity, longest: Infinity }].map(({ until, longest }) => {
      const members = Int32Array.from(lengths.keys()).filter((i) => lengths[i].nodes <= longest);
      if (members.length === 0) throw new RangeError(`no program has at most ${longest} nodes`);
      const phase = { from, members };
      from = until;
      return phase;
    });
  }

  /** The expressions of update `step`, counted from 0. */
  batch(step: number): readonly number[] {
    const number = this.#phases.findLastIndex(({ from }) => from <= step);
    const { from, members } = this.#phases[number];
    const batches = Math.ceil(members.length / this.#options.batch);
    const epoch = Math.floor((step - from) / batches);
    const key = `${number} ${epoch}`;
    if (this.#epoch?.key !== key) this.#epoch = { key, batches: this.#batches(members, number, epoch) };
    return this.#epoch.batches[(step - from) % batches];
  }

  #batches(members: Int32Array, phase: number, epoch: number): readonly (readonly number[])[] {
    const { seed, batch, shuffle, likeLengths } = this.#options;
    const order = shuffle
      ? Array.from(new RandomStream(seed, SHUFFLE, phase, epoch).permutation(members.length), (i) => members[i])
      : [...members];
    if (likeLengths) {
      for (let at = 0; at < order.length; at += TOGETHER * batch) {
        const part = order.slice(at, at + TOGETHER * batch);
        part.sort((a, b) => this.#lengths[a].words - this.#lengths[b].words || a - b);
        order.splice(at, part.length, ...part);
      }
    }
    const batches = Array.from(
      { length: Math.ceil(order.length / batch) },
      (_, i) => order.slice(i * batch, (i + 1) * batch),
    );
    if (!likeLengths || !shuffle) return batches;
    const turns = new RandomStream(seed, REORDER, phase, epoch).permutation(batches.length);
    return Array.from(turns, (i) => batches[i]);
  }
}
