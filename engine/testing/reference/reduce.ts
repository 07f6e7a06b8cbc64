/** References of reductions. */
import * as ad from "../float64/autodiff64.ts";
import { elements, flatIndex, indicesOf, IntArray, NDArray64, real, type Ref, wrapped } from "../float64/ndarray64.ts";
import { type Attrs, axisOf, flag, number, numbers } from "./attrs.ts";
import type { Family } from "./family.ts";

/** An array of scalars or of whole numbers. */
interface Elements<T> {
  readonly shape: readonly number[];
  at(...index: number[]): T;
}

interface Groups<T> {
  readonly shape: number[];
  /** For each output element, the elements reduced into it, in row-major order. */
  readonly groups: T[][];
}

function group<T>(a: Elements<T>, attrs: Attrs): Groups<T> {
  const axes = numbers(attrs, "axes").map((axis) => axisOf(axis, a.shape.length));
  const kept = a.shape.map((extent, axis) => axes.includes(axis) ? 1 : extent);
  const groups: T[][] = Array.from({ length: elements(kept) }, () => []);
  for (const index of indicesOf(a.shape)) {
    const to = index.map((i, axis) => axes.includes(axis) ? 0 : i);
    groups[flatIndex(kept, to)].push(a.at(...index));
  }
  return { shape: flag(attrs, "keepDims") ? kept : kept.filter((_, axis) => !axes.includes(axis)), groups };
}

/** A reduction of reals, and of whole numbers where there is one, modulo 2^32. */
function reduce(
  f: (terms: readonly ad.Node[]) => ad.Node,
  ofWhole?: (terms: readonly bigint[]) => bigint,
): (inputs: readonly (Ref | null)[], attrs: Attrs) => Ref[] {
  return ([x], attrs) => {
    if (x instanceof IntArray && ofWhole) {
      const { shape, groups } = group(x, attrs);
      return [new IntArray(shape, wrapped(x, groups.map((terms) => ofWhole(terms.map(BigInt)))))];
    }
    const { shape, groups } = group(real(x, "x"), attrs);
    return [new NDArray64(shape, Int32Array.from(groups, f))];
  };
}

/** Mean of some scalars; NaN for none. */
export function mean(terms: readonly ad.Node[]): ad.Node {
  return ad.div(ad.sum(terms), ad.constant(terms.length));
}

/** The largest of some scalars, NaN before all, the first of equal ones; -Infinity for none. */
export function largest(terms: readonly ad.Node[]): ad.Node {
  return terms.length === 0 ? ad.constant(-Infinity) : terms.reduce(ad.maximum);
}

const smallest = (terms: readonly ad.Node[]): ad.Node => terms.reduce(ad.minimum);

/** Position of the first of equal extremes, or of the first NaN, as i32. */
function place(extreme: (...values: number[]) => number): (inputs: readonly (Ref | null)[], attrs: Attrs) => Ref[] {
  return ([x], attrs) => {
    const along = { axes: [number(attrs, "axis")], keepDims: attrs.keepDims };
    if (x instanceof IntArray) {
      const { shape, groups } = group(x, along);
      return [new IntArray(shape, Int32Array.from(groups, (values) => values.indexOf(extreme(...values))))];
    }
    const { shape, groups } = group(real(x, "x"), along);
    const data = Int32Array.from(groups, (terms) => {
      const values = terms.map(ad.valueOf), nan = values.findIndex(Number.isNaN);
      return nan < 0 ? values.indexOf(extreme(...values)) : nan;
    });
    return [new IntArray(shape, data)];
  };
}

/** A kernel may divide the product of all by a factor where this multiplies the others. */
function product(terms: readonly ad.Node[]): ad.Node {
  const factors = terms.map((x) => ad.roughlyDifferentiated(x, ad.DIVISION + 1));
  return factors.length === 0 ? ad.constant(1) : factors.reduce(ad.mul);
}

/** Squared deviations from the mean, added up and divided by their number less `correction`. */
function variance(terms: readonly ad.Node[], correction: number): ad.Node {
  const centre = mean(terms);
  const squares = terms.map((x) => {
    const deviation = ad.sub(x, centre);
    return ad.mul(deviation, deviation);
  });
  return ad.div(ad.sum(squares), ad.constant(terms.length - correction));
}

const extreme = (larger: boolean) => (terms: readonly bigint[]): bigint =>
  terms.reduce((a, b) => (b > a) === larger ? b : a);

/** Reductions by name. */
export const reductions: Family = {
  sum: reduce(ad.sum, (terms) => terms.reduce((a, b) => a + b, 0n)),
  mean: reduce(mean),
  max: reduce(largest, extreme(true)),
  min: reduce(smallest, extreme(false)),
  prod: reduce(product, (terms) => terms.reduce((a, b) => BigInt.asIntN(64, a * b), 1n)),
  variance: (inputs, attrs) => reduce((terms) => variance(terms, number(attrs, "correction")))(inputs, attrs),
  argmax: place(Math.max),
  argmin: place(Math.min),
};
