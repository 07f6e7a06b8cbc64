/** Reductions, scans and selections at points that random samples do not hit: zeros, ties, infinities, long rows. */
import { deepStrictEqual, ok } from "node:assert/strict";
import * as ops from "../../../engine/ops/mod.ts";
import { sumInto } from "../../../engine/ops/reduce.ts";
import type { Tensor } from "../../../engine/tensor.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { withRandom } from "../../support/random.ts";

const devices = await openDevices();

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  const test = (name: string, body: () => Promise<void>): void =>
    Deno.test(`${name} (${kernels} kernels)`, () => withoutLeaks(device, body));
  const values = async (f: () => Tensor): Promise<number[]> => {
    using y = (() => {
      using scope = device.scope();
      return scope.keep(f());
    })();
    return [...await y.data<"f32" | "i32" | "u32">()];
  };

  test("extremes of rows that are all infinite are infinite", async () => {
    for (const extent of [1, 3, 4, 40, 1200]) {
      const full = (value: number) => device.full([2, extent], value);
      deepStrictEqual(await values(() => full(-Infinity).max(1)), [-Infinity, -Infinity], `${extent}`);
      deepStrictEqual(await values(() => full(Infinity).min(1)), [Infinity, Infinity], `${extent}`);
      deepStrictEqual(await values(() => full(-Infinity).max()), [-Infinity], `all of ${extent}`);
    }
  });

  test("extremes and sums of integers are exact, whatever their sign and number", () =>
    withRandom(`integers ${kernels}`, async (random) => {
      for (const [size, offset] of [[5, 0], [4099, 2 ** 31]]) {
        const signed = random.integers(size, -(2 ** 31), 2 ** 31),
          unsigned = Uint32Array.from(signed, (v) => v + offset);
        for (const data of [signed, unsigned]) {
          const sum = [...data].reduce((a, b) => a + b, 0), wrapped = data instanceof Int32Array ? sum | 0 : sum >>> 0;
          const got = [];
          for (const op of [ops.sum, ops.max, ops.min]) got.push(...await values(() => op(device.tensor(data))));
          deepStrictEqual(got, [wrapped, Math.max(...data), Math.min(...data)]);
        }
      }
    }));

  test("sums of whole numbers are exact, in one pass or two, along rows and columns, and added to what is there", () =>
    withRandom(`sums ${kernels}`, async (random) => {
      const cases: [shape: number[], axis: number][] = [
        ...[[3, 5], [3, 8], [131, 12], [2, 1031], [1, 70_000], [2, 70_001]].map((
          shape,
        ): [number[], number] => [shape, 1]),
        ...[[5, 3], [41, 8], [700, 36], [9001, 3], [9001, 4], [30_000, 12]].map((
          shape,
        ): [number[], number] => [shape, 0]),
      ];
      for (const [shape, axis] of cases) {
        const data = Float32Array.from(random.integers(shape[0] * shape[1], -3, 4));
        const want = new Float32Array(shape[1 - axis]).fill(7);
        data.forEach((v, i) => want[axis === 1 ? Math.floor(i / shape[1]) : i % shape[1]] += v);
        const got = await values(() => {
          const y = device.full([shape[1 - axis]], 7);
          sumInto(y, device.tensor(data, shape), [axis], { add: true });
          return y;
        });
        deepStrictEqual(got, [...want], `${shape} along ${axis}`);
        const plain = await values(() => ops.sum(device.tensor(data, shape), axis));
        deepStrictEqual(plain, [...want.map((v) => v - 7)], `${shape} along ${axis}`);
      }
    }));

  test("a batch's statistics are right of numbers far from zero, in one pass over them or in parts", () =>
    withRandom(`statistics ${kernels}`, async (random) => {
      for (const [rows, channels] of [[3, 4], [37, 8], [1031, 64], [4099, 12], [20_000, 4]]) {
        // Eighths about 4,096, which f32 has.
        const data = Float32Array.from(random.integers(rows * channels, -64, 65), (v) => 4096 + v / 8);
        using _scope = device.scope();
        const given = device.ones([channels]),
          { mean, variance } = ops.batchNorm(
            device.tensor(data, [rows, channels]),
            given,
            given,
          );
        const [means, variances] = [await mean.data(), await variance.data()];
        for (let c = 0; c < channels; c++) {
          const column = Array.from({ length: rows }, (_, r) => data[r * channels + c]);
          const average = column.reduce((a, b) => a + b) / rows;
          const squares = column.reduce((sum, v) => sum + (v - average) ** 2, 0) / rows;
          // On GPUs means of parts are joined one after another: of four rows for each of 32 invocations or more, then of
          // invocations and of parts. Each joining rounds to half of the last place.
          const bound = kernels === "gpu" ? 4096 * 2 ** -24 * (rows / 128 + 40) : 4096 * 2 ** -21;
          ok(Math.abs(means[c] - average) <= bound, `${rows}: mean ${means[c]} for ${average}`);
          ok(Math.abs(variances[c] - squares) <= 1e-4 * squares, `${rows}: variance ${variances[c]} for ${squares}`);
        }
      }
    }));

  test("the gradient of a product is that of the others where factors are 0", async () => {
    const gradient = async (rows: number[][]) => {
      using _scope = device.scope();
      const x = device.tensor(rows);
      x.requiresGrad = true;
      x.prod(1).sum().backward();
      return [...await x.grad!.data()];
    };
    deepStrictEqual(await gradient([[2, 0, 3], [0, 0, 5], [2, -4, 5], [-0, 1, 1]]), [
      ...[0, 6, 0, 0, 0, 0, -20, 10, -8, 1, 0, 0],
    ]);
    const row = Array.from({ length: 70 }, (_, i) => i === 41 ? 0 : i % 2 === 0 ? 2 : 0.5);
    // The 0 stands in the place of a half.
    deepStrictEqual(await gradient([row]), row.map((v) => v === 0 ? 2 : 0));
  });

  test("running sums of whole numbers are exact along rows of several walks", async () => {
    const row = Array.from({ length: 1000 }, (_, i) => i % 7 - 3);
    let total = 0;
    const want = row.map((v) => total += v);
    deepStrictEqual(await values(() => device.tensor([row, row]).cumsum(1)), [...want, ...want]);
    deepStrictEqual(await values(() => device.tensor([row, row]).transpose().cumsum(0).transpose()), [
      ...want,
      ...want,
    ]);
  });

  test("topk orders ties, zeros of both signs, infinities and NaN", async () => {
    const row = [1, NaN, -0, 0, 1, -Infinity, Infinity, -1];
    const pick = async (x: number[], largest: boolean) => {
      using _scope = device.scope();
      const { values, indices } = device.tensor([x]).topk(8, { largest });
      return [[...await values.data()].slice(0, 8), [...await indices.data<"i32">()].slice(0, 8)];
    };
    // Padded rows are long enough to be shared out among lanes, which changes nothing about the first eight.
    const padded = (value: number): number[] => [...row, ...new Array<number>(50).fill(value)];
    const down = [[NaN, Infinity, 1, 1, -0, 0, -1, -Infinity], [1, 6, 0, 4, 2, 3, 7, 5]];
    const up = [[-Infinity, -1, -0, 0, 1, 1, Infinity, NaN], [5, 7, 2, 3, 0, 4, 6, 1]];
    deepStrictEqual(await pick(row, true), down);
    deepStrictEqual(await pick(row, false), up);
    deepStrictEqual(await pick(padded(-Infinity), true), down);
    deepStrictEqual(await pick(padded(NaN), false), up);
  });

  test("the gradient of topk goes to the elements picked, along any axis", async () => {
    using _scope = device.scope();
    const x = device.tensor([[1, 5], [4, 2], [3, 6]]);
    x.requiresGrad = true;
    const { values, indices } = ops.topk(x, 2, { axis: 0 });
    deepStrictEqual([...await values.data()], [4, 6, 3, 5]);
    deepStrictEqual([...await indices.data<"i32">()], [1, 2, 2, 0]);
    values.mul(device.tensor([[1, 2], [3, 4]])).sum().backward();
    deepStrictEqual([...await x.grad!.data()], [0, 4, 1, 0, 3, 2]);
    deepStrictEqual(indices.requiresGrad, false);
  });

  test("std is the root of the variance, with its gradient", async () => {
    using _scope = device.scope();
    const x = device.tensor([[1, 5], [2, 8]]);
    x.requiresGrad = true;
    const y = x.std(1, { correction: 0 });
    deepStrictEqual([...await y.data()], [2, 3]);
    y.sum().backward();
    deepStrictEqual([...await x.grad!.data()], [-0.5, 0.5, -0.5, 0.5]);
  });

  test("the gradient of std is 0 where all are equal, and NaN stays NaN", async () => {
    using _scope = device.scope();
    const x = device.tensor([[3, 3], [1, 5], [NaN, 1]]);
    x.requiresGrad = true;
    const y = x.std(1, { correction: 0 });
    deepStrictEqual([...await y.data()], [0, 2, NaN]);
    y.sum().backward();
    deepStrictEqual([...await x.grad!.data()], [0, 0, -0.5, 0.5, NaN, NaN]);
  });
}

Deno.test("zeros behind a row or a column change no bit of its sum on GPUs, up to the same power of two", () =>
  withRandom("zeros behind", (random) =>
    withoutLeaks(devices.gpu, async () => {
      const device = devices.gpu;
      for (const [length, padded] of [[17, 20], [33, 36], [301, 304], [1485, 1501], [9001, 9216]]) {
        for (const columns of [1, 3, 4, 41]) {
          using _scope = device.scope();
          const x = device.tensor(random.reals(length * columns, -1, 1), [length, columns]);
          const longer = ops.pad(x, [[0, padded - length], [0, 0]]);
          const [a, b] = [ops.sum(x, 0), ops.sum(longer, 0)];
          deepStrictEqual(await b.data(), await a.data(), `${columns} columns of ${length} and ${padded}`);
        }
      }
    })));
