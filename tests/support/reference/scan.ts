/** References of scans and selections along an axis. */
import * as ad from "../float64/autodiff64.ts";
import { elements, flatIndex, indicesOf, IntArray, NDArray64, real } from "../float64/ndarray64.ts";
import { axisOf, flag, number } from "./attrs.ts";
import type { Family } from "./family.ts";

/** The elements of the line along `axis` through an index. */
function lineOf(x: NDArray64, axis: number, index: readonly number[]): ad.Node[] {
  return Array.from({ length: x.shape[axis] }, (_, i) => x.at(...index.with(axis, i)));
}

/** Scans and selections by name. */
export const scans: Family = {
  cumsum: ([x], attrs) => {
    const a = real(x, "x"), axis = axisOf(number(attrs, "axis"), a.shape.length);
    return [NDArray64.from(a.shape, (index) => ad.sum(lineOf(a, axis, index).slice(0, index[axis] + 1)))];
  },
  topk: ([x], attrs) => {
    const a = real(x, "x"), axis = axisOf(number(attrs, "axis"), a.shape.length), largest = flag(attrs, "largest");
    const shape = a.shape.with(axis, number(attrs, "k"));
    const nodes = new Int32Array(elements(shape)), places = new Int32Array(elements(shape));
    for (const index of indicesOf(shape)) {
      const line = lineOf(a, axis, index);
      // NaN is larger than all.
      const above = (i: number, j: number): boolean => {
        const [a, b] = [i, j].map((k) => ad.valueOf(line[k]));
        return a > b || (Number.isNaN(a) && !Number.isNaN(b));
      };
      const order = line.map((_, i) => i).sort((i, j) => {
        const difference = Number(above(j, i)) - Number(above(i, j));
        return (largest ? difference : -difference) || i - j;
      });
      const at = flatIndex(shape, index);
      places[at] = order[index[axis]];
      nodes[at] = line[places[at]];
    }
    return [new NDArray64(shape, nodes), new IntArray(shape, places)];
  },
};
