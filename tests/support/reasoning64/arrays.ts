/** Plain float64 arrays and the few operations the reasoning modules are made of, written the slow obvious way. */

/** Row-major numbers. */
export interface Array64 {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Weights by name, as a model lists its parameters. */
export type Weights = ReadonlyMap<string, Array64>;

/** A new array filled by index. */
export function make(shape: readonly number[], at: (index: readonly number[]) => number): Array64 {
  const data = new Float64Array(shape.reduce((n, e) => n * e, 1));
  const index = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    data[i] = at(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return { shape: [...shape], data };
}

/** The element at an index of up to four axes; no list is made of them, for most of a roll-out's time is spent here. */
export function get({ shape, data }: Array64, i: number, j = 0, k = 0, l = 0): number {
  switch (shape.length) {
    case 1:
      return data[i];
    case 2:
      return data[i * shape[1] + j];
    case 3:
      return data[(i * shape[1] + j) * shape[2] + k];
    case 4:
      return data[((i * shape[1] + j) * shape[2] + k) * shape[3] + l];
  }
  throw new Error(`an array of ${shape.length} axes`);
}

/** f of every element. */
export function map(x: Array64, f: (v: number) => number): Array64 {
  return { shape: x.shape, data: x.data.map(f) };
}

/** f of every pair of elements of two arrays of one shape. */
export function zip(x: Array64, y: Array64, f: (a: number, b: number) => number): Array64 {
  return { shape: x.shape, data: x.data.map((v, i) => f(v, y.data[i])) };
}

/** x + y. */
export const plus = (x: Array64, y: Array64): Array64 => zip(x, y, (a, b) => a + b);
/** max(x, 0). */
export const relu = (x: Array64): Array64 => map(x, (v) => Math.max(0, v));
/** 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: Array64): Array64 => map(x, (v) => 1 / (1 + Math.exp(-v)));
/** The same numbers in another shape. */
export const shaped = ({ data }: Array64, shape: readonly number[]): Array64 => ({ shape, data });

/** x [n, i] · w [i, o] + b [o]. */
export function linear(x: Array64, w: Array64, b?: Array64): Array64 {
  return make([x.shape[0], w.shape[1]], ([n, o]) => {
    let sum = b ? b.data[o] : 0;
    for (let i = 0; i < w.shape[0]; i++) sum += get(x, n, i) * get(w, i, o);
    return sum;
  });
}

/** aᵀ · b: a [n, i], b [n, o] → [i, o]. */
export function transposedProduct(a: Array64, b: Array64): Array64 {
  return make([a.shape[1], b.shape[1]], ([i, o]) => {
    let sum = 0;
    for (let n = 0; n < a.shape[0]; n++) sum += get(a, n, i) * get(b, n, o);
    return sum;
  });
}

/** Convolution with zero padding that keeps the size: x [n, h, w, c], filter [k, k, c, d], k odd. */
export function conv(x: Array64, filter: Array64, bias?: Array64): Array64 {
  const [n, h, w, c] = x.shape;
  const [k, , , d] = filter.shape;
  const half = (k - 1) / 2, out = new Float64Array(n * h * w * d);
  // All outputs of a pixel side by side, as the filter has them: half of a roll-out's time is spent here.
  for (let pixel = 0; pixel < n * h * w; pixel++) {
    const y = Math.floor(pixel / w) % h, z = pixel % w, image = pixel - y * w - z, sums = pixel * d;
    for (let o = 0; o < d && bias; o++) out[sums + o] = bias.data[o];
    for (let dy = 0; dy < k; dy++) {
      for (let dx = 0; dx < k; dx++) {
        const row = y + dy - half, column = z + dx - half;
        if (row < 0 || row >= h || column < 0 || column >= w) continue;
        const from = (image + row * w + column) * c, tap = (dy * k + dx) * c;
        for (let e = 0; e < c; e++) {
          const v = x.data[from + e], weights = (tap + e) * d;
          for (let o = 0; o < d; o++) out[sums + o] += v * filter.data[weights + o];
        }
      }
    }
  }
  return { shape: [n, h, w, d], data: out };
}

/** Softmax of each row of [n, c]. */
export function softmax(x: Array64): Array64 {
  const [n, c] = x.shape;
  const rows = Array.from({ length: n }, (_, i) => {
    const row = Array.from(x.data.subarray(i * c, (i + 1) * c));
    const largest = Math.max(...row);
    const powers = row.map((v) => Math.exp(v - largest));
    const total = powers.reduce((a, b) => a + b, 0);
    return powers.map((v) => v / total);
  });
  return { shape: [n, c], data: Float64Array.from(rows.flat()) };
}

/** Columns of several [n, c_i] side by side. */
export function beside(parts: readonly Array64[]): Array64 {
  const n = parts[0].shape[0];
  const rows = Array.from(
    { length: n },
    (_, i) => parts.flatMap(({ shape: [, c], data }) => [...data.subarray(i * c, (i + 1) * c)]),
  );
  return { shape: [n, parts.reduce((sum, { shape }) => sum + shape[1], 0)], data: Float64Array.from(rows.flat()) };
}
