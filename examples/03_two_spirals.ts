/**
 * A classifier of two spirals that wind around each other: layers, Adam, a rate that falls along a cosine.
 * `deno run examples/03_two_spirals.ts`
 */
// deno-lint-ignore-file no-console
import { Adam, crossEntropy, Device, nn, schedules } from "../engine/mod.ts";

/** Points of both spirals, [2n, 2], and which of the two each lies on, [2n]. `shift` in [0, 1) moves them along. */
function spirals(n: number, shift: number): { points: Float32Array<ArrayBuffer>; labels: Int32Array<ArrayBuffer> } {
  const points = new Float32Array(4 * n), labels = new Int32Array(2 * n);
  for (let i = 0; i < 2 * n; i++) {
    const arm = i % 2, along = ((i >> 1) + shift) / n;
    const radius = 0.1 + 0.9 * along, angle = 3 * Math.PI * along + arm * Math.PI;
    points.set([radius * Math.cos(angle), radius * Math.sin(angle)], 2 * i);
    labels[i] = arm;
  }
  return { points, labels };
}

await using device = await Device.open();
const seeds = new nn.Seeds(1), count = 100, steps = 400;
const hidden = (inputs: number) => new nn.Linear(device, { inputs, outputs: 48, seeds, activation: "tanh" });
using model = new nn.Sequential(
  device,
  hidden(2),
  hidden(48),
  new nn.Linear(device, { inputs: 48, outputs: 2, seeds }),
);
const rateAt = schedules.warmup(20, schedules.cosine(0.02, steps));
using adam = new Adam(device, model.trainable(), { rate: rateAt(0) });

const train = spirals(count, 0), test = spirals(count, 0.5); // tested between the points of training
using x = device.tensor(train.points, [2 * count, 2]), labels = device.tensor(train.labels);
for (let step = 0; step <= steps; step++) {
  using _scope = device.scope();
  const loss = crossEntropy(model.forward(x), labels);
  loss.backward();
  adam.rate = rateAt(step);
  adam.step();
  model.zeroGrad();
  if (step % 100 === 0) {
    console.log(`step ${step} rate ${adam.rate.toFixed(4)} loss ${(await loss.item()).toFixed(4)}`);
  }
}

using _scope = device.scope();
const answers = device.noGrad(() => model.forward(device.tensor(test.points, [2 * count, 2])).argmax(1));
const guessed = await answers.data<"i32">();
const right = guessed.filter((guess, i) => guess === test.labels[i]).length;
console.log(`${right} of ${2 * count} points between those of training are right`);
