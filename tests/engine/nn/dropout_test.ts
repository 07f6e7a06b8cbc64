import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { ArgumentError, ShapeError } from "../../../engine/base/errors.ts";
import { Dropout, Seeds } from "../../../engine/nn/mod.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";

const devices = await openDevices();

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];

  Deno.test(`a dropout layer (${kernels}) draws anew at each pass in training, and nothing out of it`, () =>
    withoutLeaks(device, async () => {
      using drop = new Dropout(device, { rate: 0.25, seed: 3 });
      using same = new Dropout(device, { rate: 0.25, seed: 3 });
      using other = new Dropout(device, { rate: 0.25, seeds: new Seeds(4) });
      using _scope = device.scope();
      const x = device.ones([4001]);
      const [first, second] = [await drop.forward(x).data(), await drop.forward(x).data()];
      const kept = Math.fround(1 / (1 - 0.25));
      for (const values of [first, second]) {
        const share = values.filter((v) => v === 0).length / values.length;
        // Six standard deviations of a share of 4001.
        ok(Math.abs(share - 0.25) < 6 * Math.sqrt(0.25 * 0.75 / 4001), `${share}`);
        ok(values.every((v) => v === 0 || Math.abs(v - kept) < 1e-6));
      }
      notDeepStrictEqual(first, second);
      deepStrictEqual(await same.forward(x).data(), first);
      notDeepStrictEqual(await other.forward(x).data(), first);
      deepStrictEqual([...await drop.step.data<"u32">()], [2]);
      const plain = drop.eval().forward(x);
      deepStrictEqual(await plain.data(), await x.data());
      plain.dispose();
      strictEqual(x.disposed, false);
      deepStrictEqual([...await drop.step.data<"u32">()], [2]);
      // A layer that takes over another's count draws as it would have.
      same.load(drop.stateDict());
      deepStrictEqual(await same.forward(x).data(), await drop.forward(x, { training: true }).data());
    }));

  Deno.test(`the gradient of a dropout layer (${kernels}) goes where the pass that it belongs to let numbers through`, () =>
    withoutLeaks(device, async () => {
      using drop = new Dropout(device, { seed: 5 });
      using _scope = device.scope();
      const x = device.ones([1031]);
      x.requiresGrad = true;
      // A second pass before the gradient of the first must not change it.
      const first = drop.forward(x);
      drop.forward(x);
      first.sum().backward();
      deepStrictEqual(await x.grad!.data(), await first.data());
      x.zeroGrad();
      drop.eval().forward(x).sum().backward();
      deepStrictEqual(await x.grad!.data(), new Float32Array(1031).fill(1));
      x.zeroGrad();
    }));

  Deno.test(`a captured step with dropout (${kernels}) draws anew at each replay, as it would uncaptured`, async () => {
    using drop = new Dropout(device, { seed: 6 });
    using eager = new Dropout(device, { seed: 6 });
    using x = device.ones([257]);
    using captured = device.capture(() => {
      using scope = device.scope();
      return scope.keep(drop.forward(x));
    });
    for (let pass = 0; pass < 3; pass++) {
      if (pass > 0) captured.replay();
      using y = eager.forward(x);
      deepStrictEqual(await captured.outputs.data(), await y.data(), `pass ${pass}`);
    }
    captured.outputs.dispose();
  });
}

Deno.test("a rate outside [0, 1) is refused when the layer is made", () => {
  const { cpu: device } = devices;
  for (const rate of [1, -0.1]) throws(() => new Dropout(device, { rate, seed: 1 }), ShapeError);
  throws(() => new Dropout(device, { rate: NaN, seed: 1 }), ArgumentError);
});
