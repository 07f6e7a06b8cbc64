/** Sums of gradients and updates by their mean, beside sums in JavaScript and updates by one gradient. */
import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { Adam, conv2dBank, Device, GradientSum, type Optimiser, SGD, type Tensor } from "../../../engine/mod.ts";
import type { NamedParameter } from "../../../engine/nn/mod.ts";
import { KERNEL_SETS } from "../../support/devices.ts";
import { type Random, withRandom } from "../../support/random.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

/** Sizes about fours, workgroups and groups of seven; on software adapters the large ones are added by themselves. */
const SIZES = [1, 3, 4, 5, 255, 256, 257, 7, 64, 5000, 2, 9, 4096, 4097, 12];

function parametersOf(device: Device, values: readonly Float32Array<ArrayBuffer>[]): NamedParameter[] {
  return values.map((v, i) => {
    const tensor = device.tensor(v).unscoped();
    tensor.requiresGrad = true;
    return { name: i % 3 === 0 ? `p${i}.bias` : `p${i}.weight`, tensor, trainable: true, decay: i % 3 !== 0 };
  });
}

const dispose = (parameters: readonly NamedParameter[]): void => parameters.forEach(({ tensor }) => tensor.dispose());

/** Gives each parameter but those that are null the gradient of these numbers. */
function backward(
  parameters: readonly NamedParameter[],
  gradients: readonly (Float32Array<ArrayBuffer> | null)[],
): void {
  parameters.forEach(({ tensor }, p) => {
    const own = gradients[p];
    if (!own) return;
    using _scope = tensor.device.scope();
    tensor.mul(tensor.device.tensor(own)).sum().backward();
  });
}

const zero = (parameters: readonly NamedParameter[]): void => parameters.forEach(({ tensor }) => tensor.zeroGrad());

/** Gradients of each of `count` passes; some parameters have none in some of them, and the fourth never. */
function passes(random: Random, count: number): (Float32Array<ArrayBuffer> | null)[][] {
  return Array.from(
    { length: count },
    (_, n) => SIZES.map((size, p) => p === 3 || (p + n) % 5 === 0 ? null : random.reals(size)),
  );
}

/** The sum in single precision, pass after pass. */
function added(all: readonly (readonly (Float32Array | null)[])[], p: number): Float32Array<ArrayBuffer> {
  const sum = new Float32Array(SIZES[p]);
  for (const pass of all) pass[p]?.forEach((v, i) => sum[i] += v);
  return sum;
}

for (const kernels of KERNEL_SETS) {
  Deno.test(`a sum has every gradient added whole, in the order of the passes, and counts them (${kernels})`, async () => {
    await withRandom("gradient sums", async (random) => {
      await using device = await Device.open({ kernels });
      const parameters = parametersOf(device, SIZES.map((size) => random.reals(size)));
      {
        using sum = new GradientSum(device, parameters);
        for (const count of [3, 2]) {
          const all = passes(random, count);
          for (const gradients of all) {
            backward(parameters, gradients);
            sum.add();
            zero(parameters);
          }
          const values = await sum.values.data();
          let end = 0;
          parameters.forEach((parameter, p) => {
            const first = 4 * sum.placeOf(parameter), own = values.subarray(first, first + SIZES[p]);
            deepStrictEqual(own, added(all, p), `parameter ${p}`);
            // Between parameters there are zeros, whatever the gradients' memory held there.
            ok0(values.subarray(end, first));
            end = first + SIZES[p];
          });
          ok0(values.subarray(end, sum.countPlace));
          const counts = SIZES.map((_, p) => all.filter((pass) => pass[p]).length);
          deepStrictEqual([...values.subarray(sum.countPlace)], counts);
          sum.clear();
          ok0(await sum.values.data());
        }
      }
      dispose(parameters);
      strictEqual(device.memory.liveTensors, 0);
    });
  });
}

function ok0(values: Float32Array): void {
  deepStrictEqual(values, new Float32Array(values.length));
}

/** Optimisers of all kinds, by parameters. */
const OPTIMISERS: Readonly<
  Record<string, (device: Device, parameters: NamedParameter[], grouped: boolean) => Optimiser>
