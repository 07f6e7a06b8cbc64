/** Changes that fit any file: bits, cuts, blocks, and numbers where counts and lengths may stand. */
import type { Random } from "../../support/random.ts";
import { INTEGERS } from "./hostile.ts";
import { type Bytes, joined, type Mutator, pick } from "./mutator.ts";

/** Some bits, near each other or not. */
export const bits: Mutator = {
  kind: "bits",
  apply: (bytes, random) => {
    const out = bytes.slice();
    for (let n = random.integer(0, 3) === 0 ? random.integer(2, 9) : 1; n > 0 && out.length > 0; n--) {
      out[random.integer(0, out.length)] ^= 1 << random.integer(0, 8);
    }
    return out;
  },
};

/** A place and a length, mostly short. */
function span(random: Random, length: number): readonly [from: number, to: number] {
  const from = random.integer(0, length + 1), most = length - from;
  const size = random() < 0.6 ? random.integer(0, Math.min(most, 16) + 1) : random.integer(0, most + 1);
  return [from, from + size];
}

/** The end cut off, or a piece taken out. */
export const cuts: Mutator = {
  kind: "cuts",
  apply: (bytes, random) => {
    const [from, to] = span(random, bytes.length);
    return random() < 0.5 ? bytes.slice(0, from) : joined(bytes.subarray(0, from), bytes.subarray(to));
  },
};

/** A block twice, elsewhere, or filled with one byte or with anything. */
export const blocks: Mutator = {
  kind: "blocks",
  apply: (bytes, random) => {
    const [from, to] = span(random, bytes.length), block = bytes.slice(from, to);
    const made = pick(random, [
      () => block,
      () => block.fill(pick(random, [0, 0xff, 0x20, 0x0a])),
      () => Uint8Array.from(random.integers(block.length, 0, 256)),
    ])();
    const at = random() < 0.5 ? from : random.integer(0, bytes.length + 1), over = random() < 0.5;
    return joined(bytes.subarray(0, at), made, bytes.subarray(over ? Math.min(bytes.length, at + made.length) : at));
  },
};

/** A number of 1, 2, 4 or 8 bytes where one may stand, of either order. */
export const counts: Mutator = {
  kind: "counts",
  apply: (bytes, random) => {
    const size = pick(random, [1, 2, 4, 8]);
    if (bytes.length < size) return cuts.apply(bytes, random);
    const out = bytes.slice(), view = new DataView(out.buffer);
    const aligned = random() < 0.5 ? size : 1;
    const at = aligned * random.integer(0, Math.floor((out.length - size) / aligned) + 1);
    const little = random() < 0.7;
    const before = read(view, at, size, little);
    const value = pick(random, [
      () => pick(random, INTEGERS),
      () => before + BigInt(random.integer(-2, 3)),
      () => before * 2n,
      () => BigInt(out.length + random.integer(-9, 10)),
    ])();
    for (let i = 0; i < size; i++) {
      out[at + (little ? i : size - 1 - i)] = Number(BigInt.asUintN(64, value) >> BigInt(8 * i) & 255n);
    }
    return out;
  },
};

function read(view: DataView, at: number, size: number, little: boolean): bigint {
  let value = 0n;
  for (let i = 0; i < size; i++) value |= BigInt(view.getUint8(at + (little ? i : size - 1 - i))) << BigInt(8 * i);
  return value;
}

/** All of them. */
export const BINARY: readonly Mutator[] = [bits, cuts, blocks, counts];

/** A part of a file changed, the rest as it was. */
export function within(bytes: Bytes, from: number, to: number, mutator: Mutator, random: Random): Bytes {
  return joined(bytes.subarray(0, from), mutator.apply(bytes.slice(from, to), random), bytes.subarray(to));
}
