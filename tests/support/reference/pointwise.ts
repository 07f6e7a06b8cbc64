/** References of elementwise ops. */
import * as ad from "../float64/autodiff64.ts";
import { broadcast, elements, indicesOf, IntArray, NDArray64, real, unbroadcast, whole } from "../float64/ndarray64.ts";
import { number, word } from "./attrs.ts";
import type { Family, Reference } from "./family.ts";

function map(f: (x: ad.Node) => ad.Node): Reference {
  return ([x]) => {
    const a = real(x, "x");
    return [new NDArray64(a.shape, Int32Array.from(a.nodes, f))];
  };
}

function zip(f: (a: ad.Node, b: ad.Node) => ad.Node): Reference {
  return ([x, y]) => {
    const a = real(x, "a"), b = real(y, "b");
    const shape = broadcast(a.shape, b.shape);
    return [
      NDArray64.from(shape, (i) => f(a.at(...unbroadcast(a.shape, i)), b.at(...unbroadcast(b.shape, i)))),
    ];
  };
}

function compare(f: (a: number, b: number) => boolean): Reference {
  return ([x, y]) => {
    const a = real(x, "a"), b = real(y, "b");
    const shape = broadcast(a.shape, b.shape);
    const data = new Uint32Array(elements(shape));
    let k = 0;
    for (const i of indicesOf(shape)) {
      const p = ad.valueOf(a.at(...unbroadcast(a.shape, i))), q = ad.valueOf(b.at(...unbroadcast(b.shape, i)));
      data[k++] = f(p, q) ? 1 : 0;
    }
    return [new IntArray(shape, data)];
  };
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
  neg: map(ad.neg),
  abs: map(ad.abs),
  exp: map(ad.exp),
  log: map(ad.log),
  sqrt: map(ad.sqrt),
  tanh: map(ad.tanh),
  sigmoid: map(ad.sigmoid),
  relu: map(ad.relu),
  square: map((x) => ad.mul(x, x)),
  reciprocal: map((x) => ad.div(ad.constant(1), x)),
  sign: map((x) => ad.constant(Math.sign(ad.valueOf(x)))),
  affine: (inputs, attrs) => {
    const scale = ad.constant(number(attrs, "scale")), shift = ad.constant(number(attrs, "shift"));
    return map((x) => ad.add(ad.mul(x, scale), shift))(inputs, attrs);
  },
  powScalar: (inputs, attrs) => map((x) => ad.powConstant(x, number(attrs, "exponent")))(inputs, attrs),
  // Inside the limits, limits included, the gradient passes; written with the element first so that it wins ties.
  clamp: (inputs, attrs) => {
    const low = ad.constant(Math.fround(number(attrs, "low"))), high = ad.constant(Math.fround(number(attrs, "high")));
    return map((x) => ad.minimum(ad.maximum(x, low), high))(inputs, attrs);
  },
  add: zip(ad.add),
  sub: zip(ad.sub),
  mul: zip(ad.mul),
  div: zip(ad.div),
  maximum: zip(ad.maximum),
  minimum: zip(ad.minimum),
  pow: zip(ad.pow),
  greater: compare((a, b) => a > b),
  greaterEqual: compare((a, b) => a >= b),
  less: compare((a, b) => a < b),
  lessEqual: compare((a, b) => a <= b),
  equal: compare((a, b) => a === b),
  where: ([c, x, y]) => {
    const cond = whole(c, "cond"), a = real(x, "a"), b = real(y, "b");
    const shape = broadcast(cond.shape, a.shape, b.shape);
    return [
      NDArray64.from(shape, (i) => {
        const chosen = cond.at(...unbroadcast(cond.shape, i)) !== 0 ? a : b;
        return chosen.at(...unbroadcast(chosen.shape, i));
      }),
    ];
  },
};