> = {
  sgd: (device, p, grouped) => new SGD(device, p, { rate: 0.1, momentum: 0.9, weightDecay: 0.02, grouped }),
  clipped: (device, p, grouped) => new SGD(device, p, { rate: 0.1, clipNorm: 1000, biasRateFactor: 2, grouped }),
  adam: (device, p, grouped) => new Adam(device, p, { rate: 0.01, weightDecay: 0.02, grouped }),
  adamW: (device, p, grouped) =>
    new Adam(device, p, { rate: 0.01, weightDecay: 0.02, decoupledDecay: true, unused: "skip", grouped }),
};

const stateOf = (optimiser: Optimiser, parameters: readonly NamedParameter[]): Promise<Float32Array[]> =>
  Promise.all([...parameters.map(({ tensor }) => tensor), ...optimiser.state.values()].map((t: Tensor) => t.data()));

for (const kernels of KERNEL_SETS) {
  for (const grouped of [true, false]) {
    Deno.test(`updates by the mean of four are those by one gradient of a quarter (${kernels}, grouped ${grouped})`, async () => {
      await withRandom("updates by means", async (random) => {
        await using device = await Device.open({ kernels });
        const values = SIZES.map((size) => random.reals(size));
        const updates = [passes(random, 4), passes(random, 4), passes(random, 4)];
        for (const [name, make] of Object.entries(OPTIMISERS)) {
          const byMean = async (): Promise<Float32Array[]> => {
            const parameters = parametersOf(device, values);
            using optimiser = make(device, parameters, grouped);
            using sum = new GradientSum(device, optimiser.parameters);
            for (const all of updates) {
              for (const gradients of all) {
                backward(parameters, gradients);
                sum.add();
                zero(parameters);
              }
              optimiser.step({ sum, of: 4 });
              sum.clear();
            }
            const end = await stateOf(optimiser, parameters);
            dispose(parameters);
            return end;
          };
          const byOne = async (): Promise<Float32Array[]> => {
            const parameters = parametersOf(device, values);
            using optimiser = make(device, parameters, grouped);
            for (const all of updates) {
              // A quarter is exact.
              const means = SIZES.map((_, p) => all.some((pass) => pass[p]) ? added(all, p).map((v) => v / 4) : null);
              backward(parameters, means);
              optimiser.step();
              zero(parameters);
            }
            const end = await stateOf(optimiser, parameters);
            dispose(parameters);
            return end;
          };
          const [mean, one] = [await byMean(), await byOne()];
          mean.forEach((got, i) => deepStrictEqual(got, one[i], `${name}, tensor ${i}`));
          deepStrictEqual(mean[3], values[3], "no gradient, no change");
          notDeepStrictEqual(mean[4], values[4]);
        }
        strictEqual(device.memory.liveTensors, 0);
      });
    });
  }
}

Deno.test("sums that are added up are the sum of all, bit for bit where there are two of one pass each", async () => {
  await withRandom("sums of sums", async (random) => {
    await using device = await Device.open();
    const parameters = parametersOf(device, SIZES.map((size) => random.reals(size)));
    const [first, second] = passes(random, 2);
    const sumOf = async (...all: (typeof first)[]): Promise<Float32Array> => {
      using sum = new GradientSum(device, parameters);
      for (const gradients of all) {
        backward(parameters, gradients);
        sum.add();
        zero(parameters);
      }
      return await sum.values.data();
    };
    const [a, b, both] = [await sumOf(first), await sumOf(second), await sumOf(first, second)];
    deepStrictEqual(a.map((v, i) => v + b[i]), both);
    dispose(parameters);
  });
});

