/** The mark that updates leave where a parameter stops being finite. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Adam, Device, type Optimiser, SGD, type Tensor } from "../../../engine/mod.ts";
import type { NamedParameter } from "../../../engine/nn/mod.ts";
import { KERNEL_SETS } from "../../support/devices.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

/** Sizes about the fours that an invocation updates; those of a group of seven, and one more. */
const SIZES = [1, 3, 4, 5, 7, 8, 13, 261];

/** Parameters of ones whose gradients are what `factor` makes of parameter and step. */
function made(device: Device): { parameters: NamedParameter[]; backward(factor: (p: number) => number[]): void } {
  const tensors = SIZES.map((size) => {
    const tensor = device.tensor(new Float32Array(size).fill(1)).unscoped();
    tensor.requiresGrad = true;
    return tensor;
  });
  const backward = (factor: (p: number) => number[]): void => {
    using _scope = device.scope();
    const sums = tensors.map((tensor, p) => tensor.mul(device.tensor(Float32Array.from(factor(p)))).sum());
    sums.reduce((a: Tensor, b: Tensor) => a.add(b)).backward();
  };
  const parameters = tensors.map((tensor, p) => ({ name: `p${p}.weight`, tensor, trainable: true, decay: true }));
  return { parameters, backward };
}

for (const kernels of KERNEL_SETS) {
  for (const grouped of [true, false]) {
    Deno.test(`the first parameter that is not finite is named with its step (${kernels}, grouped ${grouped})`, async () => {
      await using device = await Device.open({ kernels });
      const cases: [string, (parameters: NamedParameter[]) => Optimiser, number][] = [
        ["a gradient of infinity", (list) => new SGD(device, list, { rate: 0.1, momentum: 0.9, grouped }), Infinity],
        ["a gradient that is none", (list) => new Adam(device, list, { rate: 0.1, grouped }), NaN],
        // 1e30 squared: the weight stays finite, the second moment does not.
        ["a moment beyond the range", (list) => new Adam(device, list, { rate: 0.1, grouped }), 1e30],
        // The joint norm overflows, and nothing would be learnt any more.
        ["a norm beyond the range", (list) => new SGD(device, list, { rate: 0.1, clipNorm: 1, grouped }), 1e30],
      ];
      for (const [what, build, wild] of cases) {
        const { parameters, backward } = made(device);
        using optimiser = build(parameters);
        const step = (value: (p: number, i: number) => number): void => {
          backward((p) => Array.from({ length: SIZES[p] }, (_, i) => value(p, i)));
          optimiser.step();
          for (const { tensor } of parameters) tensor.zeroGrad();
        };
        for (let n = 0; n < 3; n++) step((p, i) => Math.sin(p + i + n));
        strictEqual(await optimiser.nonFinite(), null, what);
        step((p, i) => p === 4 && i === 6 ? wild : 1);
        step(() => 1);
        const found = await optimiser.nonFinite();
        // A norm is that of all: the first is named.
        deepStrictEqual(found, { name: what.includes("norm") ? "p0.weight" : "p4.weight", steps: 2 }, what);
        strictEqual(await optimiser.nonFinite(), null, `${what}, forgotten`);
        for (const { tensor } of parameters) tensor.dispose();
      }
    });
  }
}

Deno.test("what lies behind a parameter's last number is not looked at", async () => {
  await using device = await Device.open();
  const { parameters } = made(device);
  for (const grouped of [true, false]) {
    using sgd = new SGD(device, parameters, { rate: 0.1, grouped });
    {
      using _scope = device.scope();
      // The gradient is 1 / x, and behind the last x there are zeros.
      const quotients = parameters.map(({ tensor }) =>
        tensor.div(device.tensor(new Float32Array(tensor.size).fill(2))).sum()
      );
      quotients.reduce((a, b) => a.add(b)).backward();
      sgd.step();
    }
    strictEqual(await sgd.nonFinite(), null);
    for (const { tensor } of parameters) tensor.zeroGrad();
  }
  for (const { tensor } of parameters) tensor.dispose();
});
