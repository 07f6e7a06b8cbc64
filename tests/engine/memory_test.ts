import assert from "node:assert/strict";
import { contextOf } from "../../engine/friends.ts";
import { Arena, BufferPool } from "../../engine/gpu/buffer_pool.ts";
import { Device, DisposedError, OutOfMemoryError } from "../../engine/mod.ts";
import * as ops from "../../engine/ops/mod.ts";

Deno.test("a scope frees what was made inside and hands on what is kept", async () => {
  await using device = await Device.open();
  {
    using outer = device.scope();
    let kept;
    {
      using inner = device.scope();
      kept = inner.keep(device.ones([4]).add(1));
      device.zeros([100]);
    }
    assert.equal(device.memory.liveTensors, 1);
    assert.deepEqual([...await kept.data()], [2, 2, 2, 2]);
    void outer;
  }
  assert.equal(device.memory.liveTensors, 0);
  assert.equal(device.memory.liveBytes, 0);
});

Deno.test("a disposed tensor is refused by name", async () => {
  await using device = await Device.open();
  const x = device.ones([2, 3]);
  x.dispose();
  assert.throws(() => x.add(1), (error) => error instanceof DisposedError && /affine.*\[2, 3\]/.test(error.message));
});

Deno.test("a result dropped without backward takes its record with it", async () => {
  await using device = await Device.open();
  {
    using w = device.ones([8, 8]);
    w.requiresGrad = true;
    {
      using _scope = device.scope();
      w.matmul(w).relu().sum();
    }
    assert.equal(device.memory.liveTensors, 1);
  }
  assert.equal(device.memory.liveTensors, 0);
});

Deno.test("backward frees each saved tensor after its last use and leaves only gradients", async () => {
  await using device = await Device.open();
  {
    using w = device.ones([8, 8]);
    w.requiresGrad = true;
    {
      using _scope = device.scope();
      w.matmul(w).tanh().sum().backward();
    }
    assert.equal(device.memory.liveTensors, 2);
    assert.ok(w.grad);
  }
  assert.equal(device.memory.liveTensors, 0);
});

Deno.test("a repeated step creates no buffer, no bind group and no pipeline after its second time", async () => {
  await using device = await Device.open();
  {
    using w = device.randn([48, 64], { seed: 1 });
    w.requiresGrad = true;
    const step = (): void => {
      using _scope = device.scope();
      const x = device.tensor(new Float32Array(20 * 48), [20, 48]);
      const labels = device.tensor(new Int32Array(20));
      ops.crossEntropy(x.matmul(w).relu(), labels).backward();
      w.zeroGrad();
      device.flush();
    };
    step();
    step();
    const before = contextOf(device).stats;
    for (let i = 0; i < 5; i++) step();
    const after = contextOf(device).stats;
    assert.equal(after.created, before.created);
    assert.equal(after.bindGroups, before.bindGroups);
    assert.equal(after.pipelines, before.pipelines);
    await device.finish();
  }
});

Deno.test("a new image size compiles nothing new", async () => {
  await using device = await Device.open();
  {
    using _scope = device.scope();
    const w = device.randn([3, 3, 8, 16], { seed: 1 });
    w.requiresGrad = true;
    const run = (h: number, width: number): void => {
      const x = device.randn([1, h, width, 8], { seed: 2 });
      ops.maxPool2d(ops.conv2d(x, w, { padding: 1, activation: "relu" }), 2).mean().backward();
      w.zeroGrad();
    };
    run(32, 40);
    const { pipelines } = contextOf(device).stats;
    run(51, 47);
    run(33, 64);
    assert.equal(contextOf(device).stats.pipelines, pipelines);
    await device.finish();
  }
});

Deno.test("the memory limit is named with what was asked and what is live", async () => {
  await using device = await Device.open({ memoryLimit: 1 << 20 });
  using x = device.zeros([100_000]);
  assert.throws(
    () => device.zeros([200_000]),
    (error) =>
      error instanceof OutOfMemoryError &&
      /asked for .* live in 1 tensor, over the memory limit of 1\.0 MiB/.test(error.message),
  );
  assert.equal((await x.data())[7], 0);
});

