import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { decodeSafetensors, Device, EngineError, saveTensors, Tensor } from "../../../engine/mod.ts";
import * as nn from "../../../engine/nn/mod.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

/** A module of every kind of tensor, with a part that is registered twice. */
class Network extends nn.Module {
  readonly norm: nn.BatchNorm2d;
  readonly drop: nn.Dropout;
  readonly inner: nn.Sequential;

  constructor(device: Device, seed: number) {
    super(device);
    const seeds = new nn.Seeds(seed);
    const layer = new nn.Linear(device, { inputs: 3, outputs: 3, seeds });
    this.norm = new nn.BatchNorm2d(device, { channels: 3 });
    this.drop = new nn.Dropout(device, { rate: 0.5, seeds });
    this.inner = this.child("inner", new nn.Sequential(device, layer, this.norm, this.drop));
    this.child("again", layer);
  }
}

const NAMES = [
  "inner.0.weight",
  "inner.0.bias",
  "inner.1.gamma",
  "inner.1.beta",
  "inner.1.mean",
  "inner.1.variance",
  "inner.2.step",
];

async function values(module: nn.Module): Promise<number[][]> {
  return await Promise.all(
    [...module.stateDict().values()].map(async (tensor) => [...await tensor.data<"f32" | "u32">()]),
  );
}

Deno.test("a module's state has every tensor once, and loads from tensors, arrays and a file's contents", async () => {
  await using device = await Device.open();
  using a = new Network(device, 1);
  using b = new Network(device, 2);
  {
    using _scope = device.scope();
    a.inner.forward(device.randn([5, 3], { seed: 1 }));
  }
  deepStrictEqual([...a.stateDict().keys()], NAMES);
  const want = await values(a);
  const { tensors } = decodeSafetensors(await saveTensors(a.stateDict()));
  const arrays = Object.fromEntries(
    await Promise.all([...a.stateDict()].map(async ([name, tensor]) => [name, await tensor.data()] as const)),
  );
  for (const source of [a.stateDict(), tensors, arrays, new Map(Object.entries(arrays))]) {
    using fresh = new Network(device, 3);
    ok((await values(fresh))[0].some((v, i) => v !== want[0][i]));
    deepStrictEqual(fresh.load(source), { missing: [], unexpected: [] });
    deepStrictEqual(await values(fresh), want);
    for (const tensor of fresh.stateDict().values()) ok(tensor instanceof Tensor && !tensor.disposed);
  }
  // A copy, not the same memory.
  b.load(a.stateDict());
  a.norm.gamma.write(Float32Array.of(7, 7, 7));
  deepStrictEqual(await values(b), want);
});

Deno.test("one error names all that does not fit, and nothing is written", async () => {
  await using device = await Device.open();
  using model = new Network(device, 1);
  using wide = device.zeros([3, 4]);
  using whole = device.zeros([3], { dtype: "i32" });
  const before = await values(model);
  const given = new Map<string, nn.NamedValue>([
    ...model.stateDict(),
    ["inner.0.weight", wide],
    ["inner.0.bias", whole],
    ["inner.1.gamma", new Float32Array(2)],
    ["inner.1.beta", Float32Array.of(9, 9, 9)],
    ["other", wide],
  ]);
  given.delete("inner.1.mean");
  const reasons = [
    'tensor "inner.0.weight" is F32 [3, 4], the model has F32 [3, 3]',
    'tensor "inner.0.bias" is I32 [3], the model has F32 [3]',
    'tensor "inner.1.gamma" is F32 of 2 elements, the model has F32 [3]',
    'tensor "inner.1.mean" is missing',
    'the model has no tensor "other"',
  ];
  const message = (error: unknown): string => {
    ok(error instanceof EngineError);
    return error.message;
  };
  throws(() => model.load(given), (error) => message(error) === `load: ${reasons.join("; ")}`);
  throws(
    () => model.load(given, { strict: false }),
    (error) => message(error) === `load: ${reasons.slice(0, 3).join("; ")}`,
  );
  deepStrictEqual(await values(model), before);
  deepStrictEqual(
    model.load({ "inner.1.beta": Float32Array.of(9, 9, 9), other: wide }, { strict: false }),
    { missing: NAMES.filter((name) => name !== "inner.1.beta"), unexpected: ["other"] },
  );
  deepStrictEqual([...await model.norm.beta.data()], [9, 9, 9]);
});

Deno.test("tensors of another device are refused, and read as arrays they load", async () => {
  await using device = await Device.open();
  await using other = await Device.open();
  using a = new nn.Linear(device, { inputs: 2, outputs: 2, seed: 1, bias: false });
  using b = new nn.Linear(other, { inputs: 2, outputs: 2, seed: 2, bias: false });
  throws(() => b.load(a.stateDict()), /^EngineError: load: tensor "weight" lives on another device$/);
  const want = await a.weight.data();
  b.load({ weight: want });
  deepStrictEqual(await b.weight.data(), want);
});

Deno.test("new modules are in training; train and eval reach all parts, which follow unless called otherwise", async () => {
  await using device = await Device.open();
  using model = new Network(device, 1);
  strictEqual(model.training, true);
  const parts = [model, model.inner, model.norm, model.drop];
  strictEqual(model.eval(), model);
  deepStrictEqual(parts.map(({ training }) => training), [false, false, false, false]);
  {
    using _scope = device.scope();
    const x = device.tensor([[1, 2, 3], [4, 5, 6]]);
    const state = await values(model);
    model.inner.forward(x);
    deepStrictEqual(await values(model), state);
    const fixed = await model.norm.forward(x).data();
    deepStrictEqual(await model.norm.forward(x, { training: false }).data(), fixed);
    // A mean of 0 and a variance of 1: next to nothing changes.
    ok(fixed.every((v, i) => Math.abs(v - (i + 1)) < 1e-4));
    strictEqual(model.train(), model);
    deepStrictEqual(parts.map(({ training }) => training), [true, true, true, true]);
    const own = await model.norm.forward(x).data();
    ok(own.every((v, i) => Math.abs(v - (i < 3 ? -1 : 1)) < 1e-4));
    deepStrictEqual(model.train(false).training, false);
  }
});
