/** References of reductions. */
import * as ad from "../float64/autodiff64.ts";
import { elements, flatIndex, indicesOf, IntArray, NDArray64, real, type Ref } from "../float64/ndarray64.ts";
import { type Attrs, axisOf, flag, number, numbers } from "./attrs.ts";
import type { Family } from "./family.ts";

interface Groups {
  readonly shape: number[];
  /** For each output element, the elements reduced into it, in row-major order. */
  readonly groups: ad.Node[][];
}

function group(x: Ref | null, attrs: Attrs): Groups {
  const a = real(x, "x");
  const axes = numbers(attrs, "axes").map((axis) => axisOf(axis, a.shape.length));
  const kept = a.shape.map((extent, axis) => axes.includes(axis) ? 1 : extent);
  const groups: ad.Node[][] = Array.from({ length: elements(kept) }, () => []);
  for (const index of indicesOf(a.shape)) {
    const to = index.map((i, axis) => axes.includes(axis) ? 0 : i);
    groups[flatIndex(kept, to)].push(a.at(...index));
  }
  return { shape: flag(attrs, "keepDims") ? kept : kept.filter((_, axis) => !axes.includes(axis)), groups };
}

function reduce(f: (terms: readonly ad.Node[]) => ad.Node): (inputs: readonly (Ref | null)[], attrs: Attrs) => Ref[] {
  return ([x], attrs) => {
    const { shape, groups } = group(x, attrs);
    return [new NDArray64(shape, Int32Array.from(groups, f))];
  };
}

/** Mean of some scalars; NaN for none. */
export function mean(terms: readonly ad.Node[]): ad.Node {
  return ad.div(ad.sum(terms), ad.constant(terms.length));
}

/** The largest of some scalars, the first of equal ones; -Infinity for none. */
export function largest(terms: readonly ad.Node[]): ad.Node {
  return terms.length === 0 ? ad.constant(-Infinity) : terms.reduce(ad.maximum);
}

/** Reductions by name. */
export const reductions: Family = {
  sum: reduce(ad.sum),
  mean: reduce(mean),
  max: reduce(largest),
  argmax: ([x], attrs) => {
    const a = real(x, "x");
    const { shape, groups } = group(a, { axes: [number(attrs, "axis")], keepDims: attrs.keepDims });
    const data = Int32Array.from(groups, (terms) => {
      const values = terms.map(ad.valueOf);
      return values.indexOf(Math.max(...values));
    });
    return [new IntArray(shape, data)];
  },
};
