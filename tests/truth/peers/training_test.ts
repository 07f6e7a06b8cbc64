/** Optimisers, clipping, schedules and running statistics step by step beside PyTorch's (`make/training.py`). */
import { deepStrictEqual, ok } from "node:assert/strict";
import { Adam, BatchNorm2d, schedules, SGD, type Tensor } from "../../../engine/mod.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { assertClose, published } from "../../../engine/testing/tolerance.ts";
import golden from "./golden/training.json" with { type: "json" };

/** PyTorch's options of an optimiser, those a run does not set left out. */
interface Options {
  readonly lr: number;
  readonly momentum?: number;
  readonly weight_decay?: number;
  readonly betas?: readonly number[];
  readonly eps?: number;
}

const devices = await openDevices();

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  for (const { name, kind, options, clip, path } of golden.runs) {
    Deno.test(`${name} (${kernels} kernels) goes the way of PyTorch's`, () =>
      withoutLeaks(device, async () => {
        const { lr, momentum = 0, weight_decay: weightDecay = 0, betas, eps } = options as Options;
        using w = device.tensor(golden.start);
        w.requiresGrad = true;
        const parameters = [{ name: "w.weight", tensor: w, trainable: true, decay: true }];
        const common = { rate: lr, weightDecay, ...clip === null ? {} : { clipNorm: clip } };
        using optimiser = kind === "SGD"
          ? new SGD(device, parameters, { ...common, momentum })
          : new Adam(device, parameters, {
            ...common,
            ...betas ? { betas: [betas[0], betas[1]] as const } : {},
            ...eps === undefined ? {} : { epsilon: eps },
            decoupledDecay: kind === "AdamW",
          });
        for (const [step, gradient] of golden.gradients.entries()) {
          {
            using _scope = device.scope();
            w.mul(device.tensor(gradient)).sum().backward();
          }
          optimiser.step();
          w.zeroGrad();
          assertClose(await w.data(), published(path[step]), `step ${step}`);
        }
      }));
  }

  Deno.test(`batch normalisation (${kernels} kernels) has PyTorch's outputs and running statistics`, () =>
    withoutLeaks(device, async () => {
      const { gamma, beta, batches, rest } = golden.norm;
      using scope = device.scope();
      using norm = new BatchNorm2d(device, { channels: 3, epsilon: 1e-3, momentum: 0.25 });
      norm.gamma.write(Float32Array.from(gamma));
      norm.beta.write(Float32Array.from(beta));
      const data = (tensor: Tensor) => tensor.data() as Promise<Float32Array>;
      for (const { x, y, mean, variance } of batches) {
        const got = norm.forward(device.tensor(x.data, x.shape), { training: true });
        assertClose(await data(got), published(y.data), "output");
        assertClose(await data(norm.mean), published(mean), "running mean");
        assertClose(await data(norm.variance), published(variance), "running variance");
      }
      assertClose(
        await data(norm.forward(device.tensor(rest.x.data, rest.x.shape), { training: false })),
        published(rest.y.data),
        "at rest",
      );
      scope[Symbol.dispose]();
    }));
}

Deno.test("schedules give PyTorch's rates", () => {
  const own = {
    steps: schedules.steps(0.5, [3, 7], 0.1),
    cosine: schedules.cosine(0.5, 12),
    warmup: schedules.warmup(4, schedules.constant(0.5)),
  };
  deepStrictEqual(Object.keys(own), Object.keys(golden.schedules));
  for (const [name, rates] of Object.entries(golden.schedules)) {
    rates.forEach((rate, step) => {
      const got = own[name as keyof typeof own](step);
      ok(Math.abs(got - rate) <= 1e-15, `${name}, step ${step}: ${got}, not ${rate}`);
    });
  }
});
