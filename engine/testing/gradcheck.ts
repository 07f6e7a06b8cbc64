/**
 * Gradients held against differences of the function itself: (f(x + h) − f(x − h)) / 2h at three distances, the two nearest
 * extrapolated to h = 0 (Richardson). What they can tell is bounded by three things: how far they lie apart (curvature, and
 * kinks at a distance), how much the slopes on the two sides differ beyond what curvature explains (a kink close by), and
 * rounding, which is less the further apart they are. Of several such triples the one with the least bound is taken.
 */
import { ArgumentError, GradientError } from "../base/errors.ts";
import { described, expectFunction, expectOptions, expectSize } from "../base/given.ts";
import { expectTensors } from "../op.ts";
import { concat, mul, reshape, square, sub, sum } from "../ops/mod.ts";
import { formatShape, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** Options of {@link gradcheck}. */
export interface GradcheckOptions {
  /** Elements looked at in each input, drawn at random where it has more; default 64. */
  readonly elements?: number;
  /** Largest difference between gradient and differences, as a part of them; default 0.004. */
  readonly tolerance?: number;
  /** Decides which elements are drawn and how the outputs are weighed; default 1. */
  readonly seed?: number;
}

/** Counts of a {@link gradcheck} that found nothing wrong. */
export interface GradcheckReport {
  /** Elements whose gradient was held against differences. */
  readonly elements: number;
  /**
   * Differences good enough to tell a gradient that is off by 1 %, those of inputs moved as a whole among them; the others
   * lie at kinks, or round too much.
   */
  readonly decisive: number;
}

/** A function whose gradients are checked. */
export type Checked = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

/** Distances in units of the smallest. */
const DISTANCES = [1, 2, 4, 8, 16] as const;

/** Smallest distance at an element of size 1. */
const STEP = 2 ** -8;

/** Elements smaller or larger than these are moved as far as one of that size: functions vary over distances of about 1. */
const SMALLEST = 0.25, LARGEST = 1;

/** Smallest distance as a part of an element, that f32 resolves. */
const GRAIN = 2 ** -17;

/** Part of the differences up to which their own error leaves an element decisive. */
const DECISIVE = 0.001;

/** Rounding of the outputs, as a part of their joint norm: some four units in the last place. */
const ROUNDING = 2 ** -22;

/** Evaluations whose results wait in memory at once. */
const AT_ONCE = 48;

/**
 * Checks the gradients of `fn` for those of `inputs` that require one, at their present values, by central differences.
 * Where no element of an input can tell anything, as those of a mean over many, it is moved as a whole, along the signs of its
 * gradient. `fn` must give the same values when it is called again, and is called ten times for each element. Its outputs
 * are weighed at random and summed, so gradients of all of them take part.
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { Device, ops } from "@itera/itera/engine";
 * import { gradcheck } from "@itera/itera/testing";
 *
 * await using device = await Device.open();
 * using x = device.randn([3, 5], { seed: 1 });
 * using w = device.randn([5, 2], { seed: 2 });
 * x.requiresGrad = w.requiresGrad = true;
 * const { elements } = await gradcheck((x, w) => ops.tanh(x.matmul(w)), [x, w]);
 * strictEqual(elements, 3 * 5 + 5 * 2);
 * ```
 *
 * @throws {GradientError} naming the input and element that is furthest off, or where no element can tell.
 */
export async function gradcheck(
  fn: Checked,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): Promise<GradcheckReport> {
  expectFunction("gradcheck", "what is checked", fn);
  expectTensors("gradcheck", inputs);
  expectOptions("gradcheck", options, { elements: true, tolerance: true, seed: true });
  const { elements = 64, tolerance = 0.004, seed = 1 } = options;
  expectSize("gradcheck", "elements", elements);
  expectSize("gradcheck", "seed", seed, 0);
  if (!(typeof tolerance === "number" && tolerance > 0 && tolerance < 1)) {
    throw new ArgumentError(`gradcheck: the tolerance is a number between 0 and 1, not ${described(tolerance)}`);
  }
  const wanted = inputs.flatMap((input, i) => input.requiresGrad ? [i] : []);
  if (wanted.length === 0) throw new GradientError("gradcheck: no input requires a gradient; set requiresGrad on one");
  const values = await Promise.all(inputs.map((input) => input.data()));
  using weighed = new Weighed(fn, seed);
  const given = await gradientsOf(weighed, inputs, wanted);
  // All inputs at once: a device answers many questions as soon as one.
  const found = await Promise.all(wanted.map(async (i, place) => {
    const { shape } = inputs[i], gradient = given[place];
    const compared = (moves: readonly Move[]): Promise<Finding[]> =>
      compare(weighed, inputs, { i, values: values[i], gradient }, moves);
    const singles = await compared(
      drawn(gradient, elements, seed + i).map((element) => ({
        place: `at ${formatShape(placeOf(element, shape))}`,
        along: [element],
      })),
    );
    // Of a mean over many elements, one alone changes too little to tell anything.
    const moving = Array.from(gradient).flatMap((g, element) => g === 0 || !Number.isFinite(g) ? [] : [element]);
    if (moving.length <= 1 || singles.some(isDecisive)) return singles;
    return [...singles, ...await compared([{ place: "along its signs", along: moving }])];
  }));
  return judged(found.flat(), tolerance);
}

/** An input's gradient beside its differences, for each of some moves. */
async function compare(
  weighed: Weighed,
  inputs: readonly Tensor[],
  { i, values, gradient }: {
    readonly i: number;
    readonly values: Float32Array<ArrayBuffer>;
    readonly gradient: ArrayLike<number>;
  },
  moves: readonly Move[],
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (let first = 0; first < moves.length; first += AT_ONCE) {
    const some = moves.slice(first, first + AT_ONCE);
    const pairs = some.map(({ along }) => pairsOf(values, gradient, along));
    const { sides, norm } = await changesOf(weighed, inputs, i, pairs.flat());
    for (const [k, { place: where }] of some.entries()) {
      const slopes = pairs[k].map(({ span }, d) => sides[k * DISTANCES.length + d].map((change) => 2 * change / span));
      const [{ slope, span }] = pairs[k];
      found.push({ input: i, where, given: slope, ...estimate(slopes, ROUNDING * norm / span) });
    }
  }
  return found;
}

/** Elements that are moved together. */
interface Move {
  /** Words for them. */
  readonly place: string;
  readonly along: readonly number[];
}

/** An input's values moved to both sides. */
interface Pair {
  readonly above: Float32Array<ArrayBuffer>;
  readonly below: Float32Array<ArrayBuffer>;
  /** Distance between both, summed over elements, in the numbers that f32 has. */
  readonly span: number;
  /** Change of the function over that distance as the gradient says. */
  readonly slope: number;
}

/** A gradient as given and as differences say. */
interface Finding {
  readonly input: number;
  readonly where: string;
  readonly given: number;
  readonly expected: number;
  /** Bound on the error of what differences say. */
  readonly error: number;
}

function size({ given, expected }: Finding): number {
  return Math.max(Math.abs(given), Math.abs(expected));
}

/** True where differences are good enough to tell a gradient that is off by 1 %. */
function isDecisive(one: Finding): boolean {
  return one.error <= DECISIVE * size(one);
}

function judged(found: readonly Finding[], tolerance: number): GradcheckReport {
  const bound = (one: Finding): number => tolerance * size(one) + 3 * one.error;
  const excess = (one: Finding): number => {
    const off = Math.abs(one.given - one.expected);
    return Number.isFinite(off) ? off / (bound(one) || Number.MIN_VALUE) : Infinity;
  };
  const wrong = found.filter((one) => excess(one) > 1).sort((a, b) => excess(b) - excess(a));
  if (wrong.length > 0) {
    const { input, where, given, expected, error } = wrong[0];
    throw new GradientError(
      `gradcheck: the gradient of input ${input} ${where} is ${given}, differences say ${expected} ± ` +
        `${error.toPrecision(2)}; ${wrong.length} of ${found.length} are off`,
    );
  }
  for (const input of new Set(found.map((one) => one.input))) {
    const own = found.filter((one) => one.input === input);
    if (own.some(isDecisive) || own.every((one) => size(one) === 0)) continue;
    throw new GradientError(
      `gradcheck: no element of input ${input} can tell: differences round too much, or lie at kinks; try other values, ` +
        "about 1 in size",
    );
  }
  const decisive = found.filter(isDecisive).length;
  return { elements: found.filter(({ where }) => where.startsWith("at")).length, decisive };
}

/** Values moved by each distance, each element towards the sign of its gradient. */
function pairsOf(values: Float32Array<ArrayBuffer>, gradient: ArrayLike<number>, along: readonly number[]): Pair[] {
  return DISTANCES.map((distance) => {
    const above = values.slice(), below = values.slice();
    let span = 0, slope = 0;
    for (const element of along) {
      const value = values[element], size = Math.abs(value);
      const step = distance * Math.max(STEP * Math.min(LARGEST, Math.max(SMALLEST, size)), GRAIN * size);
      const sign = along.length > 1 && gradient[element] < 0 ? -1 : 1;
      above[element] = value + sign * step;
      below[element] = value - sign * step;
      const moved = above[element] - below[element];
      span += Math.abs(moved);
      slope += gradient[element] * moved;
    }
    return { above, below, span, slope: slope / span };
  });
}

/** The slope, and a bound on its error, from those above and below at each distance. */
function estimate(
  sides: readonly (readonly number[])[],
  rounding: number,
): { readonly expected: number; readonly error: number } {
  const slopes = sides.map(([above, below]) => (above + below) / 2),
    jumps = sides.map(([above, below]) => above - below);
  const tripled = slopes.slice(2).map((_, i) => {
    const three = slopes.slice(i, i + 3);
    // Curvature makes the jump grow with the distance; a kink close by makes one that stays.
    const kink = Math.abs(2 * jumps[i] - jumps[i + 1]);
    const spread = Math.max(...three) - Math.min(...three);
    return { expected: (4 * three[0] - three[1]) / 3, error: Math.max(spread, kink) + rounding / DISTANCES[i] };
  });
  return tripled.reduce((best, one) => one.error < best.error || Number.isNaN(best.error) ? one : best);
}

/** Outputs with the random numbers that weigh them, drawn once. */
class Weighed implements Disposable {
  readonly #fn: Checked;
  readonly #seed: number;
  readonly #weights: Tensor[] = [];

  constructor(fn: Checked, seed: number) {
    this.#fn = fn;
    this.#seed = seed;
  }

  /** Outputs of real numbers. */
  outputs(inputs: readonly Tensor[]): Tensor[] {
    const outputs = [this.#fn(...inputs)].flat();
    expectTensors("gradcheck: what fn gives", outputs);
    const real = (outputs as Tensor[]).filter(({ dtype }) => dtype === "f32");
    if (real.length === 0) throw new GradientError("gradcheck: fn gives no tensor of real numbers");
    return real;
  }

  /** Σ weight · y over all elements of all outputs `ys`. */
  sum(ys: readonly Tensor[]): Tensor {
    const parts = ys.map((y, k) => {
      const options = { seed: this.#seed, step: k, low: 0.5, high: 1.5 };
      this.#weights[k] ??= y.device.uniform(y.shape, options).unscoped();
      return sum(mul(y, this.#weights[k]));
    });
    return parts.reduce((a, b) => a.add(b));
  }

  [Symbol.dispose](): void {
    for (const weights of this.#weights) weights?.dispose();
  }
}

async function gradientsOf(
  weighed: Weighed,
  inputs: readonly Tensor[],
  wanted: readonly number[],
): Promise<readonly ArrayLike<number>[]> {
  const { device } = inputs[0];
  const grads: Tensor[] = [];
  {
    using scope = device.scope();
    const leaves = inputs.map((input) => input.detach());
    for (const i of wanted) leaves[i].requiresGrad = true;
    const ys = weighed.outputs(leaves);
    if (ys.some((y) => y.requiresGrad)) weighed.sum(ys).backward();
    for (const i of wanted) grads.push(scope.keep(leaves[i].grad?.detach() ?? device.zeros(leaves[i].shape)));
  }
  const read = await Promise.all(grads.map((grad) => grad.data()));
  for (const grad of grads) grad.dispose();
  return read;
}

/**
 * Changes of the weighed sum from the given values of input `i` to those above, and from those below to the given, for each
 * pair; and the norm of the outputs.
 */
async function changesOf(
  weighed: Weighed,
  inputs: readonly Tensor[],
  i: number,
  pairs: readonly Pair[],
): Promise<{ readonly sides: readonly (readonly number[])[]; readonly norm: number }> {
  const { device, shape } = inputs[i];
  let all: Tensor;
  {
    using scope = device.scope();
    const results = device.noGrad(() => {
      const middle = weighed.outputs(inputs);
      // Differences first, then the sum: what an element does not touch is the same twice and leaves no rounding behind.
      const change = (ys: readonly Tensor[], sign: number): Tensor => {
        return reshape(weighed.sum(ys.map((y, k) => mul(sub(y, middle[k]), sign))), [1]);
      };
      const norm = middle.map((y) => sum(square(y))).reduce((a, b) => a.add(b)).sqrt();
      const changes = pairs.flatMap(({ above, below }) => {
        using inner = device.scope();
        const at = (values: Float32Array<ArrayBuffer>): Tensor[] =>
          weighed.outputs(inputs.with(i, device.tensor(values, shape)));
        return [change(at(above), 1), change(at(below), -1)].map((result) => inner.keep(result));
      });
      return [reshape(norm, [1]), ...changes];
    });
    all = scope.keep(concat(results, 0));
  }
  try {
    const [norm, ...changes] = await all.data();
    return { norm, sides: pairs.map((_, k) => [changes[2 * k], changes[2 * k + 1]]) };
  } finally {
    all.dispose();
  }
}

/** `count` elements, in order: all of them, or those with the largest gradients and as many at random. */
function drawn(gradient: ArrayLike<number>, count: number, seed: number): number[] {
  const all = Array.from({ length: gradient.length }, (_, element) => element);
  if (all.length <= count) return all;
  const largest = all.toSorted((a, b) => Math.abs(gradient[b]) - Math.abs(gradient[a])).slice(0, Math.ceil(count / 2));
  // Multiplying by an odd number and looking at the high bits spreads them well enough.
  const key = (element: number): number => Math.imul(element + seed * 7919, 0x9e3779b1) >>> 0;
  const others = all.filter((element) => !largest.includes(element)).sort((a, b) => key(a) - key(b));
  return [...largest, ...others.slice(0, count - largest.length)].sort((a, b) => a - b);
}

function placeOf(element: number, shape: Shape): number[] {
  const place: number[] = [];
  for (let rest = element, axis = shape.length - 1; axis >= 0; axis--) {
    place.unshift(rest % shape[axis]);
    rest = Math.floor(rest / shape[axis]);
  }
  return place;
}
