import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { ArgumentError, decodeSafetensors, Device, EngineError, saveTensors, Tensor } from "../../../engine/mod.ts";
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

/** A module whose registrations are open to all. */
class Open extends nn.Module {
  weight(name: string, options?: nn.ParameterOptions): Tensor {
    return this.parameter(name, [1], nn.init.ones, 0, options);
  }

  part(name: string, module: nn.Module): void {
    this.child(name, module);
  }
}

Deno.test("a name is of one parameter or part, and a part may have several", async () => {
  await using device = await Device.open();
  const refuses = (run: () => unknown, name: string): void =>
    throws(run, { name: "ArgumentError", message: `Open: the name "${name}" is taken, and weights go by their names` });
  using module = new Open(device), other = new nn.Linear(device, { inputs: 2, outputs: 2, seed: 1 });
  const layer = new nn.Linear(device, { inputs: 2, outputs: 2, seed: 2 });
  module.weight("w");
  module.part("l", layer);
  refuses(() => module.weight("w"), "w");
  refuses(() => module.part("l", other), "l");
  refuses(() => module.part("l", layer), "l");
  refuses(() => module.weight("l.bias"), "l.bias");
  module.weight("m.weight");
  refuses(() => module.part("m", other), "m");
  module.part("again", layer);
  deepStrictEqual([...module.stateDict().keys()], ["w", "m.weight", "l.weight", "l.bias"]);
  throws(
    () => module.part("p", Promise.resolve(layer) as never),
    /^ArgumentError: Open: the part "p" is a module, not/,
  );
  throws(
    () => module.weight("p", { trainable: "false" } as never),
    /^ArgumentError: Open: trainable is true or false, not the string "false"/,
  );
});

Deno.test("a tensor that two layers share is one parameter, by its first name", async () => {
  await using device = await Device.open();
  using shared = device.tensor([[1, 2], [3, 4]]);
  const tied = (): nn.Linear =>
    new nn.Linear(device, { inputs: 2, outputs: 2, seed: 1, bias: false, init: () => shared });
  using model = new nn.Sequential(device, tied(), tied());
  deepStrictEqual([...model.stateDict().keys()], ["0.weight"]);
  deepStrictEqual(model.trainable().map(({ name }) => name), ["0.weight"]);
  deepStrictEqual(model.load({ "0.weight": Float32Array.of(1, 0, 0, 1) }), { missing: [], unexpected: [] });
  deepStrictEqual([...await shared.data()], [1, 0, 0, 1]);
});

Deno.test("load, train and freeze refuse what they do not take, in a sentence, and nothing is written", async () => {
  await using device = await Device.open();
  using model = new nn.Linear(device, { inputs: 1, outputs: 1, seed: 1, init: nn.init.ones });
  const right = { weight: Float32Array.of(7), bias: Float32Array.of(7) };
  const load = model.load.bind(model) as (...given: unknown[]) => unknown;
  const refuses = (run: () => unknown, wanted: RegExp): void =>
    throws(run, (error: unknown) => error instanceof ArgumentError && wanted.test(error.message));
  refuses(() => load(right, { Strict: false }), /^load: there is no option "Strict"; it takes strict/);
  refuses(() => load(right, false), /^load: options are an object, not boolean false/);
  refuses(() => load(right, { strict: "false" }), /^load: strict is true or false, not the string "false"/);
  for (const wrong of [undefined, null, "x", 3, [right], Promise.resolve(right), model, model.weight]) {
    refuses(() => load(wrong), /^load: values are named in a map or an object, not /);
    refuses(() => load(wrong, { strict: false }), /^load: values are named in a map or an object, not /);
  }
  refuses(() => load({ ...right, weight: [7] }), /^load: "weight" is a tensor, a typed array or .*, not an array/);
  refuses(() => load({ weight: Promise.resolve(right.weight) }, { strict: false }), /not a promise: await it/);
  refuses(() => load({ ...right, bias: null }), /^load: "bias" is a tensor, .* not null/);
  const file = { dtype: "F32", shape: [1], data: Float32Array.of(7) };
  refuses(() => load({ ...right, bias: { ...file, data: [7] } }), /^load: tensor "bias" of type F32 has an array/);
  refuses(() => load({ ...right, bias: { ...file, data: Int32Array.of(7) } }), /"bias" of type F32 has a Int32Array/);
  refuses(() => load({ ...right, bias: { ...file, shape: [2] } }), /"bias" has 1 elements, its shape \[2\] asks for 2/);
  refuses(() => load({ ...right, bias: { ...file, dtype: "f32" } }), /"bias" has the type "f32"; known: /);
  const gone = device.ones([1]);
  gone.dispose();
  throws(() => load({ ...right, bias: gone }), /^DisposedError: load: the tensor given for "bias" is disposed$/);
  deepStrictEqual((await values(model)).flat(), [1, 0]);
  for (const wrong of ["x", 1, null]) {
    refuses(() => model.train(wrong as never), /^train: its argument is true or false, not /);
    refuses(
      () => (model.freeze as (...given: unknown[]) => unknown).call(model, wrong),
      /^freeze: it takes no argument/,
    );
  }
  strictEqual(model.weight.requiresGrad, true);
  model.bias!.dispose();
  throws(() => load(right), /^DisposedError: load: the model's tensor "bias" is disposed$/);
  deepStrictEqual([...await model.weight.data()], [1]);
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
