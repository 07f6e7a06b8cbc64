/** First values of parameters: initialisers, and the seeds they start from. */
import { ArgumentError } from "../base/errors.ts";
import { described, expectFinite } from "../base/given.ts";
import type { Device } from "../device.ts";
import { isDevice } from "../friends.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** Makes the first value of a parameter. `seed` differs for every parameter of a module tree. */
export type Initialiser = (device: Device, shape: Shape, seed: number) => Tensor;

/** {@link Initialiser}, by its American spelling. */
export type Initializer = Initialiser;

/** The device, which is one; an initialiser given in place of a function that makes one shows by it. */
function expectDevice(name: string, device: Device): Device {
  if (isDevice(device)) return device;
  throw new ArgumentError(`init.${name}: the device is an open Device, not ${described(device)}`);
}

/**
 * Initialisers by name.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, nn } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using ones = nn.init.ones(device, [2], 0), small = nn.init.uniform(0.1)(device, [100], 7);
 * deepStrictEqual([...await ones.data()], [1, 1]);
 * deepStrictEqual((await small.data()).some((v) => Math.abs(v) > 0.1), false);
 * ```
 */
export const init: {
  readonly zeros: Initialiser;
  readonly ones: Initialiser;
  readonly normal: (std: number) => Initialiser;
  readonly uniform: (bound: number) => Initialiser;
  readonly heNormal: Initialiser;
  readonly heTruncated: Initialiser;
  readonly heTruncatedOf: (fanIn: number) => Initialiser;
} = {
  /** All 0. */
  zeros: (device, shape) => expectDevice("zeros", device).zeros(shape),
  /** All 1. */
  ones: (device, shape) => expectDevice("ones", device).ones(shape),
  /** Normal with mean 0, not truncated. */
  normal: (std) => {
    expectFinite("init.normal", "std", std, { least: 0 });
    return (device, shape, seed) => expectDevice("normal", device).randn(shape, { seed, std });
  },
  /** Uniform in [−bound, bound). */
  uniform: (bound) => {
    expectFinite("init.uniform", "bound", bound, { least: 0 });
    return (device, shape, seed) => expectDevice("uniform", device).uniform(shape, { seed, low: -bound, high: bound });
  },
  /** Normal with variance 2 / fan-in (He et al., 2015); fan-in is all extents but the last. */
  heNormal: (device, shape, seed) =>
    expectDevice("heNormal", device).randn(shape, { seed, std: Math.sqrt(2 / sizeOf(shape.slice(0, -1))) }),
  /** He normal cut at two standard deviations, widened by √1.3 to keep its variance (TensorFlow's variance scaling). */
  heTruncated: (device, shape, seed) => {
    expectDevice("heTruncated", device);
    return init.heTruncatedOf(sizeOf(shape.slice(0, -1)))(device, shape, seed);
  },
  /** The same with the fan-in given, for a block of a larger weight. */
  heTruncatedOf: (fanIn) => {
    expectFinite("init.heTruncatedOf", "the fan-in", fanIn, { least: 0 });
    const std = Math.sqrt(1.3 * 2 / fanIn);
    return (device, shape, seed) => expectDevice("heTruncatedOf", device).randn(shape, { seed, std, truncated: true });
  },
};

/** Uniform in ±1/√hidden, as PyTorch starts recurrent cells. */
export const recurrentInit = (hidden: number): Initialiser => init.uniform(1 / Math.sqrt(hidden));

/**
 * Distinct seeds for the parameters of a model, counted up from one.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { nn } from "@itera/itera/engine";
 *
 * const seeds = new nn.Seeds(1);
 * deepStrictEqual([seeds.next(), seeds.next()], [65536, 65537]);
 * ```
 */
export class Seeds {
  #next: number;
  /** Seeds `first`, `first + 1`, … */
  constructor(first: number) {
    if (!Number.isSafeInteger(first)) {
      throw new ArgumentError(`Seeds: the first is a whole number, not ${described(first)}`);
    }
    this.#next = first * 65536;
  }
  /** The next seed. */
  next(): number {
    return this.#next++ >>> 0;
  }
}

/**
 * Seeds of a layer's parameters. The layers of a model take turns at one `seeds`; a `seed` is for a layer that stands
 * alone: two of one seed and one shape begin alike.
 */
export type Seeded =
  | { readonly seeds: Seeds; readonly seed?: never }
  | { readonly seed: number; readonly seeds?: never };

/** The seeds given, or those that begin at the seed given. */
export function seedsOf({ seeds, seed }: Seeded): Seeds {
  if (seeds === undefined && !Number.isInteger(seed)) {
    throw new ArgumentError(
      `a layer begins from seeds, or from a seed of its own (a whole number), not ${described(seed)}`,
    );
  }
  if (seeds !== undefined && !(seeds instanceof Seeds)) {
    throw new ArgumentError(`a layer's seeds are new Seeds(n), not ${described(seeds)}`);
  }
  return seeds ?? new Seeds(seed);
}
