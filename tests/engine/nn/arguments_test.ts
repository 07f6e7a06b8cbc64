/** Devices, layers and optimisers given other kinds of arguments than they take, as callers without types give them. */
import { deepStrictEqual, doesNotThrow, match, ok, rejects, throws } from "node:assert/strict";
import * as engine from "../../../engine/mod.ts";
import { openDevices, withoutLeaks } from "../../support/devices.ts";

const { ArgumentError, Device, nn } = engine;
const { cpu: device, gpu } = await openDevices();

/** A class as callers without types see it. */
type Made = new (...given: unknown[]) => Disposable & { forward?: (x: unknown) => unknown };

/** Right fields of each layer. */
const LAYERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  Linear: { inputs: 2, outputs: 3, seed: 1, activation: "relu", bias: true },
  WideLinear: { inputs: 2, outputs: 3, seed: 1, activation: "relu", init: () => nn.init.ones },
  Conv2d: {
    kernel: 3,
    inputs: 2,
    outputs: 3,
    seed: 1,
    activation: "relu",
    stride: 2,
    padding: "same",
    dilation: [1, 2],
    bias: true,
  },
  BatchNorm2d: { channels: 2, epsilon: 1e-3, momentum: 0.1 },
  LayerNorm: { shape: 2, epsilon: 0, learned: false },
  GroupNorm: { groups: 1, channels: 2, epsilon: 1e-3, learned: true },
  Dropout: { rate: 0.5, seed: 1 },
  Embedding: { vocabulary: 4, width: 2, seed: 1 },
  GRUCell: { inputs: 2, hidden: 3, seed: 1 },
  ConvGRU: { inputs: 2, depth: 3, seed: 1, kernel: 3, gates: "cell", activation: "tanh" },
  LSTM: { inputs: 2, hidden: 3, seed: 1, layers: 2, forgetBias: 1 },
};

const STEPS = [0, -1, 1.5, "1", NaN, [1], [1, 0], [1, 1, 1], ["1", 1]];

/** Values that fields are not which may be left out; "Layer.field" is for one layer alone. */
const WRONG_FIELDS: Readonly<Record<string, readonly unknown[]>> = {
  rate: ["0.5", NaN, Infinity],
  epsilon: ["1e-3", NaN, -1e-3],
  momentum: ["0.1", NaN, -0.1, 1.5],
  learned: ["false", 0],
  bias: ["false", 0],
  layers: ["2", NaN, 0, 1.5],
  forgetBias: ["1", NaN, Infinity],
  stride: STEPS,
  dilation: STEPS,
  padding: ["SAME", "1", NaN, -1, 1.5, [1, 1], [[1, 1]], [[1, 1], [1, -1]], [["1", 1], [1, 1]]],
  "ConvGRU.kernel": ["3", NaN, 0, 2, 1.5],
};

/** Classes of modules that are made from other things than fields. */
const OTHERS = ["Module", "Sequential", "Seeds"];

/** Optimisers with right options. */
const OPTIMISERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  SGD: { rate: 0.1, momentum: 0.9, weightDecay: 0.1, biasRateFactor: 2, clipNorm: 1, grouped: false },
  Adam: { rate: 0.1, betas: [0.9, 0.99], epsilon: 1e-6, decoupledDecay: true, unused: "skip" },
  AdamW: { rate: 0.1, betas: [0.9, 0.99], epsilon: 1e-6, weightDecay: 0.1 },
};

