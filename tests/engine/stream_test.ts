import assert from "node:assert/strict";
import { contextOf } from "../../engine/friends.ts";
import { Device, GradientError, KernelError, SGD } from "../../engine/mod.ts";
import * as ops from "../../engine/ops/mod.ts";
import { kernel } from "../../engine/gpu/kernel.ts";

Deno.test("an upload into a recycled buffer does not overtake work still pending", async () => {
  await using device = await Device.open();
  const results = [];
  for (let i = 0; i < 40; i++) {
    const x = device.tensor(new Float32Array(64).fill(i));
    results.push(x.add(0.5));
    x.dispose(); // the next upload gets this buffer while the addition has not run
  }
  for (const [i, y] of results.entries()) {
    assert.deepEqual(new Set(await y.data()), new Set([i + 0.5]));
    y.dispose();
  }
});

Deno.test("write() changes what later ops see and nothing earlier", async () => {
  await using device = await Device.open();
  {
    using _scope = device.scope();
    const x = device.tensor([1, 2, 3, 4]);
    const before = x.mul(10);
    x.write(new Float32Array([5, 6, 7, 8]));
    const after = x.mul(10);
    assert.deepEqual([...await before.data()], [10, 20, 30, 40]);
    assert.deepEqual([...await after.data()], [50, 60, 70, 80]);
  }
});

Deno.test("nothing is submitted until somebody reads", async () => {
  await using device = await Device.open();
  {
    using _scope = device.scope();
    const x = device.ones([16]);
    const { submits } = contextOf(device).stats;
    const y = x.add(1).mul(2).sum();
    assert.equal(contextOf(device).stats.submits, submits);
    assert.equal(await y.item(), 64);
    assert.equal(contextOf(device).stats.submits, submits + 1);
  }
});

Deno.test("a tensor larger than a staging page is read whole, whatever its length", async () => {
  await using device = await Device.open();
  for (const size of [(1 << 18) + 1, (1 << 18) + 2]) {
    using x = device.full([size], 3);
    const read = await x.data();
    assert.ok(read.length === size && read.every((v) => v === 3));
  }
});

Deno.test("reads asked for together share one submit", async () => {
  await using device = await Device.open();
  {
    using _scope = device.scope();
    const tensors = Array.from({ length: 30 }, (_, i) => device.full([5], i));
    const { submits } = contextOf(device).stats;
    const read = await Promise.all(tensors.map((t) => t.data()));
    assert.equal(contextOf(device).stats.submits, submits + 1);
    read.forEach((data, i) => assert.equal(data[4], i));
  }
});

Deno.test("a captured training step replays bit for bit what eager execution gives", async () => {
  await using device = await Device.open();
  const train = async (captured: boolean): Promise<Float32Array> => {
    const w = device.randn([12, 7], { seed: 5 });
    w.requiresGrad = true;
    const x = device.zeros([9, 12]);
    const labels = device.tensor(new Int32Array([0, 1, 2, 3, 4, 5, 6, 0, 1]));
    const sgd = new SGD(device, [{ name: "w.weight", tensor: w, trainable: true, decay: true }], {
      rate: 0.1,
      momentum: 0.9,
      weightDecay: 1e-3,
    });
    const step = (): void => {
      using _scope = device.scope();
      ops.crossEntropy(x.matmul(w).tanh(), labels).backward();
      sgd.step();
      w.zeroGrad();
    };
    const input = (i: number) => Float32Array.from({ length: 9 * 12 }, (_, j) => Math.sin(i * 31 + j));
    x.write(input(0));
    const replayed = captured ? device.capture(step) : step();
    for (let i = 1; i < 12; i++) {
      x.write(input(i));
      if (i === 6) sgd.rate = 0.01;
      if (replayed) replayed.replay();
      else step();
      // Work of somebody else between replays must not disturb the captured buffers.
      device.randn([9, 12], { seed: i }).dispose();
    }
    const result = await w.data();
    replayed?.[Symbol.dispose]();
    for (const t of [w, x, labels]) t.dispose();
    sgd[Symbol.dispose]();
    return result;
  };
  const eager = await train(false);
  const replayed = await train(true);
  assert.deepEqual(replayed, eager);
  assert.equal(device.memory.liveTensors, 0);
  assert.equal(device.memory.liveBytes, 0);
});

Deno.test("uploading or reading inside a captured step is refused with what to do instead", async () => {
  await using device = await Device.open();
  assert.throws(() => device.capture(() => device.tensor([1, 2, 3]).dispose()), /make constants before capture/);
  {
    using _scope = device.scope();
    const y = device.ones([3]).add(2);
    assert.equal((await y.data())[0], 3);
  }
});

Deno.test("a parameter updated between forward and backward is noticed", async () => {
  await using device = await Device.open();
  {
    using _scope = device.scope();
    const w = device.ones([4, 4]);
    w.requiresGrad = true;
    const y = w.mul(w).sum();
    w.write(new Float32Array(16));
    assert.throws(
      () => y.backward(),
      (error) => error instanceof GradientError && /written in place/.test(error.message),
    );
  }
});

Deno.test("a second backward through the same record is refused", async () => {
  await using device = await Device.open();
  {
    using _scope = device.scope();
    const w = device.ones([4]);
    w.requiresGrad = true;
    const y = w.mul(3).sum();
    y.backward();
    assert.deepEqual([...await w.grad!.data()], [3, 3, 3, 3]);
    assert.throws(() => y.backward(), /already consumed/);
    w.zeroGrad();
  }
});

Deno.test("a shader that does not compile is named with file and line", async () => {
  const broken = kernel(
    "main",
    { file: "lib/first.wgsl", text: "// a library\nfn one() -> f32 { return 1.0; }" },
    { file: "broken.wgsl", text: "@compute @workgroup_size(1)\nfn main() {\n  let x: u32 = one();\n}" },
  );
  const device = await Device.open();
  device.run(broken, { bind: {}, grid: [1, 1, 1] });
  await assert.rejects(async () => {
    await device.finish();
    await device.finish();
  }, (error) => error instanceof KernelError && /shaders\/broken\.wgsl:3/.test(error.message));
  assert.throws(() => device.ones([1]), KernelError);
  await device.close();
});

Deno.test("two seeded runs agree bit for bit", async () => {
  await using device = await Device.open();
  const run = async (): Promise<Float32Array> => {
    using _scope = device.scope();
    const w = device.randn([3, 3, 5, 6], { seed: 11 });
    w.requiresGrad = true;
    const x = ops.dropout(device.uniform([2, 9, 7, 5], { seed: 12 }), { rate: 0.3, seed: 1, step: 4 });
    ops.softmax(ops.conv2d(x, w, { stride: 2, padding: "same" })).max().backward();
    const grad = await w.grad!.data();
    w.zeroGrad();
    return grad;
  };
  assert.deepEqual(await run(), await run());
});
