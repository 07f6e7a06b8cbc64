/** Parameters that some steps do not use: counts of their own, zero gradients or none, and the entries of banks. */
import assert from "node:assert/strict";
import {
  Adam,
  conv2dBank,
  Device,
  loadTensors,
  type NamedParameter,
  type Optimiser,
  saveTensors,
  SGD,
  type Tensor,
} from "../../../engine/mod.ts";
import { withUpdateCounts } from "../../../engine/internal.ts";
import { decodeSafetensors } from "../../../engine/safetensors.ts";
import { KERNEL_SETS } from "../../support/devices.ts";
import { randomFor } from "../../support/random.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

const ENTRIES = 3, CHANNELS = 3, STEPS = 6;
/** Entries of the bank that each step uses; the last entry is never used. */
const USED = [[0], [0, 0], [], [1], [0, 1], []];
/** Steps that use the plain parameter. */
const PLAIN = [false, true, true, false, false, true];
const RATE = 0.05, DECAY = 0.02;

interface Bank {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly plain: Tensor;
}

const named = ({ weight, bias, plain }: Bank): NamedParameter[] => [
  { name: "bank.weight", tensor: weight, trainable: true, decay: true, bank: true },
  { name: "plain.weight", tensor: plain, trainable: true, decay: true },
  { name: "bank.bias", tensor: bias, trainable: true, decay: false, bank: true },
];

/** Gradients by a loss that is linear in what each image's filter makes, so that they are the same at every step. */
function backward(device: Device, { weight, bias, plain }: Bank, step: number): void {
  using _scope = device.scope();
  if (PLAIN[step]) plain.mul(device.tensor([1, -2, 3, 0.5, 4])).sum().backward();
  for (const entry of USED[step]) {
    conv2dBank(device.ones([1, 1, 1, CHANNELS]), weight, bias, [entry]).sum().backward();
  }
}

/** One parameter by the rules, in float64. */
function expected(
  start: number,
  gradients: readonly (number | null)[],
  kind: "adam" | "sgd",
  unused: string,
  decay = 0,
) {
  let w = start, m = 0, s = 0, t = 0;
  for (const gradient of gradients) {
    if (gradient === null && (unused === "skip" || t === 0)) continue;
    t++;
    const g = (gradient ?? 0) + decay * w;
    if (kind === "sgd") {
      m = 0.9 * m + g;
      w -= RATE * m;
    } else {
      m = 0.9 * m + 0.1 * g;
      s = 0.99 * s + 0.01 * g * g;
      w -= RATE * m / (1 - 0.9 ** t) / (Math.sqrt(s / (1 - 0.99 ** t)) + 1e-8);
    }
  }
  return { w, t };
}

function optimiserOf(kind: "adam" | "sgd", device: Device, bank: Bank, unused: "zero" | "skip"): Optimiser {
  const options = { rate: RATE, weightDecay: DECAY, unused };
  return kind === "adam"
    ? new Adam(device, named(bank), { ...options, betas: [0.9, 0.99] })
    : new SGD(device, named(bank), { ...options, momentum: 0.9 });
}

function bankOf(device: Device, random: ReturnType<typeof randomFor>): Bank {
  const bank = {
    weight: device.tensor(random.reals(ENTRIES * CHANNELS ** 2), [ENTRIES, 1, 1, CHANNELS, CHANNELS]),
    bias: device.tensor(random.reals(ENTRIES * CHANNELS), [ENTRIES, CHANNELS]),
    plain: device.tensor(random.reals(5)),
  };
  for (const tensor of Object.values(bank)) tensor.requiresGrad = true;
  return bank;
}

