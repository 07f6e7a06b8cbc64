/**
 * Kernels at sizes of many tiles with ragged edges, larger on a GPU than on a software adapter. Inputs are small whole
 * numbers, so float32 sums are exact in every order and results must be equal. Products are compared through a random
 * combination of their columns, which costs no product of its own and which a wrong row passes by chance alone (Freivalds,
 * Probabilistic machines can use less running time, 1977).
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import type { Device } from "../../../engine/device.ts";
import * as ops from "../../../engine/ops/mod.ts";
import type { Tensor } from "../../../engine/tensor.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { type Random, withRandom } from "../../support/random.ts";

const devices = await openDevices();
const software = devices.gpu.info.isFallback;

type Shape = readonly number[];
const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);

/** Whole numbers from -3 to 3, [...shape], on the host and on the device. */
function whole(
  device: Device,
  random: Random,
  shape: Shape,
): { readonly values: Float32Array; readonly tensor: Tensor } {
  const values = Float32Array.from(random.integers(sizeOf(shape), -3, 4));
  return { values, tensor: device.tensor(values, shape) };
}

/** Weights of the columns that are combined; large, so that wrong columns do not cancel. */
const weightsFor = (random: Random, columns: number): Float64Array =>
  Float64Array.from(random.integers(columns, -(2 ** 15), 2 ** 15));

/** x [rows, columns] times a vector. */
function combine(x: ArrayLike<number>, weights: Float64Array): Float64Array {
  const columns = weights.length, out = new Float64Array(x.length / columns);
  for (let row = 0, at = 0; row < out.length; row++) {
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += x[at++] * weights[c];
    out[row] = sum;
  }
  return out;
}

function equal(got: Float64Array, want: Float64Array, what: string): void {
  const wrong = got.reduce((count, v, i) => count + Number(v !== want[i]), 0);
  const first = got.findIndex((v, i) => v !== want[i]);
  ok(
    wrong === 0 && got.length === want.length,
    `${what}: ${wrong} of ${want.length} rows are wrong, row ${first} first`,
  );
}

