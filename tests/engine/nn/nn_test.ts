import assert from "node:assert/strict";
import * as checkpoint from "../../../engine/checkpoint.ts";
import { decodeSafetensors, Device, SGD, type Tensor } from "../../../engine/mod.ts";
import * as nn from "../../../engine/nn/mod.ts";
import type { NamedParameter } from "../../../engine/nn/mod.ts";
import * as ops from "../../../engine/ops/mod.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

const named = (module: nn.Module): string[] => [...module.parameters()].map((p: NamedParameter) => p.name);

Deno.test("parameters are found by dotted names, in order, with weight decay on weights only", async () => {
  await using device = await Device.open();
  const seeds = new nn.Seeds(1);
  using model = new nn.Sequential(
    device,
    new nn.Linear(device, { inputs: 3, outputs: 4, seeds }),
    ops.relu,
    new nn.Linear(device, { inputs: 4, outputs: 2, seeds, bias: false }),
  );
  assert.deepEqual(named(model), ["0.weight", "0.bias", "2.weight"]);
  assert.deepEqual([...model.parameters()].map((p) => p.decay), [true, false, true]);
  model.freeze();
  assert.equal(model.trainable().length, 0);
});

Deno.test("the same seed gives the same weights, another seed others, and no two layers share any", async () => {
  await using device = await Device.open();
  const weights = async (seed: number): Promise<number[][]> => {
    const seeds = new nn.Seeds(seed);
    using a = new nn.Linear(device, { inputs: 8, outputs: 8, seeds });
    using b = new nn.Linear(device, { inputs: 8, outputs: 8, seeds });
    return [[...await a.weight.data()], [...await b.weight.data()]];
  };
  assert.deepEqual(await weights(5), await weights(5));
  assert.notDeepEqual(await weights(5), await weights(6));
  const [a, b] = await weights(5);
  assert.notDeepEqual(a, b);
});

Deno.test("He's initialiser has the variance it promises", async () => {
  await using device = await Device.open();
  using conv = new nn.Conv2d(device, { kernel: 3, inputs: 32, outputs: 64, seed: 2 });
  const w = await conv.weight.data();
  const variance = w.reduce((s, v) => s + v * v, 0) / w.length;
  assert.ok(Math.abs(variance / (2 / (9 * 32)) - 1) < 0.05, `${variance}`);
});

Deno.test("He's truncated initialiser keeps that variance and ends at two standard deviations", async () => {
  await using device = await Device.open();
  using layer = new nn.Linear(device, { inputs: 200, outputs: 300, seed: 2, init: nn.init.heTruncated });
  const w = await layer.weight.data();
  const variance = w.reduce((s, v) => s + v * v, 0) / w.length;
  assert.ok(Math.abs(variance / (2 / 200) - 1) < 0.03, `${variance}`);
  const largest = w.reduce((m, v) => Math.max(m, Math.abs(v)), 0), end = 2 * Math.sqrt(1.3 * 2 / 200);
  assert.ok(largest <= end * (1 + 1e-6) && largest > 0.98 * end, `${largest}, ${end}`);
  const beyondOne = w.filter((v) => Math.abs(v) > end / 2).length / w.length;
  // Of a normal cut at two standard deviations, 28.5 % lie beyond one.
  assert.ok(Math.abs(beyondOne - 0.285) < 0.01, `${beyondOne}`);
});