for (const kind of ["adam", "sgd"] as const) {
  for (const unused of ["zero", "skip"] as const) {
    Deno.test(`${kind}, unused: ${unused}: each parameter and each entry of a bank counts its own updates`, async () => {
      const random = randomFor(`${kind} ${unused}`);
      for (const kernels of KERNEL_SETS) {
        await using device = await Device.open({ kernels });
        using _scope = device.scope();
        const bank = bankOf(device, random);
        const before = await Promise.all([bank.weight, bank.bias, bank.plain].map((t) => t.data()));
        using optimiser = optimiserOf(kind, device, bank, unused);
        for (let step = 0; step < STEPS; step++) {
          backward(device, bank, step);
          optimiser.step();
          for (const { tensor } of optimiser.parameters) tensor.zeroGrad();
        }
        const near = (got: number, want: number, what: string) =>
          assert.ok(Math.abs(got - want) < 1e-5, `${kernels}: ${what} is ${got}, not ${want}`);
        const gradient = (entry: number): (number | null)[] =>
          USED.map((used) => used.includes(entry) ? used.filter((e) => e === entry).length : null);
        const [weight, bias, plain] = await Promise.all([bank.weight, bank.bias, bank.plain].map((t) => t.data()));
        const counts = await optimiser.state.get("updates")!.data();
        for (let entry = 0; entry < ENTRIES; entry++) {
          for (let i = 0; i < CHANNELS ** 2; i++) {
            const at = entry * CHANNELS ** 2 + i;
            near(weight[at], expected(before[0][at], gradient(entry), kind, unused, DECAY).w, `weight ${entry}, ${i}`);
          }
          for (let i = 0; i < CHANNELS; i++) {
            const at = entry * CHANNELS + i, want = expected(before[1][at], gradient(entry), kind, unused);
            near(bias[at], want.w, `bias ${entry}, ${i}`);
            assert.equal(counts[entry], want.t);
            assert.equal(counts[ENTRIES + 1 + entry], want.t);
          }
        }
        [1, -2, 3, 0.5, 4].forEach((g, i) => {
          const want = expected(before[2][i], PLAIN.map((used) => used ? g : null), kind, unused, DECAY);
          near(plain[i], want.w, `plain ${i}`);
          assert.equal(counts[ENTRIES], want.t);
        });
        assert.deepEqual(
          weight.slice(2 * CHANNELS ** 2),
          before[0].slice(2 * CHANNELS ** 2),
          "never used, never moved",
        );
      }
    });
  }
}

Deno.test("a captured step goes on with its own flags, whatever other steps used meanwhile", async () => {
  await using device = await Device.open();
  using _scope = device.scope();
  const bank = bankOf(device, randomFor("captured flags")), parameters = named(bank);
  using optimiser = new SGD(device, parameters, { rate: RATE, unused: "skip" });
  const step = (used: "plain" | "bias") => {
    using _inner = device.scope();
    bank[used].sum().backward();
    optimiser.step();
    for (const { tensor } of parameters) tensor.zeroGrad();
  };
  step("plain");
  using captured = device.capture(() => step("plain"));
  step("bias");
  const before = await bank.bias.data(), plain = await bank.plain.data();
  captured.replay();
  assert.deepEqual(await bank.bias.data(), before);
  (await bank.plain.data()).forEach((v, i) => assert.equal(v, Math.fround(plain[i] - Math.fround(RATE))));
});

Deno.test("state of before there was a count for each parameter goes on where its moments say", async () => {
  await using device = await Device.open();
  using _scope = device.scope();
  const bank = bankOf(device, randomFor("old state"));
  using optimiser = optimiserOf("adam", device, bank, "zero");
  const old = new Map([...optimiser.state].filter(([name]) => name !== "updates"));
  old.set("time", device.tensor([7]));
  // Entry 1 of the bank's weight and the plain parameter were used.
  const first = new Float32Array(ENTRIES * CHANNELS ** 2);
  first[CHANNELS ** 2] = 0.5;
  old.get("bank.weight.first")!.write(first);
  old.get("plain.weight.first")!.write(new Float32Array(5).fill(1));
  const bytes = await saveTensors(old);
  loadTensors(bytes, optimiser.state, "old", { complete: (tensors) => withUpdateCounts(tensors, optimiser, "") });
  assert.deepEqual([...await optimiser.state.get("updates")!.data()], [0, 7, 0, 7, 0, 0, 0]);
  const now = await saveTensors(optimiser.state);
  const { tensors } = decodeSafetensors(now);
  assert.equal(withUpdateCounts(tensors, optimiser, ""), tensors, "new state is left alone");
});