/** [rows, columns] of the transpose. */
function transposed(x: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(x.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = x[r * columns + c];
  return out;
}

/** Rows, columns, summed extent and whether either operand is transposed. */
const PRODUCTS: readonly (readonly [m: number, n: number, k: number, transposeA: boolean, transposeB: boolean])[] =
  software
    ? [[131, 197, 259, false, false], [65, 129, 321, true, false], [193, 67, 130, false, true], [
      1,
      261,
      515,
      false,
      false,
    ]]
    : [
      [2049, 1031, 4099, false, false],
      [1027, 1485, 2050, true, false],
      [1153, 2047, 1029, false, true],
      [515, 1031, 771, true, true],
      [1, 4096, 4099, false, false],
      [20, 4096, 25_088, false, false],
      [4096, 4096, 20, true, false],
    ];

/** Input, filter and stride. */
const CONVOLUTIONS: readonly (readonly [x: Shape, w: Shape, stride: number])[] = software
  ? [[[1, 19, 33, 20], [3, 3, 20, 36], 1], [[2, 15, 17, 13], [3, 3, 13, 9], 2], [[1, 21, 31, 68], [1, 1, 68, 72], 1]]
  : [
    [[1, 150, 250, 64], [3, 3, 64, 64], 1],
    [[1, 75, 125, 128], [3, 3, 128, 128], 2],
    [[20, 7, 7, 512], [3, 3, 512, 512], 1],
    [[3, 61, 67, 61], [3, 3, 61, 67], 1],
    [[1, 75, 125, 512], [1, 1, 512, 128], 1],
    [[1, 38, 63, 256], [1, 1, 256, 1024], 1],
    [[1, 151, 249, 3], [7, 7, 3, 64], 2],
  ];

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];

  for (const [m, n, k, transposeA, transposeB] of PRODUCTS) {
    const name = `${transposeA ? "ᵀ" : ""}${m}×${k} · ${k}×${n}${transposeB ? "ᵀ" : ""}`;
    Deno.test(`matmul (${kernels} kernels) is exact on whole numbers: ${name}`, () =>
      withRandom(`matmul ${kernels} ${name}`, (random) =>
        withoutLeaks(device, async () => {
          const read = async () => {
            using _scope = device.scope();
            const a = whole(device, random, transposeA ? [k, m] : [m, k]);
            const b = whole(device, random, transposeB ? [n, k] : [k, n]);
            const y = a.tensor.matmul(b.tensor, { transposeA, transposeB }).data();
            return { a: a.values, b: b.values, y: await y };
          };
          const { a, b, y } = await read();
          const weights = weightsFor(random, n);
          const plainA = transposeA ? transposed(a, k, m) : a, plainB = transposeB ? transposed(b, n, k) : b;
          equal(combine(y, weights), combine(plainA, combine(plainB, weights)), name);
        })));
  }

  for (const [xShape, wShape, stride] of CONVOLUTIONS) {
    const name = `[${xShape}] with [${wShape}], stride ${stride}`;
    Deno.test(`conv2d (${kernels} kernels) and both gradients are exact on whole numbers: ${name}`, () =>
      withRandom(`conv2d ${kernels} ${name}`, (random) =>
        withoutLeaks(device, async () => {
          const [count, height, width, inputs] = xShape, [kernel, , , outputs] = wShape, padding = (kernel - 1) / 2;
          const [ho, wo] = [height, width].map((extent) => Math.floor((extent + 2 * padding - kernel) / stride) + 1);
          const options = { stride, padding };
          const read = async () => {
            using _scope = device.scope();
            const x = whole(device, random, xShape), w = whole(device, random, wShape);
            const dy = whole(device, random, [count, ho, wo, outputs]);
            const made = [
              ops.conv2d(x.tensor, w.tensor, options),
              ops.conv2dDataGrad(dy.tensor, w.tensor, xShape, options),
              ops.conv2dWeightGrad(x.tensor, dy.tensor, wShape, options),
            ];
            const [y, dx, dw] = await Promise.all(made.map((t) => t.data()));
            return { x: x.values, w: w.values, dy: dy.values, y, dx, dw };
          };
          const { x, w, dy, y, dx, dw } = await read();
          const [outward, inward] = [weightsFor(random, outputs), weightsFor(random, inputs)];
          const taps = kernel * kernel;
          // w · outward [taps, inputs]; w with its channels swapped · inward [taps, outputs]; dy · outward [pixels].
          const wOut = combine(w, outward), dyOut = combine(dy, outward);
          const wIn = Float64Array.from({ length: taps * outputs }, (_, at) => {
            const tap = Math.floor(at / outputs), co = at % outputs;
            return inward.reduce((sum, weight, ci) => sum + weight * w[(tap * inputs + ci) * outputs + co], 0);
          });
          const want = {
            y: new Float64Array(count * ho * wo),
            dx: new Float64Array(count * height * width),
            dw: new Float64Array(taps * inputs),
          };
          for (let out = 0; out < want.y.length; out++) {
            const image = Math.floor(out / (ho * wo)), top = Math.floor(out / wo) % ho, left = out % wo;
            for (let tap = 0; tap < taps; tap++) {
              const row = top * stride - padding + Math.floor(tap / kernel),
                column = left * stride - padding + tap % kernel;
              if (row < 0 || row >= height || column < 0 || column >= width) continue;
              const pixel = (image * height + row) * width + column;
              let forward = 0, back = 0;
              for (let ci = 0; ci < inputs; ci++) {
                const value = x[pixel * inputs + ci];
                forward += value * wOut[tap * inputs + ci];
                want.dw[tap * inputs + ci] += value * dyOut[out];
              }
              for (let co = 0; co < outputs; co++) back += dy[out * outputs + co] * wIn[tap * outputs + co];
              want.y[out] += forward;
              want.dx[pixel] += back;
            }
          }
          equal(combine(y, outward), want.y, "forward");
          equal(combine(dx, inward), want.dx, "data gradient");
          equal(combine(dw, outward), want.dw, "weight gradient");
        })));
  }

  const [rows, columns] = software ? [517, 1031] : [5003, 4099];
  Deno.test(`pointwise ops, reductions and transposes (${kernels} kernels) are exact on whole numbers: ${rows}×${columns}`, () =>
    withRandom(`large ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        const read = async () => {
          using _scope = device.scope();
          const x = whole(device, random, [rows, columns]), y = whole(device, random, [columns]);
          const made = [
            x.tensor.relu(),
            x.tensor.mul(y.tensor),
            x.tensor.transpose([1, 0]),
            x.tensor.sum(1),
            x.tensor.sum(0),
            x.tensor.max(0),
          ];
          return { x: x.values, y: y.values, made: await Promise.all(made.map((t) => t.data())) };
        };
        const { x, y, made: [relu, mul, turned, perRow, perColumn, maxima] } = await read();
        deepStrictEqual(relu.findIndex((v, i) => v !== Math.max(x[i], 0)), -1, "relu");
        deepStrictEqual(mul.findIndex((v, i) => v !== x[i] * y[i % columns]), -1, "mul");
        deepStrictEqual(
          turned.findIndex((v, i) => v !== x[(i % rows) * columns + Math.floor(i / rows)]),
          -1,
          "transpose",
        );
        const want = { rows: new Float64Array(rows), columns: new Float64Array(columns) };
        const largest = new Float64Array(columns).fill(-Infinity);
        x.forEach((v, i) => {
          want.rows[Math.floor(i / columns)] += v;
          want.columns[i % columns] += v;
          largest[i % columns] = Math.max(largest[i % columns], v);
        });
        equal(Float64Array.from(perRow), want.rows, "sum of rows");
        equal(Float64Array.from(perColumn), want.columns, "sum of columns");
        equal(Float64Array.from(maxima), largest, "max of columns");
      })));

  Deno.test(`gradients of tables (${kernels} kernels) are exact on whole numbers, of small ones and of large`, () =>
    withRandom(`tables ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        // More elements than a GPU takes an invocation each for, and fewer.
        for (const [size, width] of [[2 ** 20 + 1, 1], [4099, 4], [67, 5]]) {
          const picks = Array.from(random.integers(40, -1, 5), (i) => i < 3 ? i : size - i);
          const read = () => {
            using _scope = device.scope();
            const table = device.zeros([size, width]);
            table.requiresGrad = true;
            const dy = whole(device, random, [picks.length, width]);
            ops.gather(table, device.tensor(Int32Array.from(picks))).backward(dy.tensor);
            return { dy: dy.values, got: table.grad!.data() };
          };
          const { dy, got } = read();
          const want = new Float32Array(size * width);
          dy.forEach((v, i) => {
            const row = picks[Math.floor(i / width)];
            if (row >= 0) want[row * width + i % width] += v;
          });
          const values = await got;
          deepStrictEqual(want.findIndex((v, i) => v !== values[i]), -1, `[${size}, ${width}]`);
        }
      })));

  Deno.test(`argmax and max's gradient (${kernels} kernels) choose the first of equals`, () =>
    withRandom(`equals ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        const [rows, columns] = [7, 403];
        const read = async () => {
          using _scope = device.scope();
          const values = Float32Array.from(random.integers(rows * columns, -3, 4));
          values.fill(2, 0, columns).fill(-Infinity, columns, 2 * columns);
          const x = device.tensor(values, [rows, columns]);
          x.requiresGrad = true;
          const at = x.argmax(1).data();
          x.max(1).backward(device.ones([rows]));
          return { values, at: await at, dx: await x.grad!.data() };
        };
        const { values, at, dx } = await read();
        const want = Array.from({ length: rows }, (_, row) => {
          const own = values.subarray(row * columns, (row + 1) * columns);
          return own.indexOf(Math.max(...own));
        });
        deepStrictEqual([...at], want);
        deepStrictEqual([...dx.keys()].filter((i) => dx[i] !== 0), want.map((column, row) => row * columns + column));
      })));
}
