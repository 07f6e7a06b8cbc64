/**
 * 3 × 3 convolutions in float64, by plain sums and by Winograd's algorithm, whose matrices are made from its points (Blahut,
 * Fast Algorithms for Signal Processing, 2010, chapter 5). Nothing here imports the engine.
 */

/** A tensor in a flat array, last axis innermost. */
export interface Flat {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

type Matrix = readonly (readonly number[])[];

/** The matrices of F(m×m, 3×3): y = A'(G g ⊙ B'd) along a line. */
export interface Matrices {
  readonly m: number;
  /** A, points × m. */
  readonly outputs: Matrix;
  /** B', points × points. */
  readonly inputs: Matrix;
  /** G, points × 3. */
  readonly filters: Matrix;
}

const transposed = (a: Matrix): Matrix => a[0].map((_, j) => a.map((row) => row[j]));
const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, j) => row.reduce((sum, v, k) => sum + v * b[k][j], 0)));
/** L x L'. */
const around = (l: Matrix, x: Matrix): Matrix => times(times(l, x), transposed(l));

/** Coefficients of the product of (x - p), lowest power first. */
const polynomial = (roots: readonly number[]): number[] =>
  roots.reduce<number[]>((c, p) => [...c, 0].map((_, i) => (c[i - 1] ?? 0) - p * (c[i] ?? 0)), [1]);

/** The matrices for m outputs: polynomials are evaluated at 0, 1, -1, 2, -2 ... and infinity, and interpolated from there. */
export function matricesOf(m: 2 | 4): Matrices {
  const points = [0, 1, -1, 2, -2].slice(0, m + 1);
  const powers = (p: number, n: number): number[] => Array.from({ length: n }, (_, i) => p ** i);
  const last = (n: number): number[] => Array.from({ length: n }, (_, i) => Number(i === n - 1));
  const others = (p: number): number[] => points.filter((q) => q !== p);
  return {
    m,
    outputs: [...points.map((p) => powers(p, m)), last(m)],
    filters: [...points.map((p) => powers(p, 3).map((v) => v / others(p).reduce((n, q) => n * (p - q), 1))), last(3)],
    inputs: [...points.map((p) => [...polynomial(others(p)), 0]), polynomial(points)],
  };
}

/** The same with absolute values: what it gives of absolute values is the sum of all that rounding is relative to. */
export function absolute({ m, outputs, inputs, filters }: Matrices): Matrices {
  const abs = (a: Matrix): Matrix => a.map((row) => row.map(Math.abs));
  return { m, outputs: abs(outputs), inputs: abs(inputs), filters: abs(filters) };
}

/** Value of channel c of pixel (y, x), 0 outside the image. */
function pixel({ data, shape: [, h, w, channels] }: Flat, image: number, y: number, x: number, c: number): number {
  return y < 0 || x < 0 || y >= h || x >= w ? 0 : data[((image * h + y) * w + x) * channels + c];
}

function patch(x: Flat, image: number, top: number, left: number, side: number, c: number): Matrix {
  return Array.from(
    { length: side },
    (_, i) => Array.from({ length: side }, (_, j) => pixel(x, image, top + i, left + j, c)),
  );
}

function taps({ data, shape: [, , ci, co] }: Flat, i: number, o: number): Matrix {
  return [0, 1, 2].map((ky) => [0, 1, 2].map((kx) => data[((ky * 3 + kx) * ci + i) * co + o]));
}

/** Convolution, by sums: inputs begin `before` the outputs, whose shape is given. */
export function convolved(
  x: Flat,
  w: Flat,
  [top, left]: readonly [number, number],
  y: readonly number[],
): Float64Array {
  const [n, ho, wo, co] = y, ci = x.shape[3], result = new Float64Array(n * ho * wo * co);
  let at = 0;
  for (let image = 0; image < n; image++) {
    for (let oy = 0; oy < ho; oy++) {
      for (let ox = 0; ox < wo; ox++) {
        for (let o = 0; o < co; o++, at++) {
          for (let tap = 0; tap < 9; tap++) {
            const iy = oy - top + Math.floor(tap / 3), ix = ox - left + tap % 3;
            for (let i = 0; i < ci; i++) result[at] += pixel(x, image, iy, ix, i) * w.data[(tap * ci + i) * co + o];
          }
        }
      }
    }
  }
  return result;
}

