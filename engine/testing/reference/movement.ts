/** References of ops that move, repeat, pick or convert elements. */
import * as ad from "../float64/autodiff64.ts";
import {
  elements,
  flatIndex,
  indicesOf,
  IntArray,
  move,
  NDArray64,
  real,
  type Ref,
  whole,
} from "../float64/ndarray64.ts";
import { axisOf, number, numbers, pairs, word } from "./attrs.ts";
import type { Family, Reference } from "./family.ts";

function present(x: Ref | null | undefined, what: string): Ref {
  if (!x) throw new Error(`reference: ${what} is missing`);
  return x;
}

/** Row-major index of a flat position. */
function unflatten(shape: readonly number[], flat: number): number[] {
  const index = shape.map(() => 0);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = flat % shape[axis];
    flat = Math.floor(flat / shape[axis]);
  }
  return index;
}

const gather: Reference = ([x, i]) => {
  const table = present(x, "x"), indices = whole(i, "indices"), rank = indices.shape.length;
  return [
    move(table, [...indices.shape, ...table.shape.slice(1)], (index) => {
      const row = indices.at(...index.slice(0, rank));
      return row < 0 || row >= table.shape[0] ? null : [row, ...index.slice(rank)];
    }),
  ];
};

/** Walks the updates in order: each replaces its row of the table, or is added to it. */
const scatter: Reference = ([x, i, u], attrs) => {
  const table = present(x, "x"), indices = whole(i, "indices"), updates = present(u, "updates");
  const add = word(attrs, "mode", ["set", "add"]) === "add";
  const width = elements(table.shape.slice(1));
  const walk = <T>(rows: T[], news: ArrayLike<T>, sum: (a: T, b: T) => T): T[] => {
    indices.data.forEach((row, pick) => {
      if (row < 0 || row >= table.shape[0]) return;
      for (let k = 0; k < width; k++) {
        const at = row * width + k, update = news[pick * width + k];
        rows[at] = add ? sum(rows[at], update) : update;
      }
    });
    return rows;
  };
  if (table instanceof NDArray64) {
    return [
      new NDArray64(table.shape, Int32Array.from(walk([...table.nodes], real(updates, "updates").nodes, ad.add))),
    ];
  }
  const data = walk([...table.data], whole(updates, "updates").data, (a, b) => a + b);
  return [
    new IntArray(table.shape, table.data instanceof Uint32Array ? Uint32Array.from(data) : Int32Array.from(data)),
  ];
};

/** Movement ops by name. */
export const movement: Family = {
  gather,
  embedding: gather,
  scatter,
  oneHot: ([i], attrs) => {
    const indices = whole(i, "indices");
    return [
      NDArray64.from(
        [...indices.shape, number(attrs, "depth")],
        (index) => ad.constant(indices.at(...index.slice(0, -1)) === index[index.length - 1] ? 1 : 0),
      ),
    ];
  },
  concat: (inputs, attrs) => {
    const parts = inputs.map((x) => present(x, "input"));
    const axis = axisOf(number(attrs, "axis"), parts[0].shape.length);
    const shape = [...parts[0].shape];
    shape[axis] = parts.reduce((total, part) => total + part.shape[axis], 0);
    const pick = (index: readonly number[]): [Ref, number[]] => {
      let at = index[axis];
      for (const part of parts) {
        if (at < part.shape[axis]) return [part, index.with(axis, at)];
        at -= part.shape[axis];
      }
      throw new Error("reference: concat: index past the last part");
    };
    if (parts[0] instanceof NDArray64) {
      return [NDArray64.from(shape, (index) => {
        const [part, at] = pick(index);
        return real(part, "part").at(...at);
      })];
    }
    const data = parts[0].data instanceof Uint32Array
      ? new Uint32Array(elements(shape))
      : new Int32Array(elements(shape));
    for (const index of indicesOf(shape)) {
      const [part, at] = pick(index);
      data[flatIndex(shape, index)] = whole(part, "part").at(...at);
    }
    return [new IntArray(shape, data)];
  },
  slice: ([x], attrs) => {
    const begin = numbers(attrs, "begin");
    return [move(present(x, "x"), numbers(attrs, "size"), (index) => index.map((i, axis) => i + begin[axis]))];
  },
  split: ([x], attrs) => {
    const from = present(x, "x"), axis = number(attrs, "axis");
    let begin = 0;
    return numbers(attrs, "sizes").map((size) => {
      const first = begin;
      begin += size;
      return move(from, from.shape.with(axis, size), (index) => index.with(axis, index[axis] + first));
    });
  },
  pad: ([x], attrs) => {
    const from = present(x, "x"), padding = pairs(attrs, "padding");
    const shape = from.shape.map((extent, axis) => extent + padding[axis][0] + padding[axis][1]);
    return [
      move(from, shape, (index) => {
        const at = index.map((i, axis) => i - padding[axis][0]);
        return at.every((i, axis) => i >= 0 && i < from.shape[axis]) ? at : null;
      }, number(attrs, "value")),
    ];
  },
  reshape: ([x], attrs) => {
    const from = present(x, "x"), wanted = numbers(attrs, "shape");
    const known = wanted.filter((extent) => extent >= 0).reduce((a, b) => a * b, 1);
    const shape = wanted.map((extent) => extent < 0 ? elements(from.shape) / known : extent);
    return [move(from, shape, (index) => unflatten(from.shape, flatIndex(shape, index)))];
  },
  transpose: ([x], attrs) => {
    const from = present(x, "x"), perm = numbers(attrs, "perm");
    return [move(from, perm.map((axis) => from.shape[axis]), (index) => {
      const at = [...index];
      perm.forEach((axis, i) => at[axis] = index[i]);
      return at;
    })];
  },
  flip: ([x], attrs) => {
    const from = present(x, "x"), axes = numbers(attrs, "axes");
    return [
      move(
        from,
        from.shape,
        (index) => index.map((i, axis) => axes.includes(axis) ? from.shape[axis] - 1 - i : i),
      ),
    ];
  },
  tile: ([x], attrs) => {
    const from = present(x, "x"), reps = numbers(attrs, "reps");
    const shape = from.shape.map((extent, axis) => extent * reps[axis]);
    return [move(from, shape, (index) => index.map((i, axis) => i % from.shape[axis]))];
  },
  cast: ([x], attrs) => {
    const from = present(x, "x"), dtype = word(attrs, "dtype", ["f32", "i32", "u32", "f16"]);
    if (from instanceof NDArray64) {
      if (dtype === "f32") return [from];
      if (dtype === "f16") return [new NDArray64(from.shape, Int32Array.from(from.nodes, ad.roundToHalf))];
      // Towards zero, as WGSL converts.
      const values = from.values().map(Math.trunc);
      return [new IntArray(from.shape, dtype === "i32" ? Int32Array.from(values) : Uint32Array.from(values))];
    }
    if (dtype === "i32") return [new IntArray(from.shape, Int32Array.from(from.data))];
    if (dtype === "u32") return [new IntArray(from.shape, Uint32Array.from(from.data))];
    return [NDArray64.of(from.shape, Array.from(from.data, dtype === "f16" ? Math.f16round : Math.fround))];
  },
};
