/** References of elementwise ops. */
import * as ad from "../float64/autodiff64.ts";
import {
  broadcast,
  indicesOf,
  IntArray,
  NDArray64,
  optionalReal,
  real,
  type Ref,
  unbroadcast,
  whole,
  wrapped,
} from "../float64/ndarray64.ts";
import { cos, erf, sin } from "../float64/special64.ts";
import { number, numbers, word } from "./attrs.ts";
import type { Family, Reference } from "./family.ts";

/** A function of reals, and of integers where there is one: it may leave their range, in which the result then wraps. */
function map(f: (x: ad.Node) => ad.Node, ofWhole?: (x: bigint) => bigint): Reference {
  return ([x]) => {
    if (x instanceof IntArray && ofWhole) {
      return [new IntArray(x.shape, wrapped(x, Array.from(x.data, (v) => ofWhole(BigInt(v)))))];
    }
    const a = real(x, "x");
    return [new NDArray64(a.shape, Int32Array.from(a.nodes, f))];
  };
}

/** Pairs of elements that broadcasting brings together. */
function* pairs<T>(
  a: { readonly shape: readonly number[]; at(...index: number[]): T },
  b: { readonly shape: readonly number[]; at(...index: number[]): T },
): Generator<readonly [T, T]> {
  for (const i of indicesOf(broadcast(a.shape, b.shape))) {
    yield [a.at(...unbroadcast(a.shape, i)), b.at(...unbroadcast(b.shape, i))];
  }
}

function zip(
  f: (a: ad.Node, b: ad.Node) => ad.Node,
  ofWhole?: (a: bigint, b: bigint) => bigint,
): Reference {
  return ([x, y]) => {
    if (x instanceof IntArray && y instanceof IntArray && ofWhole) {
      const values = [...pairs(x, y)].map(([p, q]) => ofWhole(BigInt(p), BigInt(q)));
      return [new IntArray(broadcast(x.shape, y.shape), wrapped(x, values))];
    }
    const a = real(x, "a"), b = real(y, "b");
    return [new NDArray64(broadcast(a.shape, b.shape), Int32Array.from([...pairs(a, b)], ([p, q]) => f(p, q)))];
  };
}

/** Elements as plain numbers. */
function plain(x: Ref | null | undefined) {
  if (x instanceof IntArray) return x;
  const a = real(x, "operand");
  return { shape: a.shape, at: (...index: number[]) => ad.valueOf(a.at(...index)) };
}

function compare(f: (a: number, b: number) => boolean): Reference {
  return ([x, y]) => {
    const a = plain(x), b = plain(y);
    return [new IntArray(broadcast(a.shape, b.shape), Uint32Array.from([...pairs(a, b)], ([p, q]) => f(p, q) ? 1 : 0))];
  };
}

/** a / b rounded down; 0 for b = 0. */
function floorDiv(a: bigint, b: bigint): bigint {
  if (b === 0n) return 0n;
  return a / b - (a % b !== 0n && (a < 0n) !== (b < 0n) ? 1n : 0n);
}

const larger = (a: bigint, b: bigint): bigint => a > b ? a : b;
const smaller = (a: bigint, b: bigint): bigint => a < b ? a : b;

/** Remainder of two float64 numbers with the sign of the divisor, exact but for one rounding where that is added. */
function remainder(a: number, b: number): { readonly value: number; readonly error: number } {
  const rest = a % b;
  const short = rest !== 0 && (rest < 0) !== (b < 0);
  return short ? { value: rest + b, error: Math.abs(rest + b) } : { value: rest, error: 0 };
}

/** a / b rounded down. A quotient below 2^20 cannot round to another whole number; larger ones round a few times. */
function floorOf(a: number, b: number): { readonly value: number; readonly error: number } {
  const rest = a % b, short = rest !== 0 && (rest < 0) !== (b < 0);
  const value = b === 0 ? a / b : Math.round((a - rest) / b) - (short ? 1 : 0);
  return { value, error: Math.abs(value) < 2 ** 20 ? 0 : 4 * Math.abs(value) };
}

/** The activation functions fused into products and convolutions. */
export const activations = {
  none: (x: ad.Node): ad.Node => x,
  relu: ad.relu,
  tanh: ad.tanh,
  sigmoid: ad.sigmoid,
} as const;

/** The activation an attribute names. */
export function activation(attrs: Readonly<Record<string, unknown>>): (x: ad.Node) => ad.Node {
  return activations[word(attrs, "activation", ["none", "relu", "tanh", "sigmoid"])];
}

