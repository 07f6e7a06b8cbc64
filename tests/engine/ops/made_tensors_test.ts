/** Tests beyond the registry's samples: random fills, gradients that add up, float16 storage. */
import { deepStrictEqual, notDeepStrictEqual, ok, throws } from "node:assert/strict";
import { DTypeError } from "../../../engine/base/errors.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { withRandom } from "../../support/random.ts";
import { assertClose } from "../../../engine/testing/tolerance.ts";

const devices = await openDevices();

/** Mean and variance of some numbers. */
function moments(values: Float32Array): readonly [mean: number, variance: number] {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return [mean, values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length];
}

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];

  Deno.test(`uniform random tensors (${kernels}) fill their range evenly and repeat with their seed and step`, () =>
    withRandom(`uniform ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        const size = 30_011, seed = random.integer(0, 1e6);
        const draw = (own: number, step: number) => {
          using _scope = device.scope();
          return device.uniform([size], { seed: own, step, low: -1, high: 3 }).data();
        };
        const [first, same, other, later] = await Promise.all([
          draw(seed, 0),
          draw(seed, 0),
          draw(seed + 1, 0),
          draw(seed, 1),
        ]);
        deepStrictEqual(first, same);
        notDeepStrictEqual(first, other);
        notDeepStrictEqual(first, later);
        ok(first.every((v) => v >= -1 && v < 3));
        const [mean, variance] = moments(first);
        // A uniform number over 4 has variance 16/12 and fourth moment 16/5. Six standard deviations each.
        ok(Math.abs(mean - 1) < 6 * Math.sqrt(16 / 12 / size), `mean ${mean}`);
        ok(Math.abs(variance - 16 / 12) < 6 * Math.sqrt((16 / 5 - (16 / 12) ** 2) / size), `variance ${variance}`);
        // Counts of eight equal parts.
        const counts = Array.from({ length: 8 }, () => 0);
        for (const v of first) counts[Math.floor((v + 1) * 2)]++;
        const spread = Math.sqrt(size / 8 * 7 / 8);
        ok(counts.every((c) => Math.abs(c - size / 8) < 6 * spread), `parts ${counts}`);
      })));

  Deno.test(`normal random tensors (${kernels}) have the mean, spread, tails and independence asked for`, () =>
    withRandom(`normal ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        const size = 30_011, seed = random.integer(0, 1e6);
        const draw = (own: number) => {
          using _scope = device.scope();
          return device.randn([size], { seed: own, mean: 2, std: 0.5 }).data();
        };
        const [first, same, other] = await Promise.all([draw(seed), draw(seed), draw(seed + 1)]);
        deepStrictEqual(first, same);
        notDeepStrictEqual(first, other);
        const [mean, variance] = moments(first);
        ok(Math.abs(mean - 2) < 6 * 0.5 / Math.sqrt(size), `mean ${mean}`);
        ok(Math.abs(variance - 0.25) < 6 * 0.25 * Math.sqrt(2 / size), `variance ${variance}`);
        // Shares within one and beyond two standard deviations.
        const share = (test: (z: number) => boolean): number => first.filter((v) => test((v - 2) / 0.5)).length / size;
        const near = (got: number, want: number): boolean =>
          Math.abs(got - want) < 6 * Math.sqrt(want * (1 - want) / size);
        ok(near(share((z) => Math.abs(z) < 1), 0.6826895), "share within one standard deviation");
        ok(near(share((z) => z > 2), 0.0227501), "share above two standard deviations");
        ok(near(share((z) => z < -2), 0.0227501), "share below two standard deviations");
        // Neighbours are uncorrelated.
        let product = 0;
        for (let i = 0; i + 1 < size; i += 2) product += (first[i] - 2) * (first[i + 1] - 2) / 0.25;
        ok(Math.abs(product) < 6 * Math.sqrt(size / 2), `sum of products of neighbours ${product}`);
      })));

  Deno.test(`gradients (${kernels}) of a tensor used several times, in one record or in two, add up`, () =>
    withRandom(`accumulate ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        const values = random.reals(1031), seeds = random.reals(1031);
        const read = (() => {
          using _scope = device.scope();
          const x = device.tensor(values), seed = device.tensor(seeds);
          x.requiresGrad = true;
          // d(x*x + 3x - x)/dx = 2x + 2, then once more 5 from a second record.
          x.mul(x).add(x.mul(3)).sub(x).backward(seed);
          x.mul(5).backward(seed);
          return x.grad!.data();
        })();
        // Five terms add up: |x| twice, 3, 1 and 5, each partial sum and each product rounding once.
        assertClose(await read, {
          values: Array.from(values, (v, i) => (2 * v + 7) * seeds[i]),
          bounds: Array.from(values, (v, i) => 7 * (2 * Math.abs(v) + 9) * Math.abs(seeds[i])),
        }, "sum of gradients");
      })));

  Deno.test(`float16 storage (${kernels}) rounds to a neighbouring float16 and comes back, or is refused`, () =>
    withRandom(`f16 ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        if (!device.info.features.includes("shader-f16")) {
          using _scope = device.scope();
          throws(() => device.ones([3]).cast("f16"), DTypeError);
          return;
        }
        for (const size of [0, 1, 2, 7, 1031]) {
          const values = random.reals(size, -100, 100);
          const [half, back] = await (() => {
            using _scope = device.scope();
            const stored = device.tensor(values, [size]).cast("f16");
            return Promise.all([stored.data<"f16">(), stored.cast("f32").data()]);
          })();
          for (let i = 0; i < size; i++) {
            // WGSL lets the conversion round to either neighbour; below 2^-14 they are 2^-24 apart.
            const step = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(values[i]))), -14) - 10);
            ok(Math.abs(half[i] - values[i]) < step, `${values[i]} became ${half[i]}`);
          }
          deepStrictEqual([...back], [...half]);
        }
      })));
}