Deno.test("a fully connected layer wider than a binding is kept in blocks, and is one layer all the same", async () => {
  await using device = await Device.open();
  using scope = device.scope();
  const [inputs, outputs] = [8401, 8001];
  using layer = new nn.WideLinear(device, {
    inputs,
    outputs,
    seed: 2,
    init: (fanIn) => nn.init.normal(1 / Math.sqrt(fanIn)),
    activation: "relu",
  });
  const blocks = [...layer.parameters()].filter(({ name }) => name.endsWith("weight"));
  assert.deepEqual(blocks.map(({ name, tensor }) => [name, tensor.shape]), [
    ["0.weight", [2801, outputs]],
    ["1.weight", [2801, outputs]],
    ["2.weight", [2799, outputs]],
  ]);
  const x = device.randn([2, inputs], { seed: 5 });
  const y = layer.forward(x);
  y.sum().backward();
  const values = await x.data(), got = await y.data();
  const columns = [0, 1, 4000, 8000];
  const sums = columns.map(() => [0, 0]);
  for (const [b, { tensor }] of blocks.entries()) {
    for (const [k, column] of columns.entries()) {
      const weights = await scope.keep(tensor.slice([0, column], [tensor.shape[0], 1])).data();
      for (let n = 0; n < 2; n++) weights.forEach((w, r) => sums[k][n] += w * values[n * inputs + b * 2801 + r]);
    }
    // d(sum of relu)/dW[r, c] adds up x[n, r] over the rows n whose output c is positive.
    const gradient = await tensor.grad!.slice([7, 0], [1, outputs]).data();
    for (const column of columns) {
      const want = [0, 1].reduce(
        (s, n) => s + (got[n * outputs + column] > 0 ? values[n * inputs + b * 2801 + 7] : 0),
        0,
      );
      assert.ok(Math.abs(gradient[column] - want) < 1e-5);
    }
  }
  columns.forEach((column, k) => {
    for (let n = 0; n < 2; n++) {
      assert.ok(Math.abs(got[n * outputs + column] - Math.max(0, sums[k][n])) < 1e-4, `${n}, ${column}`);
    }
  });
  layer.zeroGrad();
});

Deno.test("batch normalisation in training normalises and moves its running statistics towards the batch's", async () => {
  await using device = await Device.open();
  {
    using _scope = device.scope();
    using norm = new nn.BatchNorm2d(device, { channels: 3, momentum: 0.25 });
    const x = device.randn([4, 5, 5, 3], { seed: 1, mean: 2, std: 3 });
    const values = await x.data();
    const y = await norm.forward(x, { training: true }).data();
    for (let c = 0; c < 3; c++) {
      const column = (a: Float32Array) => [...a].filter((_, i) => i % 3 === c);
      const mean = (v: number[]) => v.reduce((s, w) => s + w, 0) / v.length;
      const m = mean(column(values));
      const v = mean(column(values).map((w) => (w - m) ** 2));
      assert.ok(Math.abs(mean(column(y))) < 1e-5 && Math.abs(mean(column(y).map((w) => w * w)) - 1) < 1e-3);
      assert.ok(Math.abs((await norm.mean.data())[c] - 0.25 * m) < 1e-5);
      assert.ok(Math.abs((await norm.variance.data())[c] - (0.75 + 0.25 * v * 100 / 99)) < 1e-4);
    }
    const fixed = await norm.forward(x, { training: false }).data();
    assert.notDeepEqual(fixed, y);
  }
});

Deno.test("an LSTM over a sequence is its cell step by step, in each layer", async () => {
  await using device = await Device.open();
  {
    using _scope = device.scope();
    using lstm = new nn.LSTM(device, { inputs: 3, hidden: 4, seed: 3, layers: 2 });
    const x = device.randn([2, 5, 3], { seed: 4 });
    const { outputs, h, c } = lstm.forward(x);
    assert.deepEqual(outputs.shape, [2, 5, 4]);
    const p = new Map([...lstm.parameters()].map((q) => [q.name, q.tensor]));
    const weights = (l: number) => ({
      wx: p.get(`${l}.x.weight`)!,
      wh: p.get(`${l}.h.weight`)!,
      bx: p.get(`${l}.x.bias`)!,
      bh: p.get(`${l}.h.bias`)!,
    });
    let [h0, c0, h1, c1]: Tensor[] = [0, 1, 2, 3].map(() => device.zeros([2, 4]));
    for (let t = 0; t < 5; t++) {
      ({ h: h0, c: c0 } = ops.lstmCell(x.slice([0, t, 0], [2, 1, 3]).reshape([2, 3]), h0, c0, weights(0)));
      ({ h: h1, c: c1 } = ops.lstmCell(h0, h1, c1, weights(1)));
      assert.deepEqual(await outputs.slice([0, t, 0], [2, 1, 4]).data(), await h1.data());
    }
    assert.deepEqual(await h[0].data(), await h0.data());
    assert.deepEqual(await c[1].data(), await c1.data());
    outputs.sum().backward();
    for (const { name, tensor } of lstm.parameters()) assert.ok(tensor.grad, `${name} has no gradient`);
    lstm.zeroGrad();
  }
});