/** Elementwise ops by name. */
export const pointwise: Family = {
  neg: map(ad.neg, (x) => -x),
  abs: map(ad.abs, (x) => x < 0n ? -x : x),
  exp: map(ad.exp),
  log: map(ad.log),
  sqrt: map(ad.sqrt),
  tanh: map(ad.tanh),
  sigmoid: map(ad.sigmoid),
  relu: map(ad.relu),
  square: map((x) => ad.mul(x, x), (x) => x * x),
  reciprocal: map((x) => ad.div(ad.constant(1), x)),
  sign: map((x) => ad.constant(ad.signOf(ad.valueOf(x))), (x) => x > 0n ? 1n : x < 0n ? -1n : 0n),
  affine: (inputs, attrs) => {
    const scale = ad.constant(number(attrs, "scale")), shift = ad.constant(number(attrs, "shift"));
    return map((x) => ad.add(ad.mul(x, scale), shift))(inputs, attrs);
  },
  powScalar: (inputs, attrs) =>
    map((x) => ad.powConstant(x, number(attrs, "exponent")), (x) => x ** BigInt(number(attrs, "exponent")))(
      inputs,
      attrs,
    ),
  // Inside the limits, limits included, the gradient passes; written with the element first so that it wins ties. NaN is not
  // inside.
  clamp: (inputs, attrs) => {
    const low = ad.constant(Math.fround(number(attrs, "low"))), high = ad.constant(Math.fround(number(attrs, "high")));
    const within = (x: ad.Node): ad.Node => ad.minimum(ad.maximum(x, low), high);
    return map((x) => Number.isNaN(ad.valueOf(x)) ? ad.constant(NaN) : within(x))(inputs, attrs);
  },
  sin: map(sin),
  cos: map(cos),
  erf: map(erf),
  gelu: map((x) => {
    const part = erf(ad.mul(x, ad.constant(Math.SQRT1_2)));
    return ad.mul(x, ad.mul(ad.constant(0.5), ad.add(ad.constant(1), part)));
  }),
  geluTanh: map((x) => {
    const cubic = ad.mul(ad.constant(0.044715), ad.mul(x, ad.mul(x, x)));
    const gate = ad.tanh(ad.mul(ad.constant(Math.sqrt(2 / Math.PI)), ad.add(x, cubic)));
    return ad.mul(ad.mul(ad.constant(0.5), x), ad.add(ad.constant(1), gate));
  }),
  silu: map((x) => ad.mul(x, ad.sigmoid(x))),
  leakyRelu: (inputs, attrs) => {
    const slope = ad.constant(number(attrs, "slope"));
    return map((x) => ad.valueOf(x) > 0 ? x : ad.mul(slope, x))(inputs, attrs);
  },
  addRelu: ([x, a, b = null]) => {
    const [base, first, second] = [real(x, "x"), real(a, "a"), optionalReal(b, "b")];
    const open = Int32Array.from(
      first.nodes,
      (v, i) => ad.relu(second ? ad.add(v, second.nodes[i]) : v),
    );
    const sum = Int32Array.from(base.nodes, (v, i) => ad.add(v, open[i]));
    return [new NDArray64(base.shape, sum), new NDArray64(base.shape, open)];
  },
  weightedSum: (inputs, attrs) => {
    const terms = inputs.map((x) => real(x, "a term")), factors = numbers(attrs, "factors");
    const scale = ad.constant(number(attrs, "scale"));
    const sum = (at: number): ad.Node =>
      ad.sum(terms.map(({ nodes }, i) => ad.mul(nodes[at], ad.constant(factors[i]))));
    const nodes = Int32Array.from(terms[0].nodes, (_, at) => ad.mul(sum(at), scale));
    return [new NDArray64(terms[0].shape, nodes)];
  },
  add: zip(ad.add, (a, b) => a + b),
  sub: zip(ad.sub, (a, b) => a - b),
  mul: zip(ad.mul, (a, b) => a * b),
  div: zip(ad.div),
  maximum: zip(ad.maximum, larger),
  minimum: zip(ad.minimum, smaller),
  pow: zip(ad.pow),
  floorDiv: zip((a, b) => {
    const { value, error } = floorOf(ad.valueOf(a), ad.valueOf(b));
    return ad.constant(value, error);
  }, floorDiv),
  mod: zip((a, b) => {
    const p = ad.valueOf(a), q = ad.valueOf(b);
    const { value, error } = remainder(p, q), quotient = floorOf(p, q);
    return ad.withPartials(a, b, value, error, [1, -quotient.value], [0, quotient.error]);
  }, (a, b) => b === 0n ? 0n : a - b * floorDiv(a, b)),
  greater: compare((a, b) => a > b),
  greaterEqual: compare((a, b) => a >= b),
  less: compare((a, b) => a < b),
  lessEqual: compare((a, b) => a <= b),
  equal: compare((a, b) => a === b),
  notEqual: compare((a, b) => a !== b),
  where: ([c, x, y]) => {
    const cond = whole(c, "cond"), a = x!, b = y!;
    const shape = broadcast(cond.shape, a.shape, b.shape);
    const holds = (i: readonly number[]): boolean => cond.at(...unbroadcast(cond.shape, i)) !== 0;
    if (a instanceof NDArray64 && b instanceof NDArray64) {
      return [
        NDArray64.from(shape, (i) => {
          const chosen = holds(i) ? a : b;
          return chosen.at(...unbroadcast(chosen.shape, i));
        }),
      ];
    }
    const first = whole(a, "a"), second = whole(b, "b");
    const values: bigint[] = [];
    for (const i of indicesOf(shape)) {
      const from = holds(i) ? first : second;
      values.push(BigInt(from.at(...unbroadcast(from.shape, i))));
    }
    return [new IntArray(shape, wrapped(first, values))];
  },
};