/** Values that options of optimisers are not, besides strings, NaN and promises. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  momentum: [-0.1, Infinity],
  weightDecay: [-0.1],
  biasRateFactor: [Infinity],
  clipNorm: [0, -1],
  grouped: [1, "false"],
  betas: [[0.9], [0.9, 0.99, 0.999], [0.9, "0.99"], [NaN, 0.99], [0.9, 1], [-0.1, 0.99]],
  epsilon: [-1e-8],
  decoupledDecay: ["false"],
};

function refuses(run: () => unknown, wanted: RegExp): void {
  throws(run, (error: unknown) => {
    ok(error instanceof ArgumentError, `${error}`);
    match(error.message, wanted);
    ok(!/[.!?] [A-Z]|\n/.test(error.message), `more than a sentence: ${error.message}`);
    return true;
  });
}

const isClass = (value: unknown): boolean => typeof value === "function" && /^class\b/.test(String(value));

Deno.test("the tables have every layer and every optimiser", () => {
  const layers = Object.entries(nn).filter(([, value]) => isClass(value)).map(([name]) => name);
  deepStrictEqual([...Object.keys(LAYERS), ...OTHERS].toSorted(), layers.toSorted());
  const optimisers = Object.entries(engine.optim).filter(([, value]) => isClass(value)).map(([name]) => name);
  deepStrictEqual(
    [...Object.keys(OPTIMISERS), "GradientSum", "Optimiser", "Optimizer"].toSorted(),
    optimisers.toSorted(),
  );
});

for (const [name, fields] of Object.entries(LAYERS)) {
  Deno.test(`${name} refuses fields that it does not have, and sizes and names that are none`, () =>
    withoutLeaks(device, () => {
      const Layer = nn[name as keyof typeof nn] as unknown as Made;
      const makeOn = (on: unknown, given: unknown): void => new Layer(on, given)[Symbol.dispose]();
      const make = (given: unknown): void => makeOn(device, given);
      doesNotThrow(() => make(fields));
      refuses(
        () => make({ ...fields, noSuchField: 1 }),
        new RegExp(`^${name}: there is no option "noSuchField"; it takes`),
      );
      for (const given of [undefined, null, "2", Promise.resolve(fields)]) {
        refuses(() => make(given), new RegExp(`^${name}: `));
      }
      refuses(() => makeOn(undefined, fields), /^\w+: the device is an open Device, not undefined/);
      refuses(() => makeOn(Promise.resolve(device), fields), /the device is an open Device, not a promise: await it/);
      for (const [field, value] of Object.entries(fields)) {
        const optional = WRONG_FIELDS[`${name}.${field}`] ?? WRONG_FIELDS[field];
        if (optional) {
          doesNotThrow(() => make({ ...fields, [field]: undefined }));
          for (const wrong of [null, Promise.resolve(value), ...optional]) {
            refuses(() => make({ ...fields, [field]: wrong }), new RegExp(`^${name}: ${field} is `));
          }
        } else if (typeof value === "number" && field !== "seed") {
          for (const wrong of [undefined, "3", NaN, 0, 1.5, -1]) {
            refuses(() => make({ ...fields, [field]: wrong }), new RegExp(`^${name}: ${field} is a`));
          }
        }
        if (typeof value === "string" && !optional) {
          refuses(
            () => make({ ...fields, [field]: "gelu" }),
            new RegExp(`^${name}: ${field} is the string "gelu"; it is one of`),
          );
        }
        if (field === "seed") {
          for (const wrong of [undefined, "1", NaN, 1.5]) {
            refuses(() => make({ ...fields, seed: wrong }), /begins from seeds, or/);
          }
          refuses(() => make({ ...fields, seed: undefined, seeds: 7 }), /seeds are new Seeds/);
        }
      }
      if (!Layer.prototype.forward) return;
      using layer = new Layer(device, fields);
      using _scope = device.scope();
      for (const wrong of [undefined, "3", Promise.resolve(1), 3]) {
        throws(() => layer.forward!(wrong), engine.EngineError);
      }
    }));
}

for (const [name, options] of Object.entries(OPTIMISERS)) {
  Deno.test(`${name} refuses options that there are not, and what are no parameters`, () =>
    withoutLeaks(device, () => {
      const Optimiser = engine.optim[name as keyof typeof engine.optim] as unknown as Made;
      using layer = new nn.Linear(device, { inputs: 2, outputs: 3, seed: 1 });
      const makeOn = (on: unknown, parameters: unknown, given: unknown): void =>
        new Optimiser(on, parameters, given)[Symbol.dispose]();
      const make = (parameters: unknown, given: unknown): void => makeOn(device, parameters, given);
      doesNotThrow(() => make(layer.trainable(), options));
      for (const option of ["lr", "learningRate", "eps"]) {
        refuses(
          () => make(layer.trainable(), { ...options, [option]: 1 }),
          new RegExp(`^${name}: there is no option "${option}"; it takes rate, `),
        );
      }
      for (const given of [undefined, null, 0.1]) {
        refuses(() => make(layer.trainable(), given), new RegExp(`^${name}: options`));
      }
      for (const rate of [undefined, "0.1", NaN, Infinity, Promise.resolve(1)]) {
        refuses(() => make(layer.trainable(), { ...options, rate }), /rate is a finite number, not/);
      }
      for (const [option, wrong] of Object.entries(WRONG)) {
        if (!(option in options)) continue;
        doesNotThrow(() => make(layer.trainable(), { ...options, [option]: undefined }));
        for (const value of [null, "0.5", NaN, Promise.resolve(1), ...wrong]) {
          refuses(
            () => make(layer.trainable(), { ...options, [option]: value }),
            new RegExp(`^(an optimiser|SGD|Adam): (each of )?${option} (is|are) `),
          );
        }
      }
      refuses(() => make([], options), /there are no parameters to update/);
      refuses(() => make(layer, options), /parameters are listed, by module\.trainable\(\); this is a Linear/);
      refuses(() => make([layer.weight], options), /a parameter is .*, not a Tensor/);
      refuses(() => makeOn(undefined, layer.trainable(), options), /the device is an open Device/);
      refuses(
        () => make(layer.trainable(), { ...options, unused: "keep" }),
        /unused is the string "keep"; it is one of/,
      );
      using optimiser = new Optimiser(device, layer.trainable(), options) as Disposable & { rate: unknown };
      refuses(() => optimiser.rate = "1", /rate is a finite number, not the string "1"/);
      refuses(() => optimiser.rate = NaN, /rate is a finite number, not number NaN/);
    }));
}

Deno.test("layers refuse initialisers that are none, and what these make where it is no tensor of the shape", () =>
  withoutLeaks(device, () => {
    const { init } = nn;
    const linear = (make: unknown): unknown =>
      new (nn.Linear as unknown as Made)(device, { ...LAYERS.Linear, init: make });
    const wide = (make: unknown): unknown =>
      new (nn.WideLinear as unknown as Made)(device, { ...LAYERS.WideLinear, init: make });
    refuses(() => linear(init.normal), /^init.normal: std is a finite number, 0 or more, not a Device/);
    refuses(
      () => linear(init.heTruncatedOf),
      /^init.heTruncatedOf: the fan-in is a finite number, 0 or more, not a Device/,
    );
    refuses(() => linear(() => 3), /^Linear: what the initialiser of "weight" gives is a tensor, not number 3/);
    refuses(
      () => linear(() => () => init.ones),
      /^Linear: what the initialiser of "weight" gives is a tensor, not a f/,
    );
    refuses(() => linear(async () => await 1), /"weight" gives is a tensor, not a promise: await it/);
    refuses(() => wide(undefined), /^WideLinear: init is a function, not undefined/);
    refuses(() => wide(init.heNormal), /^init.heNormal: the device is an open Device, not number 2/);
    refuses(() => wide(() => 3), /^WideLinear: what init makes of the fan-in is a function, not number 3/);
    for (const wrong of ["0.1", NaN, -1, undefined]) {
      const untyped = init as unknown as Record<string, (given: unknown) => unknown>;
      refuses(() => untyped.normal(wrong), /^init.normal: std is a finite number, 0 or more, not /);
      refuses(() => untyped.uniform(wrong), /^init.uniform: bound is a finite number, 0 or more, not /);
      refuses(
        () => untyped.heTruncatedOf(wrong),
        /^init.heTruncatedOf: the fan-in is a finite number, 0 or more, not /,
      );
    }
    for (const wrong of ["1", NaN, 1.5, undefined]) {
      refuses(() => new (nn.Seeds as unknown as Made)(wrong), /^Seeds: the first is a whole number, not /);
    }
    using _scope = device.scope();
    throws(() => linear(() => device.ones([3, 2])), {
      name: "ShapeError",
      message: 'Linear: the initialiser of "weight" gives [3, 2], the parameter is [2, 3]',
    });
    throws(() => linear(() => gpu.ones([2, 3])), /^EngineError: Linear: .* "weight" gives a tensor of another device/);
  }));

Deno.test("passes refuse options that they do not have, and flags that are none", () =>
  withoutLeaks(device, () => {
    using drop = new nn.Dropout(device, { seed: 1 });
    using norm = new nn.BatchNorm2d(device, { channels: 2 });
    using conv = new nn.Conv2d(device, { kernel: 1, inputs: 2, outputs: 2, seed: 1 });
    using _scope = device.scope();
    const x = device.ones([1, 1, 1, 2]);
    type Pass = (x: unknown, options: unknown) => unknown;
    for (const [name, layer] of Object.entries({ Dropout: drop, BatchNorm2d: norm })) {
      const forward = layer.forward.bind(layer) as Pass;
      refuses(
        () => forward(x, { train: false }),
        new RegExp(`^${name}.forward: there is no option "train"; it takes t`),
      );
      for (const wrong of [false, "false", null, Promise.resolve({})]) {
        refuses(() => forward(x, wrong), new RegExp(`^${name}.forward: options are an object, not `));
      }
      for (const training of ["false", 0, null, Promise.resolve(false)]) {
        refuses(() => forward(x, { training }), new RegExp(`^${name}.forward: training is true or false, not `));
      }
      doesNotThrow(() => forward(x, { training: undefined }));
    }
    const forward = conv.forward.bind(conv) as Pass;
    refuses(() => forward(x, false), /^Conv2d.forward: options are an object, not boolean false/);
    refuses(() => forward(x, { stride: 2 }), /^Conv2d.forward: there is no option "stride"; it takes scale, bias/);
  }));

Deno.test("an LSTM refuses states that are not a tensor a layer, and an embedding names itself", () =>
  withoutLeaks(device, () => {
    using lstm = new nn.LSTM(device, { inputs: 2, hidden: 3, seed: 1, layers: 2 });
    using table = new nn.Embedding(device, { vocabulary: 4, width: 2, seed: 1 });
    using _scope = device.scope();
    const x = device.ones([1, 2, 2]), h = [device.zeros([1, 3]), device.zeros([1, 3])];
    const forward = lstm.forward.bind(lstm) as (x: unknown, state: unknown) => unknown;
    doesNotThrow(() => forward(x, { h, c: h }));
    refuses(() => forward(x, { h }), /^LSTM: c of the state is a list of 2, a tensor a layer, not undefined/);
    refuses(() => forward(x, { h, c: h.slice(1) }), /^LSTM: c of the state .* not one of 1/);
    refuses(() => forward(x, { h: h[0], c: h }), /^LSTM: h of the state .* not a Tensor/);
    refuses(() => forward(x, { h, c: [h[0], 3] }), /^LSTM: c of a layer's state is a tensor, not number 3/);
    refuses(() => forward(x, Promise.resolve({ h, c: h })), /^LSTM: h of the state/);
    refuses(() => table.forward([1, 2] as never), /^Embedding: the indices is a tensor, not an array/);
    throws(() => table.forward(x), /^DTypeError: Embedding: the indices has dtype f32, expected i32/);
  }));

Deno.test("a sequence refuses what is no layer, and a device what is no data", async () => {
  refuses(
    () => new (nn.Sequential as unknown as Made)(device, 3),
    /^Sequential: layer 0 is a module or a function, not number 3/,
  );
  refuses(
    () => new (nn.Sequential as unknown as Made)(device, engine.relu, nn.Linear),
    /^Sequential: layer 1 is the class Linear; give a layer, made with new/,
  );
  const untyped = device as unknown as Record<string, (...given: unknown[]) => unknown>;
  refuses(() => untyped.tensor("3"), /^tensor: data are numbers in nested arrays.*the string "3"/);
  refuses(() => untyped.tensor([1, "2"]), /^tensor: data are/);
  refuses(() => untyped.tensor(Promise.resolve([1])), /a promise: await it/);
  refuses(() => untyped.tensor([1], [1], { type: "i32" }), /^tensor: there is no option "type"; it takes dtype/);
  refuses(() => untyped.zeros(3), /^zeros: the shape is a list of numbers, not number 3/);
  refuses(() => untyped.ones(["3"]), /^ones: the shape is a list of numbers, not one with the string "3"/);
  refuses(() => untyped.zeros([3], "i32"), /^zeros: options are an object/);
  refuses(() => untyped.zeros([3], { dtype: "float32" }), /^zeros: dtype is the string "float32"; it is one of f32/);
  refuses(() => untyped.full([3], "1"), /^full: the value is a number, not the string "1"/);
  refuses(() => untyped.randn([3], {}), /^randn: seed is a number, not undefined/);
  refuses(
    () => untyped.uniform([3], { seed: 1, min: 0 }),
    /^uniform: there is no option "min"; it takes seed, step, low, high/,
  );
  refuses(() => untyped.uniform([3], { seed: 1, low: "1" }), /^uniform: low is a number, not the string "1"/);
  refuses(() => untyped.randn([3], { seed: 1, std: "2" }), /^randn: std is a number, not the string "2"/);
  refuses(() => untyped.randn([3], { seed: 1, truncated: "no" }), /^randn: truncated is true or false/);
  refuses(
    () => untyped.tensor([1], undefined, { dtype: "int32" }),
    /^tensor: dtype is the string "int32"; it is one of f32/,
  );
  const open = Device.open as unknown as (options: unknown) => Promise<unknown>;
  await rejects(open.call(Device, { memoryLimit: "1024" }), /memoryLimit is a number of bytes, not the string "1024"/);
  await rejects(open.call(Device, { memoryLimit: NaN }), /memoryLimit is a number of bytes, not number NaN/);
  await rejects(
    open.call(Device, { adaptor: "gpu" }),
    /^ArgumentError: Device.open: there is no option "adaptor"; it takes adapter/,
  );
  await rejects(
    open.call(Device, { adapter: "nvidia" }),
    /adapter is the string "nvidia"; it is one of auto, gpu, cpu/,
  );
});
