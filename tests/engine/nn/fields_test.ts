/** Layers by named fields: the same tensors as by places, and the normalisations that know no other way. */
import { deepStrictEqual, notDeepStrictEqual, ok, throws } from "node:assert/strict";
import { Device, ShapeError } from "../../../engine/mod.ts";
import * as nn from "../../../engine/nn/mod.ts";
import { groupNorm, layerNorm } from "../../../engine/ops/mod.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

async function bits(module: nn.Module): Promise<[string, readonly number[], Float32Array][]> {
  return await Promise.all(
    [...module.parameters()].map(async ({ name, tensor }) => [name, tensor.shape, await tensor.data()] as const),
  ) as [string, readonly number[], Float32Array][];
}

Deno.test("a layer made by named fields has the bits of one made by places, from seeds or from a seed of its own", async () => {
  await using device = await Device.open();
  const { normal, uniform } = nn.init;
  type Make = (seeds: nn.Seeds) => nn.Module;
  const pairs: Readonly<Record<string, readonly [Make, (seeded: nn.Seeded) => nn.Module]>> = {
    linear: [
      (seeds) => new nn.Linear(device, 3, 5, seeds, { biasInit: normal(0.5) }),
      (seeded) => new nn.Linear(device, { inputs: 3, outputs: 5, ...seeded, biasInit: normal(0.5) }),
    ],
    wide: [
      (seeds) => new nn.WideLinear(device, 3, 5, seeds, { init: normal }),
      (seeded) => new nn.WideLinear(device, { inputs: 3, outputs: 5, ...seeded, init: normal }),
    ],
    conv2d: [
      (seeds) => new nn.Conv2d(device, 3, 2, 5, seeds, { bias: false }),
      (seeded) => new nn.Conv2d(device, { kernel: 3, inputs: 2, outputs: 5, ...seeded, bias: false }),
    ],
    embedding: [
      (seeds) => new nn.Embedding(device, 7, 3, seeds, { init: uniform(2) }),
      (seeded) => new nn.Embedding(device, { vocabulary: 7, width: 3, ...seeded, init: uniform(2) }),
    ],
    gruCell: [
      (seeds) => new nn.GRUCell(device, 3, 5, seeds),
      (seeded) => new nn.GRUCell(device, { inputs: 3, hidden: 5, ...seeded }),
    ],
    convGru: [
      (seeds) => new nn.ConvGRU(device, 3, 5, seeds, { kernel: 1, gates: "channel" }),
      (seeded) => new nn.ConvGRU(device, { inputs: 3, depth: 5, ...seeded, kernel: 1, gates: "channel" }),
    ],
    lstm: [
      (seeds) => new nn.LSTM(device, 3, 5, seeds, { layers: 2, forgetBias: 1 }),
      (seeded) => new nn.LSTM(device, { inputs: 3, hidden: 5, ...seeded, layers: 2, forgetBias: 1 }),
    ],
  };
  for (const [name, [byPlace, byName]] of Object.entries(pairs)) {
    using placed = byPlace(new nn.Seeds(5));
    using named = byName({ seeds: new nn.Seeds(5) });
    using alone = byName({ seed: 5 });
    using other = byName({ seed: 6 });
    const want = await bits(placed);
    deepStrictEqual(await bits(named), want, name);
    deepStrictEqual(await bits(alone), want, name);
    notDeepStrictEqual(await bits(other), want, name);
  }
  throws(
    () => new nn.Linear(device, { inputs: 3, outputs: 5 } as nn.LinearFields),
    /begins from seeds, or from a seed/,
  );
  using norm = new nn.BatchNorm2d(device, { channels: 3 });
  using placed = new nn.BatchNorm2d(device, 3);
  deepStrictEqual(await bits(norm), await bits(placed));
});

Deno.test("layer and group normalisation have learnt factors and shifts, or none, and train them", async () => {
  await using device = await Device.open();
  {
    using _scope = device.scope();
    const x = device.randn([2, 5, 6], { seed: 1 });
    using rows = new nn.LayerNorm(device, { shape: [5, 6], epsilon: 1e-3 });
    using groups = new nn.GroupNorm(device, { groups: 3, channels: 6 });
    using bare = new nn.LayerNorm(device, { shape: 6, learned: false });
    deepStrictEqual([...bare.parameters()], []);
    deepStrictEqual(await bare.forward(x).data(), await layerNorm(x).data());
    for (const norm of [rows, groups]) {
      deepStrictEqual([...norm.parameters()].map(({ name, decay }) => [name, decay]), [["gamma", false], [
        "beta",
        false,
      ]]);
      norm.gamma!.copyFrom(device.randn(norm.gamma!.shape, { seed: 2 }));
      norm.beta!.copyFrom(device.randn(norm.beta!.shape, { seed: 3 }));
      norm.forward(x).mul(x).sum().backward();
      for (const { name, tensor } of norm.parameters()) ok(tensor.grad, `${name} has no gradient`);
      norm.zeroGrad();
    }
    const want = layerNorm(x, rows.gamma, rows.beta, { axes: [1, 2], epsilon: 1e-3 });
    deepStrictEqual(await rows.forward(x).data(), await want.data());
    deepStrictEqual(
      await groups.forward(x).data(),
      await groupNorm(x, 3, groups.gamma, groups.beta).data(),
    );
    throws(() => rows.forward(device.zeros([5, 5])), /^ShapeError: LayerNorm: \[5, 5\] does not end in \[5, 6\]$/);
    throws(() => new nn.GroupNorm(device, { groups: 4, channels: 6 }), ShapeError);
  }
  deepStrictEqual(device.memory.liveTensors, 0);
});
