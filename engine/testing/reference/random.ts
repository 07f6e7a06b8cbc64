/** References of random numbers: the generator, whose bits are exact, and the numbers that are made of them. */
import * as ad from "../float64/autodiff64.ts";
import { boundOf, UNCERTAIN } from "../float64/tape64.ts";
import type { Bounded } from "./optim.ts";

/** Rotations of Threefry-2x32 (Salmon et al., 2011), a row every four rounds. */
const ROTATIONS = [[13, 15, 26, 6], [17, 29, 16, 24]] as const;

/** Threefry-2x32 with 20 rounds: two words for a key and a counter. */
export function threefry(key: readonly [number, number], counter: readonly [number, number]): [number, number] {
  const keys = [key[0], key[1], key[0] ^ key[1] ^ 0x1bd11bda];
  let [a, b] = [counter[0] + keys[0] | 0, counter[1] + keys[1] | 0];
  for (let round = 0; round < 20; round++) {
    const rotation = ROTATIONS[(round >> 2) & 1][round & 3];
    a = a + b | 0;
    b = (b << rotation | b >>> 32 - rotation) ^ a;
    if ((round & 3) !== 3) continue;
    const injected = (round + 1) >> 2;
    a = a + keys[injected % 3] | 0;
    b = b + keys[(injected + 1) % 3] + injected | 0;
  }
  return [a >>> 0, b >>> 0];
}

/** A draw: the key, and the mean and spread of normal numbers, or the least and the width of uniform ones. */
export interface Draw {
  readonly seed: number;
  readonly step: number;
  readonly base: number;
  readonly spread: number;
}

/** In [0, 1), of 24 bits. */
function unit(bits: number): number {
  return Math.floor(bits / 256) / 2 ** 24;
}

function spreadOut({ base, spread }: Draw, x: ad.Node): Bounded {
  const y = ad.add(ad.constant(base), ad.mul(ad.constant(spread), x));
  return { value: ad.valueOf(y), bound: boundOf(y) };
}

/** Uniform number `i` of a draw. */
export function uniformNumber(draw: Draw, i: number): Bounded {
  ad.resetTape();
  return spreadOut(draw, ad.input(unit(threefry([draw.seed, draw.step], [i, 0])[0])));
}

/** Error of WGSL's cosine, in units of eps32: 2^-11 whatever its result. */
const COSINE = 2 ** 12;

/** A standard normal number by Box and Muller. */
function normal({ seed, step }: Draw, i: number, stream: number): ad.Node {
  const [first, second] = threefry([seed, step], [i, stream]), angle = 2 * Math.PI * unit(second);
  const radius = ad.sqrt(ad.mul(ad.constant(-2), ad.log(ad.input(1 - unit(first)))));
  return ad.mul(radius, ad.smooth(ad.constant(angle), Math.cos(angle), COSINE, -Math.sin(angle), 1, COSINE));
}

/** Normal number `i` of a draw. */
export function normalNumber(draw: Draw, i: number): Bounded {
  ad.resetTape();
  return spreadOut(draw, normal(draw, i, 1));
}

/** The same, drawn again while it is more than two spreads from the mean. */
export function truncatedNumber(draw: Draw, i: number): Bounded {
  ad.resetTape();
  for (let again = 0; again < 16; again++) {
    const n = normal(draw, i, 2 + again), beyond = Math.abs(ad.valueOf(n)) - 2;
    // Rounding decides whether another is drawn.
    if (Math.abs(beyond) < 2 ** -22 * boundOf(n)) return { value: draw.base, bound: UNCERTAIN };
    if (beyond < 0) return spreadOut(draw, n);
  }
  throw new Error("sixteen numbers in a row beyond two spreads");
}
