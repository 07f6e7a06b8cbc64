import assert from "node:assert/strict";
import { contextOf } from "../../../engine/friends.ts";
import { Adam, Device, nn, optim, Optimiser, schedules, SGD, type Tensor } from "../../../engine/mod.ts";
import type { NamedParameter } from "../../../engine/nn/mod.ts";
import * as ops from "../../../engine/ops/mod.ts";
import { KERNEL_SETS } from "../../support/devices.ts";
import { withRandom } from "../../support/random.ts";
import { assertClose } from "../../../engine/testing/tolerance.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

const SIZE = 7;
const start = (): number[] => Array.from({ length: SIZE }, (_, i) => Math.fround(Math.sin(i + 1)));
const gradientAt = (step: number): number[] =>
  Array.from({ length: SIZE }, (_, i) => Math.fround(Math.cos(3 * i + step)));

const parameter = (tensor: Tensor, name = "w.weight", decay = true): NamedParameter => ({
  name,
  tensor,
  trainable: true,
  decay,
});

/** Gives w the gradient of `step` by way of a loss linear in it. */
function backward(device: Device, w: Tensor, step: number): void {
  using _scope = device.scope();
  w.mul(device.tensor(gradientAt(step))).sum().backward();
}

/** Values near 1 that went through up to sixty roundings: bounds count units of the last place of 1. */
function close(got: Float32Array, want: number[], what: string): void {
  assertClose(got, { values: Float64Array.from(want), bounds: Float64Array.from(want, () => 60) }, what);
}

Deno.test("SGD follows v = m v + g + λ w, w = w - rate v, its schedule and its factor on biases", async () => {
  await using device = await Device.open();
  for (const [name, factor, decay] of [["w.weight", 1, 0.01], ["w.bias", 2, 0]] as const) {
    using w = device.tensor(start());
    w.requiresGrad = true;
    using sgd = new SGD(device, [parameter(w, name, decay > 0)], {
      rate: 0.1,
      momentum: 0.9,
      weightDecay: 0.01,
      biasRateFactor: 2,
    });
    const rate = schedules.steps(0.1, [3, 5]);
    const want = start();
    const v = new Array<number>(SIZE).fill(0);
    for (let step = 0; step < 7; step++) {
      backward(device, w, step);
      sgd.rate = rate(step);
      sgd.step();
      w.zeroGrad();
      gradientAt(step).forEach((g, i) => {
        v[i] = 0.9 * v[i] + g + decay * want[i];
        want[i] -= factor * rate(step) * v[i];
      });
    }
    close(await w.data(), want, name);
  }
});

for (const decay of [0, 0.3]) {
  Deno.test(`Adam follows Kingma and Ba, with the decay of AdamW ${decay}, bias correction included`, async () => {
    await using device = await Device.open();
    using w = device.tensor(start());
    w.requiresGrad = true;
    const options = {
      rate: 0.05,
      betas: [0.8, 0.95],
      epsilon: 1e-6,
      weightDecay: decay,
      decoupledDecay: true,
    } as const;
    using adam = new Adam(device, [parameter(w)], options);
    const want = start();
    const [m, s] = [new Array<number>(SIZE).fill(0), new Array<number>(SIZE).fill(0)];
    for (let step = 0; step < 9; step++) {
      backward(device, w, step);
      adam.step();
      w.zeroGrad();
      gradientAt(step).forEach((g, i) => {
        m[i] = 0.8 * m[i] + 0.2 * g;
        s[i] = 0.95 * s[i] + 0.05 * g * g;
        const mean = m[i] / (1 - 0.8 ** (step + 1)), spread = Math.sqrt(s[i] / (1 - 0.95 ** (step + 1))) + 1e-6;
        want[i] = want[i] * (1 - 0.05 * decay) - 0.05 * mean / spread;
      });
    }
    // pow() and sqrt() of WGSL may be off by more than one rounding each.
    const got = await w.data();
    got.forEach((v, i) => assert.ok(Math.abs(v - want[i]) < 2e-5, `${v} against ${want[i]}`));
  });
}

