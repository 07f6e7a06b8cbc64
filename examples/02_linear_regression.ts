/**
 * Linear regression: a line is found again from noisy points by gradient descent, without layers or an optimiser.
 * `deno run examples/02_linear_regression.ts`
 */
// deno-lint-ignore-file no-console
import { Device, mseLoss } from "../engine/mod.ts";

await using device = await Device.open();
const points = 200, slope = 2.5, offset = -0.75;

using x = device.uniform([points, 1], { seed: 1, low: -1 });
using noise = device.randn([points, 1], { seed: 2, std: 0.1 });
using y = ((): typeof x => {
  using scope = device.scope();
  return scope.keep(x.mul(slope).add(offset).add(noise)); // all but what is kept is freed
})();

using w = device.zeros([1, 1]), b = device.zeros([1]);
w.requiresGrad = b.requiresGrad = true;

const rate = 0.3;
for (let step = 0; step <= 60; step++) {
  using _scope = device.scope();
  const loss = mseLoss(x.matmul(w).add(b), y);
  loss.backward();
  for (const weight of [w, b]) {
    // The update itself is not recorded.
    device.noGrad(() => weight.addInPlace(weight.grad!.mul(-rate)));
    weight.zeroGrad();
  }
  if (step % 20 === 0) console.log(`step ${step} loss ${(await loss.item()).toFixed(4)}`);
}
const [found, foundOffset] = [await w.item(), await b.item()];
console.log(`y = ${found.toFixed(2)}·x + ${foundOffset.toFixed(2)}, drawn from ${slope}·x + ${offset}`);