/** The filter whose convolution with dy is the gradient to the input: taps turned round, channels swapped. */
export function turned(data: ArrayLike<number>, [, , ci, co]: readonly number[]): { w: Float64Array; shape: number[] } {
  const w = new Float64Array(data.length);
  for (let tap = 0; tap < 9; tap++) {
    for (let i = 0; i < ci; i++) {
      for (let o = 0; o < co; o++) w[((8 - tap) * co + o) * ci + i] = data[(tap * ci + i) * co + o];
    }
  }
  return { w, shape: [3, 3, co, ci] };
}

/** Tiles of a shape: image, and the first row and column of each. */
function* tilesOf([n, h, w]: readonly number[], m: number): Generator<[number, number, number]> {
  for (let image = 0; image < n; image++) {
    for (let y = 0; y < h; y += m) for (let x = 0; x < w; x += m) yield [image, y, x];
  }
}

/** Convolution by Winograd's algorithm. */
export function winogradOf(
  { m, outputs, inputs, filters }: Matrices,
  x: Flat,
  w: Flat,
  [top, left]: readonly [number, number],
  y: readonly number[],
): Float64Array {
  const [, ho, wo, co] = y, ci = x.shape[3], result = new Float64Array(y.reduce((a, b) => a * b));
  const u = Array.from({ length: ci }, (_, i) => Array.from({ length: co }, (_, o) => around(filters, taps(w, i, o))));
  for (const [image, oy, ox] of tilesOf(y, m)) {
    const v = u.map((_, i) => around(inputs, patch(x, image, oy - top, ox - left, m + 2, i)));
    for (let o = 0; o < co; o++) {
      const sums = v[0].map((row, a) => row.map((_, b) => v.reduce((sum, vi, i) => sum + vi[a][b] * u[i][o][a][b], 0)));
      around(transposed(outputs), sums).forEach((row, i) =>
        row.forEach((value, j) => {
          if (oy + i < ho && ox + j < wo) result[((image * ho + oy + i) * wo + ox + j) * co + o] = value;
        })
      );
    }
  }
  return result;
}

/** Gradient to the filter by sums, what Winograd's algorithm with `absolutes` adds up for it, and the tiles it sums over. */
export function gradientOfFilter(
  { m, outputs, inputs, filters }: Matrices,
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  shapes: Readonly<Record<"x" | "w" | "y", readonly number[]>>,
  [top, left]: readonly [number, number],
): { exact: Float64Array; sums: Float64Array; tiles: number } {
  const [, , ci, co] = shapes.w, exact = new Float64Array(9 * ci * co), sums = new Float64Array(9 * ci * co);
  const images = { data: x, shape: shapes.x }, grads = { data: dy, shape: shapes.y };
  const absX = { data: Array.from(x, Math.abs), shape: shapes.x },
    absY = { data: Array.from(dy, Math.abs), shape: shapes.y };
  const [n, ho, wo] = shapes.y, tiles = [...tilesOf(shapes.y, m)];
  const v = tiles.map(([image, oy, ox]) =>
    Array.from({ length: ci }, (_, i) => around(inputs, patch(absX, image, oy - top, ox - left, m + 2, i)))
  );
  const d = tiles.map(([image, oy, ox]) =>
    Array.from({ length: co }, (_, o) => around(outputs, patch(absY, image, oy, ox, m, o)))
  );
  for (let i = 0; i < ci; i++) {
    for (let o = 0; o < co; o++) {
      const all = inputs.map((row, a) =>
        row.map((_, b) => tiles.reduce((sum, _, t) => sum + v[t][i][a][b] * d[t][o][a][b], 0))
      );
      around(transposed(filters), all).forEach((row, ky) =>
        row.forEach((value, kx) => sums[((ky * 3 + kx) * ci + i) * co + o] = value)
      );
      for (let tap = 0; tap < 9; tap++) {
        let sum = 0;
        for (let image = 0; image < n; image++) {
          for (let oy = 0; oy < ho; oy++) {
            for (let ox = 0; ox < wo; ox++) {
              const value = pixel(images, image, oy - top + Math.floor(tap / 3), ox - left + tap % 3, i);
              sum += value * pixel(grads, image, oy, ox, o);
            }
          }
        }
        exact[(tap * ci + i) * co + o] = sum;
      }
    }
  }
  return { exact, sums, tiles: tiles.length };
}
