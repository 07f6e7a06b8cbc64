/** Dropout is random: what can be said of it beyond the registry's checks. */
import { deepStrictEqual, notDeepStrictEqual, ok } from "node:assert/strict";
import { dropout } from "../../../engine/ops/mod.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { withRandom } from "../../support/random.ts";

const devices = await openDevices();

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];

  Deno.test(`dropout (${kernels} kernels) zeroes its share, scales the rest and sends gradients through the same mask`, () =>
    withRandom(`dropout ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        const size = 20_011, rate = 0.1 + 0.8 * random(), seed = random.integer(0, 1e6), step = random.integer(0, 1e4);
        const values = random.reals(size, 0.5, 1.5), seeds = random.reals(size, 0.5, 1.5);
        using scope = device.scope();
        const x = device.tensor(values);
        x.requiresGrad = true;
        const y = dropout(x, { rate, seed, step });
        y.backward(device.tensor(seeds));
        const reads = Promise.all([y.data(), x.grad!.data()]);
        scope[Symbol.dispose]();
        const [kept, grads] = await reads;
        const scale = 1 / (1 - rate);
        // One rounding of the rate, one subtraction, one division: a few units in the last place.
        const close = (got: number, want: number): boolean => Math.abs(got - want) <= 2 ** -20 * want / (1 - rate);
        let zeros = 0;
        for (let i = 0; i < size; i++) {
          if (kept[i] === 0) zeros++;
          else ok(close(kept[i], values[i] * scale), `element ${i}: ${kept[i]} from ${values[i]} at rate ${rate}`);
          deepStrictEqual(grads[i] === 0, kept[i] === 0, `element ${i}: its gradient went another way`);
          ok(grads[i] === 0 || close(grads[i], seeds[i] * scale), `gradient of element ${i}`);
        }
        // Six standard deviations: one run in five hundred million fails by chance.
        const spread = Math.sqrt(size * rate * (1 - rate));
        ok(Math.abs(zeros - size * rate) < 6 * spread, `${zeros} of ${size} zeroed at rate ${rate}`);
        // Neighbours fall independently: pairs of zeros are as many as the square of the rate says.
        let pairs = 0;
        for (let i = 0; i + 1 < size; i += 2) if (kept[i] === 0 && kept[i + 1] === 0) pairs++;
        const half = Math.floor(size / 2), chance = rate * rate;
        ok(Math.abs(pairs - half * chance) < 6 * Math.sqrt(half * chance * (1 - chance)), `${pairs} pairs of zeros`);
      })));

  Deno.test(`dropout (${kernels} kernels) makes NaN of what is dropped and not finite, as PyTorch does`, () =>
    withoutLeaks(device, async () => {
      const dropped = async (value: number): Promise<number[]> => {
        using y = (() => {
          using scope = device.scope();
          return scope.keep(dropout(device.full([64], value), { rate: 0.5, seed: 7, step: 3 }));
        })();
        return [...await y.data()];
      };
      const kept = (await dropped(1)).map((v) => v !== 0);
      ok(kept.includes(true) && kept.includes(false));
      for (const value of [NaN, Infinity, -Infinity]) {
        deepStrictEqual(await dropped(value), kept.map((one) => one ? value : NaN));
      }
    }));

  Deno.test(`dropout (${kernels} kernels) draws the same mask for the same seed and step, another for others`, () =>
    withRandom(`dropout keys ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        const seed = random.integer(0, 1e6), step = random.integer(0, 1e4);
        const draw = (options: { readonly seed: number; readonly step: number }) => {
          using _scope = device.scope();
          return dropout(device.ones([1000]), { rate: 0.5, ...options }).data();
        };
        const [first, same, nextStep, nextSeed] = await Promise.all([
          draw({ seed, step }),
          draw({ seed, step }),
          draw({ seed, step: step + 1 }),
          draw({ seed: seed + 1, step }),
        ]);
        deepStrictEqual(first, same);
        notDeepStrictEqual(first, nextStep);
        notDeepStrictEqual(first, nextSeed);
        notDeepStrictEqual(nextStep, nextSeed);
      })));

  Deno.test(`dropout (${kernels} kernels) at rate 0 changes nothing`, () =>
    withoutLeaks(device, async () => {
      const values = Float32Array.from({ length: 37 }, (_, i) => i - 18.5);
      const read = (() => {
        using _scope = device.scope();
        return dropout(device.tensor(values), { rate: 0, seed: 1, step: 1 }).data();
      })();
      deepStrictEqual(await read, values);
    }));
}
