/**
 * Counter-based random numbers for data: integers only, so the same (seed, path) gives the same stream on every machine,
 * and any stream can be had without drawing those before it. Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror and Shaw,
 * "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 */

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** One Threefry-2x32-20 block: the counter (c0, c1) under the key (k0, k1), as two unsigned 32-bit words. */
export function threefry(k0: number, k1: number, c0: number, c1: number): readonly [number, number] {
  const keys = [k0 | 0, k1 | 0, 0x1bd11bda ^ k0 ^ k1];
  let x0 = (c0 + keys[0]) | 0, x1 = (c1 + keys[1]) | 0;
  for (let round = 0; round < 20; round++) {
    const bits = ROTATIONS[round & 7];
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << bits) | (x1 >>> (32 - bits))) ^ x0;
    if ((round & 3) === 3) {
      const injection = (round + 1) >> 2;
      x0 = (x0 + keys[injection % 3]) | 0;
      x1 = (x1 + keys[(injection + 1) % 3] + injection) | 0;
    }
  }
  return [x0 >>> 0, x1 >>> 0];
}

/** A fast avalanche of one 32-bit word (two multiplications): enough for pixel noise, not for drawing classes. */
export function scramble(word: number): number {
  let x = word | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/** One stream of random numbers, named by a seed and a path of integers (a split, an index, a purpose). */
export class RandomStream {
  readonly #k0: number;
  readonly #k1: number;
  #counter = 0;
  #spare = -1;

  /** Opens the stream `path` of `seed`; all are taken modulo 2^32 and different paths give unrelated streams. */
  constructor(seed: number, ...path: readonly number[]) {
    let key: readonly [number, number] = [seed >>> 0, path.length];
    for (const part of path) key = threefry(key[0], key[1], part >>> 0, 0x17e2a);
    [this.#k0, this.#k1] = key;
  }

  /** The next unsigned 32-bit integer. */
  bits(): number {
    if (this.#spare >= 0) {
      const spare = this.#spare;
      this.#spare = -1;
      return spare;
    }
    const [first, second] = threefry(this.#k0, this.#k1, this.#counter++, 0);
    this.#spare = second;
    return first;
  }

  /** The next real in [0, 1), a multiple of 2^-32. */
  unit(): number {
    return this.bits() / 2 ** 32;
  }

  /** The next integer in [low, high], both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  /** The next index of a table of weights that sum to `total`. */
  pick(weights: ArrayLike<number>, total = 1): number {
    let left = this.unit() * total;
    let last = 0;
    for (let i = 0; i < weights.length; i++) {
      if (weights[i] <= 0) continue;
      last = i;
      left -= weights[i];
      if (left < 0) return i;
    }
    return last;
  }

  /** A random order of 0..length-1 (Fisher and Yates). */
  permutation(length: number): Int32Array<ArrayBuffer> {
    const order = Int32Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const j = this.integer(0, i);
      const kept = order[i];
      order[i] = order[j];
      order[j] = kept;
    }
    return order;
  }
}
