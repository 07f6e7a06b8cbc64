/** Adapters that bind no more than WebGPU promises, eight buffers to a kernel: what joins more of them is computed in turn. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Device } from "../../../engine/device.ts";
import { contextOf } from "../../../engine/friends.ts";
import { allKernels, declarationOf } from "../../../engine/gpu/kernel.ts";
import { Adam, concat, conv2d, convGruJoined, linear, type Tensor, weightedSum } from "../../../engine/mod.ts";
import { allOps } from "../../../engine/op.ts";
import { draw } from "../../../engine/testing/samples/run_sample.ts";
import { KERNEL_SETS } from "../../support/devices.ts";
import { withRandom } from "../../support/random.ts";

/** Buffers that every adapter of WebGPU binds to a kernel. */
const PROMISED = 8;

/** A device that was opened with the promised number of buffers, on an adapter that says it has no more. */
async function openWithFew(kernels: "cpu" | "gpu"): Promise<Device> {
  const { gpu } = navigator, request = gpu.requestAdapter.bind(gpu);
  const few = (adapter: GPUAdapter): GPUAdapter => {
    const limits = new Proxy(adapter.limits, {
      get: (all, name) => name === "maxStorageBuffersPerShaderStage" ? PROMISED : Reflect.get(all, name, all),
    });
    const { features, info } = adapter;
    return { limits, features, info, requestDevice: adapter.requestDevice.bind(adapter) } as unknown as GPUAdapter;
  };
  Object.defineProperty(gpu, "requestAdapter", {
    configurable: true,
    value: async (options?: GPURequestAdapterOptions) => {
      const adapter = await request(options);
      return adapter && few(adapter);
    },
  });
  try {
    return await Device.open({ kernels });
  } finally {
    delete (gpu as { requestAdapter?: unknown }).requestAdapter;
  }
}

/** Names of the kernels that `body` runs, each of which the device must be able to bind; they do not run where `runs` is false. */
function kernelsOf(device: Device, body: () => void, runs = true): Set<string> {
  const most = device.info.limits.maxStorageBuffersPerShaderStage;
  const context = contextOf(device), { run } = context, seen = new Set<string>();
  context.run = (kernel, options) => {
    const { name, interface: { storage } } = declarationOf(kernel);
    ok(storage.length <= most, `${name} binds ${storage.length} buffers`);
    seen.add(name);
    if (runs) run.call(context, kernel, options);
  };
  try {
    body();
  } finally {
    context.run = run;
  }
  return seen;
}

/** Results of work that joins many buffers where it may: joins, cuts, sums, uses of a filter and of a weight, a GRU, an update. */
async function joining(device: Device): Promise<Float32Array[]> {
  using _scope = device.scope();
  const made = (shape: readonly number[], seed: number): Tensor => {
    const tensor = device.randn(shape, { seed, std: 0.5 });
    tensor.requiresGrad = true;
    return tensor;
  };
  const terms = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => made([5, 3], seed));
  const [w, x] = [made([3, 3, 4, 4], 9), made([2, 6, 5, 4], 10)], [weight, bias] = [made([4, 4], 11), made([4], 12)];
  const results: Tensor[] = [];
  kernelsOf(device, () => {
    const joined = concat(terms, 1);
    const sum = weightedSum(terms, { factors: [1, -2, 0.5, 3, 1, 1, -1, 0.25], scale: 0.5 });
    let y = x;
    for (let use = 0; use < 3; use++) y = conv2d(y, w, { padding: 1, activation: "tanh" });
    for (let use = 0; use < 3; use++) y = linear(y, weight, bias);
    const gru = {
      wx: made([3, 3, 4, 8], 13),
      ws: made([3, 3, 4, 4], 14),
      bx: made([8], 15),
      wc: made([3, 3, 4, 4], 16),
    };
    y = convGruJoined(y, x, gru, { gates: 1, activation: "tanh" });
    const loss = joined.mul(joined).sum().add(sum.mul(sum).sum()).add(y.mul(y).sum());
    loss.backward();
    const leaves = [...terms, w, x, weight, bias, ...Object.values(gru)];
    results.push(joined, sum, y, ...leaves.map((leaf) => leaf.grad!.clone()));
    using adam = new Adam(
      device,
      leaves.map((tensor, i) => ({ name: `w${i}`, tensor, trainable: true, decay: true })),
      { rate: 0.1 },
    );
    adam.step();
    results.push(...leaves);
  });
  return await Promise.all(results.map((tensor) => tensor.data() as Promise<Float32Array>));
}

for (const kernels of KERNEL_SETS) {
  Deno.test(`no op runs a kernel that binds more than ${PROMISED} buffers where no more can be bound (${kernels} kernels)`, () =>
    withRandom("few buffers", async (random) => {
      await using device = await openWithFew(kernels);
      strictEqual(device.info.limits.maxStorageBuffersPerShaderStage, PROMISED);
      const seen = new Set<string>();
      for (const op of allOps().values()) {
        for (const sample of op.samples(random)) {
          const { inputs, attrs } = draw(sample, random);
          using _scope = device.scope();
          const tensors = inputs.map((x) => {
            if (!x) return null;
            const tensor = device.tensor(x.data, x.shape);
            tensor.requiresGrad = op.differentiable && tensor.dtype === "f32";
            return tensor;
          });
          const body = (): void => {
            const output = op.run(tensors, attrs).find(({ requiresGrad }) => requiresGrad);
            output?.backward(device.ones(output.shape));
          };
          for (const name of kernelsOf(device, body, false)) seen.add(name);
        }
      }
      ok(seen.size > 80, `${seen.size} kernels`);
    }));

  Deno.test(`what joins more buffers gives the same numbers where ${PROMISED} can be bound (${kernels} kernels)`, async () => {
    await using few = await openWithFew(kernels);
    await using many = await Device.open({ kernels });
    const [got, want] = [await joining(few), await joining(many)];
    deepStrictEqual(got.length, want.length);
    got.forEach((values, k) => {
      const size = Math.max(...want[k].map(Math.abs), 1e-3);
      values.forEach((v, i) => ok(Math.abs(v - want[k][i]) <= 2e-5 * size, `${k}, ${i}: ${v} for ${want[k][i]}`));
    });
  });
}

Deno.test("kernels that bind more are known, each with what stands in for it", () => {
  const more = allKernels().filter(({ interface: { storage } }) => storage.length > PROMISED).map(({ name }) => name);
  deepStrictEqual(more.toSorted(), [
    "conv_weight_grad_tiles.wgsl:tiles+uses",
    "conv_weight_grad_tiles.wgsl:wide_tiles+uses",
    "join.wgsl:join",
    "join.wgsl:part",
    "optim_group.wgsl:adam_group",
    "optim_group.wgsl:sgd_group",
    "weighted_sum.wgsl:weighted_sum",
  ]);
});