Deno.test("a tensor beyond the binding limit works or says what to do", async () => {
  await using device = await Device.open();
  const limit = device.info.limits.maxStorageBufferBindingSize;
  if (limit > 1 << 30) return;
  assert.throws(
    () => device.zeros([limit / 4 + 4]),
    (error) =>
      error instanceof OutOfMemoryError && /exceeds what this adapter binds at once .* split it/.test(error.message),
  );
  assert.equal(device.memory.liveTensors, 0);
});

Deno.test("a dispatch of more than 65,535 workgroups is folded", async () => {
  await using device = await Device.open();
  {
    using _scope = device.scope();
    const count = 65_536 * 64 * 4 + 4096;
    const x = device.ones([count]).add(1);
    const rows = x.reshape([count / 4096, 4096]).sum(1);
    assert.equal(await rows.slice([count / 4096 - 1], [1]).item(), 8192);
    assert.equal((await rows.sum().item()) / (2 * count), 1);
  }
});

/** A pool over a device that hands out nothing: sizes alone matter. */
function fakePool(maxPooledBytes: number | null, maxBindingBytes = 2 ** 40): BufferPool {
  const device = {
    pushErrorScope: () => {},
    popErrorScope: () => Promise.resolve(null),
    createBuffer: () => ({ destroy: () => {} }),
  };
  const limits = { maxBufferBytes: 2 ** 40, maxBindingBytes, memoryLimit: Infinity, maxPooledBytes };
  return new BufferPool(device as unknown as GPUDevice, limits, (error) => {
    throw error;
  });
}

Deno.test("a step larger than what is kept anyway finds its buffers again", () => {
  const pool = fakePool(null);
  const step = (): void => {
    const taken = [700 << 20, 600 << 20, 500 << 20].map((bytes) => pool.acquire(bytes));
    for (const buffer of taken) pool.release(buffer, pool.current);
  };
  step();
  step();
  assert.equal(pool.stats.created, 3);
  const before = pool.stats.pooledBytes;
  // Buffers of an arena are no reason to free shared ones.
  const arena = new Arena();
  pool.enter(arena);
  const own = [800 << 20, 800 << 20, 800 << 20].map((bytes) => pool.acquire(bytes));
  for (const buffer of own) pool.release(buffer, arena);
  pool.leave();
  step();
  assert.equal(pool.stats.created, 6);
  assert.equal(pool.stats.pooledBytes, before + own.reduce((sum, { bytes }) => sum + bytes, 0));
});

Deno.test("what is kept is bounded by what was in use at once, and an odd limit of the adapter by whole vectors", () => {
  const pool = fakePool(null);
  for (let i = 0; i < 12; i++) {
    const buffer = pool.acquire((400 + 50 * i) << 20);
    pool.release(buffer, pool.current);
  }
  assert.ok(pool.stats.pooledBytes <= 1 << 30, `${pool.stats.pooledBytes}`);
  const odd = 2 ** 31 - 16, large = fakePool(null, odd).acquire(1.9 * 2 ** 30);
  assert.equal(large.bytes, odd);
});

Deno.test("the environment may say how much device memory there is", async () => {
  const say = (text: string | null): void =>
    text === null ? Deno.env.delete("ITERA_MEMORY") : Deno.env.set("ITERA_MEMORY", text);
  try {
    say("0.5");
    await using device = await Device.open();
    assert.equal(device.memoryLimit, 2 ** 29);
    say("much");
    await assert.rejects(Device.open(), /ITERA_MEMORY: "much" is no number of GiB above 0/);
  } finally {
    say(null);
  }
  await using device = await Device.open();
  assert.equal(device.memoryLimit, Infinity);
});

Deno.test("the pool keeps no more than its bound, and what it keeps is given out again", async () => {
  await using device = await Device.open({ maxPooledBytes: 1 << 20 });
  for (let i = 1; i <= 20; i++) {
    using _scope = device.scope();
    device.zeros([i * 20_000]).add(1);
    device.zeros([i * 20_000]).add(1);
  }
  assert.ok(device.memory.pooledBytes <= 1 << 20, `${device.memory.pooledBytes}`);
  device.zeros([1000]).dispose();
  const { created } = contextOf(device).stats;
  device.zeros([1000]).dispose();
  assert.equal(contextOf(device).stats.created, created);
  await device.finish();
});
