/**
 * Work that comes to kernels which no sample of an op runs: tensors made of nothing, halves, steps of optimisers, convolutions large
 * enough for Winograd's way. Coverage counts what it reaches; the tests named in `cli/test/elsewhere.ts` check what it computes.
 */
import type { Device } from "../../device.ts";
import { Dropout } from "../../nn/dropout.ts";
import type { NamedParameter } from "../../nn/parameter.ts";
import { conv2d } from "../../ops/conv.ts";
import { sumInto } from "../../ops/reduce.ts";
import { Adam } from "../../optim/adam.ts";
import { GradientSum } from "../../optim/gradient_sum.ts";
import type { Optimiser } from "../../optim/optim.ts";
import { SGD } from "../../optim/sgd.ts";
import { blocksOf, WINOGRAD_FORMS } from "../../tuning/table.ts";
import { withTiling } from "../checks/tilings.ts";
import { runGradients } from "./beyond_gradients.ts";

/** Tensors made of nothing, and a dropout's count of its passes. */
function fills(device: Device): void {
  device.uniform([131], { seed: 1, low: -1, high: 1 });
  device.randn([131], { seed: 1 });
  device.randn([131], { seed: 1, truncated: true });
  device.arange(0, 1, 0.125);
  device.arange(7, 1, -2, { dtype: "i32" });
  device.eye(5, 3);
  using drop = new Dropout(device, { rate: 0.5, seed: 1 });
  drop.forward(device.ones([67]));
}

function halves(device: Device): void {
  if (device.info.features.includes("shader-f16")) device.ones([67]).cast("f16").cast("f32");
}

/** Parameters enough for a group and one more: one is never used, one is a bank, all but the unused have gradients at every other step. */
const PARAMETERS = 10;

/** Steps of each optimiser, on parameters one by one and in groups. */
function updates(device: Device): void {
  for (const grouped of [false, true]) {
    const parameters = Array.from({ length: PARAMETERS }, (_, i): NamedParameter => ({
      name: `weight${i}`,
      // One is larger than those that a software adapter updates in groups.
      tensor: device.ones([4, i === 1 ? 1100 : 5 + i]),
      trainable: true,
      decay: i > 0,
      bank: i === PARAMETERS - 1,
    }));
    for (const { tensor } of parameters) tensor.requiresGrad = true;
    const options = { rate: 0.1, weightDecay: 0.1, clipNorm: 0.5, grouped };
    const optimisers: readonly Optimiser[] = [
      new SGD(device, parameters, { ...options, momentum: 0.9 }),
      new Adam(device, parameters, options),
      new Adam(device, parameters, { ...options, decoupledDecay: true, unused: "skip" }),
    ];
    for (const optimiser of optimisers) {
      for (let step = 0; step < 3; step++) {
        for (const { tensor } of step === 1 ? [] : parameters.slice(1)) tensor.mul(3).sum().backward();
        optimiser.step();
        for (const { tensor } of parameters) tensor.zeroGrad();
      }
      sumOf(device, optimiser);
      optimiser[Symbol.dispose]();
    }
  }
}

/** An update by the mean of two gradients, of all parameters but one. */
function sumOf(device: Device, optimiser: Optimiser): void {
  const { parameters } = optimiser;
  using sum = new GradientSum(device, parameters);
  for (let pass = 0; pass < 2; pass++) {
    for (const { tensor } of parameters.slice(1)) tensor.mul(3).sum().backward();
    sum.add();
    for (const { tensor } of parameters) tensor.zeroGrad();
  }
  optimiser.step({ sum, of: 2 });
}

/** Convolutions by Winograd's way with their gradients. */
async function winograd(device: Device): Promise<void> {
  const [block] = blocksOf(device.kernels, "matmul nn");
  for (const form of WINOGRAD_FORMS) {
    await withTiling(device, { ...block, splitK: 1, winograd: form }, () => {
      using _scope = device.scope();
      const x = device.ones([1, 13, 11, 8]), w = device.ones([3, 3, 8, 12]);
      x.requiresGrad = w.requiresGrad = true;
      // The second time gradients are added to those of the first.
      for (let times = 0; times < 2; times++) {
        const y = conv2d(x, w, { padding: 1 });
        y.backward(device.ones(y.shape));
      }
      return Promise.resolve();
    });
  }
}

/** A sum of rows of fours, added to what is there. */
function sums(device: Device): void {
  sumInto(device.ones([3]), device.ones([3, 8]), [1], { add: true });
}

/** Runs all of it on a device. */
export async function runBeyond(device: Device): Promise<void> {
  for (const work of [fills, halves, updates, sums]) {
    using _scope = device.scope();
    work(device);
  }
  await winograd(device);
  await runGradients(device);
  await device.finish();
}
