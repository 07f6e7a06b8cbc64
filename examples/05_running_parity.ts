/**
 * A recurrent net that counts: after each bit an LSTM says whether the ones so far are odd. It learns on sequences of 12
 * bits and is asked about ones of 96. `deno run examples/05_running_parity.ts`
 */
// deno-lint-ignore-file no-console
import { Adam, crossEntropy, Device, nn, type Tensor } from "../engine/mod.ts";

/** Reads a bit at a time: [B, T, 1] → logits of even and odd after each, [B · T, 2]. */
class Parity extends nn.Module {
  readonly #lstm: nn.LSTM;
  readonly #score: nn.Linear;

  constructor(device: Device, hidden: number, seeds: nn.Seeds) {
    super(device);
    this.#lstm = this.child("lstm", new nn.LSTM(device, { inputs: 1, hidden, seeds, forgetBias: 1 }));
    this.#score = this.child("score", new nn.Linear(device, { inputs: hidden, outputs: 2, seeds }));
  }

  forward(bits: Tensor): Tensor {
    const { outputs } = this.#lstm.forward(bits);
    const [batch, length, hidden] = outputs.shape;
    return this.#score.forward(outputs.reshape([batch * length, hidden]));
  }
}

/** Random bits [count, length, 1] and after each whether the ones so far are odd, i32 [count · length]. */
function sequences(device: Device, count: number, length: number, step: number): { bits: Tensor; parities: Tensor } {
  const bits = device.uniform([count, length, 1], { seed: 2, step }).less(0.5).cast("f32");
  return { bits, parities: bits.cumsum(1).mod(2).cast("i32").reshape([count * length]) };
}

async function accuracy(model: Parity, length: number): Promise<number> {
  using _scope = model.device.scope();
  const { bits, parities } = sequences(model.device, 50, length, 1000);
  return await model.device.noGrad(() => model.forward(bits).argmax(1).equal(parities).cast("f32").mean()).item();
}

await using device = await Device.open();
using model = new Parity(device, 16, new nn.Seeds(1));
using adam = new Adam(device, model.trainable(), { rate: 0.02, clipNorm: 1 });
for (let step = 0; step <= 300; step++) {
  using _scope = device.scope();
  const { bits, parities } = sequences(device, 32, 12, step);
  const loss = crossEntropy(model.forward(bits), parities);
  loss.backward();
  adam.step();
  model.zeroGrad();
  if (step % 50 === 0) console.log(`step ${step} loss ${(await loss.item()).toFixed(4)}`);
}
for (const length of [12, 96]) {
  console.log(`${length} bits: ${(100 * await accuracy(model, length)).toFixed(1)} % of the parities are right`);
}
