/** Results kept in 16 bits for the backward pass. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { conv2d, crossEntropy, Device, maxPool2d, Tensor } from "../../../engine/mod.ts";
import { type Random, withRandom } from "../../support/random.ts";

/** The true class. */
const TRUE = 3;

/**
 * Of a gradient without cancelling terms: 2^-11 for each saved number, about as much again for sums of up to 4,095 float32
 * terms in two runs, and twice 2^-11 times y² / (1 - y²) < 1 for the slope of tanh.
 */
const ROUNDING = 2e-3;
/** Below 2^-14 f16 rounds by up to 2^-25; slopes of a class come to no more than 1. */
const SUBNORMAL = 2 ** -25;

/** Gradients of two convolutions and a pool between them, and the bytes alive before the backward pass. */
async function gradients(device: Device, x: Float32Array<ArrayBuffer>, weights: readonly Tensor[]) {
  using scope = device.scope();
  const [first, second] = weights;
  const alive = device.memory.liveBytes;
  const loss = device.scope();
  const map = conv2d(device.tensor(x, [1, 65, 63, 8]), first, { padding: "same", activation: "relu" });
  const logits = conv2d(maxPool2d(map, 2), second, { padding: "same", activation: "tanh" }).mean([1, 2]);
  const total = loss.keep(crossEntropy(logits, device.tensor(Int32Array.of(TRUE))));
  loss[Symbol.dispose]();
  const bytes = device.memory.liveBytes - alive;
  total.backward();
  const grads = await Promise.all(weights.map(({ grad }) => grad!.data()));
  for (const weight of weights) weight.zeroGrad();
  void scope;
  return { grads, bytes, loss: await total.item() };
}

/** Uniform numbers in [low, high] that are multiples of `step`. */
function multiples(random: Random, size: number, low: number, high: number, step: number): Float32Array<ArrayBuffer> {
  return random.reals(size, low, high).map((v) => Math.round(v / step) * step);
}

/**
 * An image and two filters with which no gradient cancels, so that f16's rounding of each term bounds that of the sum. The
 * image and what comes back through the second filter are not negative: its column of the true class, whose slope alone
 * is negative, is negative. So small a second filter keeps tanh where its slope is about 1. The first map is a multiple of
 * 2^-18, so that f16 takes no positive value for 0.
 */
function withoutCancelling(device: Device, random: Random): { x: Float32Array<ArrayBuffer>; weights: Tensor[] } {
  const x = multiples(random, 65 * 63 * 8, 0, 1, 2 ** -8);
  const first = multiples(random, 9 * 8 * 16, -0.2, 0.2, 2 ** -10);
  const second = random.reals(9 * 16 * 12, 0.001, 0.004).map((v, i) => i % 12 === TRUE ? -v : v);
  const weights = [device.tensor(first, [3, 3, 8, 16]), device.tensor(second, [3, 3, 16, 12])];
  for (const weight of weights) weight.requiresGrad = true;
  return { x, weights };
}

Deno.test("half saves keep the loss's bits and halve large results on the tape; gradients agree to f16's rounding", async () => {
  await withRandom("half saves", async (random) => {
    await using device = await Device.open();
    const { x, weights } = withoutCancelling(device, random);
    const full = await gradients(device, x, weights);
    device.halfSaves = true;
    const half = await gradients(device, x, weights);
    const again = await gradients(device, x, weights);
    strictEqual(half.loss, full.loss);
    deepStrictEqual(again, half);
    // The first map and the pooled one are kept; the image is no result.
    ok(full.bytes - half.bytes > 0.9 * (65 * 63 + 32 * 31) * 16 * 2, `${half.bytes} of ${full.bytes} bytes`);
    let differ = 0;
    full.grads.forEach((want, i) => {
      want.forEach((v, at) => {
        const error = Math.abs(v - half.grads[i][at]);
        if (error > 0) differ++;
        ok(error <= ROUNDING * Math.abs(v) + SUBNORMAL, `${half.grads[i][at]}, not ${v}`);
      });
    });
    ok(differ > 0, "nothing was kept in 16 bits");
    for (const weight of weights) weight.dispose();
    strictEqual(device.memory.liveTensors, 0);
  });
});

Deno.test("what f16 cannot hold becomes its largest value, not infinity", async () => {
  await using device = await Device.open();
  using scope = device.scope();
  const values = device.tensor(Float32Array.of(1e6, -7e4, 65504, 1 / 3));
  const back = await values.cast("f16").cast("f32").data();
  void scope;
  deepStrictEqual([...back.subarray(0, 3)], [65504, -65504, 65504]);
  ok(Math.abs(back[3] - 1 / 3) < 2e-4);
});

Deno.test("a result saved in 16 bits may be written to before the backward pass", async () => {
  await using device = await Device.open();
  device.halfSaves = true;
  using scope = device.scope();
  const w = device.full([4096], 0.5);
  w.requiresGrad = true;
  const y = w.mul(2);
  const loss = y.mul(y).sum();
  device.noGrad(() => y.addInPlace(device.full([4096], 9)));
  loss.backward();
  const grad = await w.grad!.data();
  void scope;
  // d/dw (2w)² = 8w at w = 1/2.
  ok(grad.every((v) => Math.abs(v - 4) < 1e-2), `${grad[0]}`);
  w.dispose();
});