Deno.test("embedding, GRU and convolutional GRU layers have the shapes they say and train every parameter", async () => {
  await using device = await Device.open();
  {
    using _scope = device.scope();
    const seeds = new nn.Seeds(7);
    using table = new nn.Embedding(device, { vocabulary: 10, width: 6, seeds });
    using gru = new nn.GRUCell(device, { inputs: 6, hidden: 5, seeds });
    using memory = new nn.ConvGRU(device, { inputs: 3, depth: 4, seeds, init: nn.init.heNormal });
    const words = device.tensor(new Int32Array([1, 9, 1]));
    const h = gru.forward(table.forward(words), device.randn([3, 5], { seed: 1 }));
    assert.deepEqual(h.shape, [3, 5]);
    const s = memory.forward(device.randn([2, 7, 6, 3], { seed: 2 }), device.randn([2, 7, 6, 4], { seed: 3 }));
    assert.deepEqual(s.shape, [2, 7, 6, 4]);
    h.sum().add(s.sum()).backward();
    for (const module of [table, gru, memory]) {
      for (const { name, tensor } of module.parameters()) assert.ok(tensor.grad, `${name} has no gradient`);
      module.zeroGrad();
    }
  }
  assert.equal(device.memory.liveTensors, 0);
});

Deno.test("a module saved as safetensors loads into another, and a file of another model is refused by name", async () => {
  await using device = await Device.open();
  {
    using a = new nn.GRUCell(device, { inputs: 3, hidden: 4, seed: 1 });
    using b = new nn.GRUCell(device, { inputs: 3, hidden: 4, seed: 2 });
    using other = new nn.Linear(device, { inputs: 3, outputs: 4, seed: 2 });
    using wider = new nn.GRUCell(device, { inputs: 3, hidden: 5, seed: 2 });
    const bytes = await checkpoint.saveTensors(checkpoint.tensorsOf(a.parameters()), { step: "7" });
    assert.deepEqual(checkpoint.loadTensors(bytes, checkpoint.tensorsOf(b.parameters()), "a.safetensors"), {
      step: "7",
    });
    assert.deepEqual(await b.wx.data(), await a.wx.data());
    assert.throws(
      () => checkpoint.loadTensors(bytes, checkpoint.tensorsOf(other.parameters()), "a.safetensors"),
      /a\.safetensors: tensor "weight" is missing/,
    );
    assert.throws(
      () => checkpoint.loadTensors(bytes, checkpoint.tensorsOf(wider.parameters()), "a.safetensors"),
      /is F32 \[3, 12\], the model has F32 \[3, 15\]/,
    );
    assert.throws(
      () => checkpoint.loadTensors(bytes.subarray(0, 90), checkpoint.tensorsOf(b.parameters()), "cut.safetensors"),
      /^SafetensorsError: cut\.safetensors:/,
    );
  }
});

Deno.test("a layer that is used twice is one parameter: gradients add, and it is updated and saved once", async () => {
  await using device = await Device.open();
  const layer = new nn.Linear(device, { inputs: 1, outputs: 1, seed: 1, bias: false });
  layer.weight.write(Float32Array.of(2));
  using model = new nn.Sequential(device, layer, layer);
  assert.deepEqual(named(model), ["0.weight"]);
  const listed = [...model.trainable(), { ...model.trainable()[0], name: "again" }];
  for (const parameters of [model.trainable(), listed]) {
    layer.weight.write(Float32Array.of(2));
    using sgd = new SGD(device, parameters, { rate: 0.1 });
    using _scope = device.scope();
    // y = w · w · x, so dy/dw = 2 w x = 4.
    model.forward(device.ones([1, 1])).sum().backward();
    assert.deepEqual([...await layer.weight.grad!.data()], [4]);
    sgd.step();
    assert.deepEqual([...await layer.weight.data()], [Math.fround(1.6)]);
    assert.equal(sgd.parameters.length, 1);
    model.zeroGrad();
  }
  const { tensors } = decodeSafetensors(await checkpoint.saveTensors(checkpoint.tensorsOf(model.parameters())));
  assert.deepEqual([...tensors.keys()], ["0.weight"]);
});
