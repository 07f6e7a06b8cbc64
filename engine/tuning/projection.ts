/**
 * Exact checks of products and convolutions. Operands are small whole numbers, so that every sum is exact in float32 in any
 * order; the result times a random vector r is compared with the operands' product times r, which takes a column's work and
 * is exact in float64: a wrong number anywhere shows (Freivalds' check), and nothing has to be tolerated.
 */

/** Pseudo-random whole numbers of [low, low + count), the same for the same seed. */
export function wholeNumbers(length: number, seed: number, low: number, count: number): Float32Array<ArrayBuffer> {
  let state = (seed * 2654435761 + 1) >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return low + Math.floor((state >>> 8) / 2 ** 24 * count);
  });
}

/** A matrix in a flat array: entry (i, j) at i · row + j · column. */
export interface MatrixView {
  readonly data: ArrayLike<number>;
  readonly rows: number;
  readonly columns: number;
  readonly row: number;
  readonly column: number;
}

/** Row-major matrix, or the transpose of one. */
export function matrixView(data: ArrayLike<number>, rows: number, columns: number, transposed = false): MatrixView {
  return transposed ? { data, rows, columns, row: 1, column: rows } : { data, rows, columns, row: columns, column: 1 };
}

/** A · v. */
export function timesVector({ data, rows, columns, row, column }: MatrixView, v: ArrayLike<number>): Float64Array {
  const y = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    let total = 0;
    for (let j = 0; j < columns; j++) total += data[i * row + j * column] * v[j];
    y[i] = total;
  }
  return y;
}

/** Square filters, padded alike on all sides. */
export interface ConvGeometry {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

/** Rows and columns of the output. */
export function outputOf({ height, width, kernel, stride, padding }: ConvGeometry): [number, number] {
  const of = (extent: number): number => Math.floor((extent + 2 * padding - kernel) / stride) + 1;
  return [of(height), of(width)];
}

/** Calls `visit` with every input pixel, output pixel and tap that meet. */
function forEachTap(g: ConvGeometry, visit: (input: number, output: number, tap: number) => void): void {
  const [ho, wo] = outputOf(g);
  for (let image = 0; image < g.images; image++) {
    for (let oy = 0; oy < ho; oy++) {
      for (let ox = 0; ox < wo; ox++) {
        for (let ky = 0; ky < g.kernel; ky++) {
          const y = oy * g.stride + ky - g.padding;
          if (y < 0 || y >= g.height) continue;
          for (let kx = 0; kx < g.kernel; kx++) {
            const x = ox * g.stride + kx - g.padding;
            if (x < 0 || x >= g.width) continue;
            visit((image * g.height + y) * g.width + x, (image * ho + oy) * wo + ox, ky * g.kernel + kx);
          }
        }
      }
    }
  }
}

/** conv(x, w) · r, r over output channels: one number an output pixel. */
export function forwardTimes(
  g: ConvGeometry,
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  r: ArrayLike<number>,
): Float64Array {
  const [ho, wo] = outputOf(g), taps = g.kernel ** 2, c = g.inputs;
  const wr = timesVector(matrixView(w, taps * c, g.outputs), r), y = new Float64Array(g.images * ho * wo);
  forEachTap(g, (input, output, tap) => {
    let total = 0;
    for (let i = 0; i < c; i++) total += x[input * c + i] * wr[tap * c + i];
    y[output] += total;
  });
  return y;
}

/** The gradient to x times r, r over input channels: one number an input pixel. */
export function dataGradTimes(
  g: ConvGeometry,
  dy: ArrayLike<number>,
  w: ArrayLike<number>,
  r: ArrayLike<number>,
): Float64Array {
  const taps = g.kernel ** 2, { inputs, outputs } = g;
  const wr = new Float64Array(taps * outputs), dx = new Float64Array(g.images * g.height * g.width);
  for (let row = 0; row < taps * inputs; row++) {
    const tap = Math.floor(row / inputs);
    for (let o = 0; o < outputs; o++) wr[tap * outputs + o] += w[row * outputs + o] * r[row % inputs];
  }
  forEachTap(g, (input, output, tap) => {
    let total = 0;
    for (let o = 0; o < outputs; o++) total += dy[output * outputs + o] * wr[tap * outputs + o];
    dx[input] += total;
  });
  return dx;
}

/** The gradient to w times r, r over output channels: one number a tap and input channel. */
export function weightGradTimes(
  g: ConvGeometry,
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  r: ArrayLike<number>,
): Float64Array {
  const [ho, wo] = outputOf(g), c = g.inputs, dw = new Float64Array(g.kernel ** 2 * c);
  const dyr = timesVector(matrixView(dy, g.images * ho * wo, g.outputs), r);
  forEachTap(g, (input, output, tap) => {
    for (let i = 0; i < c; i++) dw[tap * c + i] += x[input * c + i] * dyr[output];
  });
  return dw;
}
