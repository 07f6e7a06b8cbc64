/**
 * A captured step: the commands of a training step are kept and replayed, without the JavaScript that made them. The same
 * weights come out, to the bit. Both ways are timed once on this machine; a busy one, or one that computes slowly, may show
 * nothing saved. `deno run examples/08_captured_step.ts`
 */
// deno-lint-ignore-file no-console
import { Adam, crossEntropy, Device, nn, schedules } from "../engine/mod.ts";

const BATCH = 16, STEPS = 200;
const rateAt = schedules.cosine(0.01, STEPS);

/** Trains a net on random points; returns its first weights and the milliseconds that a step took. */
async function train(device: Device, captured: boolean): Promise<{ weights: Float32Array; perStep: number }> {
  const seeds = new nn.Seeds(1), random = new Float32Array(BATCH * 8);
  const layer = (inputs: number, outputs: number): nn.Linear =>
    new nn.Linear(device, { inputs, outputs, seeds, activation: "relu" });
  using model = new nn.Sequential(device, layer(8, 32), layer(32, 32), layer(32, 32), layer(32, 32), layer(32, 4));
  using adam = new Adam(device, model.trainable(), { rate: rateAt(0) });

  // Static inputs: tensors at fixed places, written anew before each step.
  using x = device.zeros([BATCH, 8]), labels = device.zeros([BATCH], { dtype: "i32" });
  const write = (step: number): void => {
    for (let i = 0; i < random.length; i++) random[i] = Math.sin(12.9898 * (step * random.length + i));
    x.write(random);
    labels.write(Int32Array.from({ length: BATCH }, (_, i) => Math.floor(2 * (random[8 * i] + 1)) % 4));
  };
  const step = (): void => {
    using _scope = device.scope();
    crossEntropy(model.forward(x), labels).backward();
    adam.step();
    model.zeroGrad();
  };

  write(0);
  step(); // compiles the kernels
  write(1);
  using recorded = captured ? device.capture(step) : undefined; // runs it, too
  if (!recorded) step();
  await device.finish();
  const start = performance.now();
  for (let n = 2; n < STEPS; n++) {
    write(n);
    adam.rate = rateAt(n);
    recorded ? recorded.replay() : step();
  }
  await device.finish();
  const perStep = (performance.now() - start) / (STEPS - 2);
  const [{ tensor }] = model.trainable();
  return { weights: await tensor.data(), perStep };
}

await using device = await Device.open();
const plain = await train(device, false), replayed = await train(device, true);
const same = plain.weights.every((value, i) => Object.is(value, replayed.weights[i]));
console.log(`measured here: plain ${plain.perStep.toFixed(2)} ms a step, replayed ${replayed.perStep.toFixed(2)} ms`);
console.log(`weights ${same ? "equal to the bit" : "differ"} after ${STEPS} steps`);
