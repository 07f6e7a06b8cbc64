/** References of scans and selections along an axis. */
import * as ad from "../float64/autodiff64.ts";
import { elements, flatIndex, indicesOf, IntArray, NDArray64, real, wrapped } from "../float64/ndarray64.ts";
import { axisOf, flag, number } from "./attrs.ts";
import type { Family } from "./family.ts";

/** The elements of the line along `axis` through an index. */
function lineOf(x: NDArray64, axis: number, index: readonly number[]): ad.Node[];
function lineOf(x: IntArray, axis: number, index: readonly number[]): number[];
function lineOf(x: NDArray64 | IntArray, axis: number, index: readonly number[]): number[] {
  return Array.from({ length: x.shape[axis] }, (_, i) => x.at(...index.with(axis, i)));
}

/** The first places of a line in order; NaN is larger than all, and of equals the first comes first. */
function placesOf(line: readonly number[], largest: boolean): number[] {
  const above = (i: number, j: number): boolean => {
    const a = line[i], b = line[j];
    return a > b || (Number.isNaN(a) && !Number.isNaN(b));
  };
  return line.map((_, i) => i).sort((i, j) => {
    const difference = Number(above(j, i)) - Number(above(i, j));
    return (largest ? difference : -difference) || i - j;
  });
}

/** Scans and selections by name. */
export const scans: Family = {
  cumsum: ([x], attrs) => {
    if (x instanceof IntArray) {
      const axis = axisOf(number(attrs, "axis"), x.shape.length);
      const sums: bigint[] = [];
      for (const index of indicesOf(x.shape)) {
        sums.push(lineOf(x, axis, index).slice(0, index[axis] + 1).map(BigInt).reduce((a, b) => a + b, 0n));
      }
      return [new IntArray(x.shape, wrapped(x, sums))];
    }
    const a = real(x, "x"), axis = axisOf(number(attrs, "axis"), a.shape.length);
    return [NDArray64.from(a.shape, (index) => ad.sum(lineOf(a, axis, index).slice(0, index[axis] + 1)))];
  },
  topk: ([x], attrs) => {
    const a = x instanceof IntArray ? x : real(x, "x");
    const axis = axisOf(number(attrs, "axis"), a.shape.length), largest = flag(attrs, "largest");
    const shape = a.shape.with(axis, number(attrs, "k"));
    const taken = new Array<number>(elements(shape)), places = new Int32Array(elements(shape));
    for (const index of indicesOf(shape)) {
      const line = a instanceof IntArray ? lineOf(a, axis, index) : lineOf(a, axis, index);
      const order = placesOf(a instanceof IntArray ? line : line.map(ad.valueOf), largest);
      const at = flatIndex(shape, index);
      places[at] = order[index[axis]];
      taken[at] = line[places[at]];
    }
    const values = a instanceof IntArray
      ? new IntArray(shape, wrapped(a, taken.map(BigInt)))
      : new NDArray64(shape, Int32Array.from(taken));
    return [values, new IntArray(shape, places)];
  },
};