Deno.test("AdamW is Adam with decoupled decay, of 0.01 where nothing else is said", async () => {
  await using device = await Device.open();
  const train = async (make: (parameters: readonly NamedParameter[]) => Optimiser): Promise<Float32Array> => {
    using w = device.tensor(start());
    w.requiresGrad = true;
    using optimiser = make([parameter(w)]);
    for (let step = 0; step < 4; step++) {
      backward(device, w, step);
      optimiser.step();
      w.zeroGrad();
    }
    return await w.data();
  };
  const adam = (weightDecay: number, decoupledDecay: boolean): Promise<Float32Array> =>
    train((parameters) => new Adam(device, parameters, { rate: 0.05, weightDecay, decoupledDecay }));
  const adamW = (options: { readonly weightDecay?: number } = {}): Promise<Float32Array> =>
    train((parameters) => new optim.AdamW(device, parameters, { rate: 0.05, ...options }));
  assert.deepEqual(await adamW(), await adam(0.01, true));
  assert.deepEqual(await adamW({ weightDecay: 0.3 }), await adam(0.3, true));
  assert.notDeepEqual(await adamW(), await adam(0.01, false));
  assert.notDeepEqual(await adamW(), await adam(0, true));
  assert.equal(optim.Optimizer, Optimiser);
});

Deno.test("parameters updated seven at a time end as those updated one by one", async () => {
  await withRandom("grouped updates", async (random) => {
    for (const kernels of KERNEL_SETS) {
      await using device = await Device.open({ kernels });
      // More than one group, sizes around a workgroup's 256 elements, one without a gradient.
      const sizes = [1, 3, 255, 256, 257, 1000, 64, 5000, 2, 511, 12, 7, 300, 4, 65_000, 9];
      const values = sizes.map((size) => random.reals(size));
      const gradients = [0, 1, 2].map(() => sizes.map((size) => random.reals(size)));
      const train = async (make: (parameters: NamedParameter[], grouped: boolean) => SGD | Adam, grouped: boolean) => {
        using _scope = device.scope();
        const parameters = values.map((v, i): NamedParameter => {
          const tensor = device.tensor(v);
          tensor.requiresGrad = true;
          return { name: i % 3 === 0 ? `p${i}.bias` : `p${i}.weight`, tensor, trainable: true, decay: i % 3 !== 0 };
        });
        using optimiser = make(parameters, grouped);
        for (const step of gradients) {
          parameters.forEach(({ tensor }, i) => i !== 4 && tensor.mul(device.tensor(step[i])).sum().backward());
          optimiser.step();
          for (const { tensor } of parameters) tensor.zeroGrad();
        }
        const state = [...optimiser.state.values()];
        return await Promise.all([...parameters.map(({ tensor }) => tensor), ...state].map((t) => t.data()));
      };
      const options = { rate: 0.1, weightDecay: 0.02, biasRateFactor: 2 };
      const made = [
        (p: NamedParameter[], grouped: boolean) => new SGD(device, p, { ...options, momentum: 0.9, grouped }),
        (p: NamedParameter[], grouped: boolean) => new SGD(device, p, { ...options, clipNorm: 0.7, grouped }),
        (p: NamedParameter[], grouped: boolean) => new Adam(device, p, { ...options, grouped }),
        (p: NamedParameter[], grouped: boolean) =>
          new Adam(device, p, { ...options, decoupledDecay: true, clipNorm: 0.7, grouped }),
      ];
      for (const [kind, make] of made.entries()) {
        const { dispatches } = contextOf(device).stats;
        const together = await train(make, true);
        const between = contextOf(device).stats.dispatches;
        const apart = await train(make, false);
        // Fifteen parameters, three times: in three groups, or in two and the two largest by themselves.
        assert.equal(
          (contextOf(device).stats.dispatches - between) - (between - dispatches),
          3 * (kernels === "gpu" ? 12 : 11),
        );
        together.forEach((got, i) => assert.deepEqual(got, apart[i], `${kernels}, optimiser ${kind}, tensor ${i}`));
        assert.deepEqual(together[4], values[4], "no gradient, no change");
      }
      assert.equal(device.memory.liveTensors, 0);
    }
  });
});