Deno.test("parts of different sizes are added by their weights, and gradients of a bank by its entries", async () => {
  await withRandom("weighted sums", async (random) => {
    for (const kernels of KERNEL_SETS) {
      await using device = await Device.open({ kernels });
      const parameters = parametersOf(device, SIZES.map((size) => random.reals(size)));
      const bank: NamedParameter = {
        name: "bank.weight",
        tensor: device.tensor(random.reals(4 * 9), [4, 1, 1, 3, 3]).unscoped(),
        trainable: true,
        decay: true,
        bank: true,
      };
      bank.tensor.requiresGrad = true;
      const zeros = device.zeros([4, 3]).unscoped();
      {
        using sum = new GradientSum(device, [...parameters, bank]);
        const all = passes(random, 2), weights = [3, 5], entries = [[2], [0, 2]];
        for (const [n, gradients] of all.entries()) {
          using _scope = device.scope();
          backward(parameters, gradients);
          for (const entry of entries[n]) {
            conv2dBank(device.ones([1, 1, 1, 3]), bank.tensor, zeros, [entry]).sum().backward();
          }
          sum.add(weights[n]);
          zero([...parameters, bank]);
        }
        const values = await sum.values.data();
        parameters.forEach((parameter, p) => {
          const first = 4 * sum.placeOf(parameter);
          for (let i = 0; i < SIZES[p]; i++) {
            const terms = all.map((pass, n) => weights[n] * (pass[p]?.[i] ?? 0));
            // Two products and a sum, each rounded once.
            const bound = 2 ** -23 * terms.reduce((total, v) => total + Math.abs(v), 0);
            ok(Math.abs(values[first + i] - terms[0] - terms[1]) <= bound, `parameter ${p}, ${i}`);
          }
        });
        // Each entry's filter has a gradient of ones, as often as it was used.
        const first = 4 * sum.placeOf(bank);
        deepStrictEqual(
          [...values.subarray(first, first + 36)],
          [5, 0, 8, 0].flatMap((v) => new Array<number>(9).fill(v)),
        );
        deepStrictEqual([...values.subarray(sum.countPlace + SIZES.length)], [1, 0, 2, 0]);
        throws(() => sum.add(NaN), /^ArgumentError: GradientSum.add: the weight is a finite number/);
      }
      dispose([...parameters, bank]);
      zeros.dispose();
      strictEqual(device.memory.liveTensors, 0);
    }
  });
});

Deno.test("clipping a mean bounds its norm, that of the mean and not of the sum", async () => {
  await using device = await Device.open();
  for (const [limit, factor] of [[0.5, 0.1], [6, 1]] as const) {
    const parameters = parametersOf(device, [new Float32Array(2), new Float32Array(1)]);
    {
      using sgd = new SGD(device, parameters, { rate: 1, clipNorm: limit });
      using sum = new GradientSum(device, sgd.parameters);
      for (let n = 0; n < 2; n++) {
        backward(parameters, [Float32Array.of(3, 0), Float32Array.of(4)]);
        sum.add();
        zero(parameters);
      }
      sgd.step({ sum, of: 2 });
      const got = [...await parameters[0].tensor.data(), ...await parameters[1].tensor.data()];
      [-3, 0, -4].forEach((v, i) => strictEqual(Math.abs(got[i] - v * factor) < 1e-6, true, `${got}`));
    }
    dispose(parameters);
  }
});

Deno.test("a mean that is none, or of other parameters, is refused", async () => {
  await using device = await Device.open();
  const parameters = parametersOf(device, [new Float32Array(2)]);
  {
    using sgd = new SGD(device, parameters, { rate: 1 });
    using other = new GradientSum(device, [...parameters]);
    using sum = new GradientSum(device, sgd.parameters);
    const step = sgd.step.bind(sgd) as (mean: unknown) => void;
    throws(() => step({ sum: other, of: 1 }), /^ArgumentError: an optimiser's step: the sum is of other parameters/);
    throws(() => step({ of: 1 }), /^ArgumentError: an optimiser's step: the sum is a GradientSum, not /);
    throws(() => step({ sum, of: 0 }), /^ArgumentError: an optimiser's step: the number of gradients .* more than 0/);
    throws(() => new GradientSum(device, {} as never), /^ArgumentError: GradientSum: parameters are those of /);
    throws(() => new GradientSum({} as never, parameters), /^ArgumentError: GradientSum: the device is /);
  }
  dispose(parameters);
});