Deno.test("clipping scales all gradients together to the limit, and leaves small ones alone", async () => {
  await using device = await Device.open();
  for (const [limit, factor] of [[0.5, null], [1e6, 1]] as const) {
    using a = device.zeros([SIZE]);
    using b = device.zeros([2]);
    a.requiresGrad = b.requiresGrad = true;
    using sgd = new SGD(device, [parameter(a, "a"), parameter(b, "b")], { rate: 1, clipNorm: limit });
    {
      using _scope = device.scope();
      a.mul(device.tensor(gradientAt(0))).sum().add(b.mul(3).sum()).backward();
    }
    const norm = Math.sqrt(gradientAt(0).reduce((s, g) => s + g * g, 18));
    sgd.step();
    close(await a.data(), gradientAt(0).map((g) => -g * (factor ?? limit / norm)), `limit ${limit}`);
    close(await b.data(), [3, 3].map((g) => -g * (factor ?? limit / norm)), `limit ${limit}`);
    a.zeroGrad();
    b.zeroGrad();
  }
});

Deno.test("schedules give the rates their names promise", () => {
  const steps = schedules.steps(1, [10, 20]);
  assert.deepEqual([0, 9, 10, 19, 20].map((s) => Number(steps(s).toFixed(6))), [1, 1, 0.1, 0.1, 0.01]);
  const cosine = schedules.cosine(2, 100);
  assert.deepEqual([0, 50, 100, 150].map((s) => Number(cosine(s).toFixed(6))), [2, 1, 0, 0]);
  const warm = schedules.warmup(4, schedules.constant(1));
  assert.deepEqual([0, 1, 3, 9].map(warm), [0.25, 0.5, 1, 1]);
  const untyped = schedules as unknown as Record<string, (...given: unknown[]) => unknown>;
  for (const wrong of ["0.1", NaN, Promise.resolve(1), undefined]) {
    for (const name of ["constant", "steps", "cosine", "warmup"]) {
      assert.throws(
        () => untyped[name](wrong, name === "steps" ? [1] : 1),
        new RegExp(`^ArgumentError: schedules.${name}: (rate|steps) is a finite number, not `),
      );
    }
  }
  assert.throws(() => untyped.steps(1, "10"), /^ArgumentError: schedules.steps: boundaries is a list of numbers, not /);
  assert.throws(
    () => untyped.steps(1, [10], "0.5"),
    /^ArgumentError: schedules.steps: factor is a finite number, not /,
  );
  assert.throws(() => untyped.cosine(1, "10"), /^ArgumentError: schedules.cosine: steps is a finite number, not /);
  assert.throws(
    () => untyped.warmup(4, 1),
    /^ArgumentError: schedules.warmup: what follows is a function, not number 1/,
  );
});

Deno.test("different parameters of one name are refused, and with a prefix each has state of its own", async () => {
  await using device = await Device.open();
  using a = new nn.Linear(device, { inputs: 2, outputs: 2, seed: 1 });
  using b = new nn.Linear(device, { inputs: 2, outputs: 2, seed: 2 });
  assert.throws(
    () => new SGD(device, [...a.trainable(), ...b.trainable()], { rate: 1 }),
    /^ArgumentError: an optimiser: different parameters are named "weight", "bias"; give .* a prefix, as in /,
  );
  using sgd = new SGD(device, [...a.trainable("a."), ...b.trainable("b."), ...a.trainable()], { rate: 1 });
  const names = ["a.weight", "a.bias", "b.weight", "b.bias"];
  assert.deepEqual(sgd.parameters.map(({ name }) => name), names);
  assert.deepEqual([...sgd.state.keys()], ["updates", ...names.map((name) => `${name}.velocity`)]);
});

Deno.test("AdamW decays by its default where the option is undefined", async () => {
  await using device = await Device.open();
  const decayed = async (options: object): Promise<Float32Array> => {
    using w = device.tensor(start());
    w.requiresGrad = true;
    using adam = new optim.AdamW(device, [parameter(w)], { rate: 0.05, ...options });
    backward(device, w, 0);
    adam.step();
    w.zeroGrad();
    return await w.data();
  };
  assert.deepEqual(await decayed({ weightDecay: undefined }), await decayed({}));
  assert.notDeepEqual(await decayed({ weightDecay: 0 }), await decayed({}));
});

Deno.test("parameters without a gradient stay as they are", async () => {
  await using device = await Device.open();
  using w = device.tensor(start());
  w.requiresGrad = true;
  using sgd = new SGD(device, [parameter(w)], { rate: 1, weightDecay: 1 });
  sgd.step();
  assert.deepEqual([...await w.data()], start());
  void ops;
});
