import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { contextOf } from "../../../engine/friends.ts";
import { flopsOf } from "../../../engine/gpu/flops.ts";
import { Device, ops } from "../../../mod.ts";
import { chromeTrace, kernelTimes, profileUpdates } from "../../../model/run/profile.ts";

Deno.test("a profile has every dispatch of a step, in order, with its parameters", async () => {
  await using device = await Device.open();
  using a = device.randn([64, 48], { seed: 1 });
  using b = device.randn([48, 80], { seed: 2 });
  const seen: number[] = [];
  const work = {
    device,
    title: "a product",
    update: (step: number) => {
      seen.push(step);
      using scope = device.scope();
      return { names: ["loss"], values: scope.keep(ops.matmul(a, b).relu().sum([0])).unscoped() };
    },
  };
  const profile = await profileUpdates(work, { updates: 3, repeated: 1 });
  deepStrictEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7]);
  ok(profile.hostMs > 0 && profile.hostMs <= profile.wallMs, `${profile.hostMs} of ${profile.wallMs}`);
  strictEqual(profile.buffersMade, 0);
  if (!profile.timings) return ok(!device.info.features.includes("timestamp-query"));
  strictEqual(profile.timings.length, 3 * profile.dispatches);
  const products = profile.timings.filter(({ kernel }) => kernel.startsWith("matmul"));
  deepStrictEqual(products.map(({ params: { m, n, k } }) => [m, n, k]), [[64, 80, 48], [64, 80, 48], [64, 80, 48]]);
  deepStrictEqual(products.map(flopsOf), [2 * 64 * 80 * 48, 2 * 64 * 80 * 48, 2 * 64 * 80 * 48]);
  profile.timings.forEach(({ begin, end }, i, all) => {
    ok(end >= begin, `dispatch ${i} ends before it begins`);
    ok(i === 0 || begin >= all[i - 1].begin, `dispatch ${i} begins before the one before it`);
  });
  const kernels = kernelTimes(profile.timings, 3);
  ok(Math.abs(kernels.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
  const product = kernels.find(({ kernel }) => kernel.startsWith("matmul"))!;
  strictEqual(product.dispatches, 1);
  ok(product.gflops! > 0 && Math.abs(product.gflops! * product.ms * 1e6 - 2 * 64 * 80 * 48) < 1);
  ok(kernels.every(({ gbps }) => gbps > 0));
  const { traceEvents } = chromeTrace(profile) as { traceEvents: { ph: string; dur?: number }[] };
  strictEqual(traceEvents.filter(({ ph }) => ph === "X").length, profile.timings.length);
});

Deno.test("a replayed step is timed like the one it was captured from", async () => {
  await using device = await Device.open();
  if (!device.info.features.includes("timestamp-query")) return;
  using a = device.randn([32, 32], { seed: 1 });
  using captured = device.capture(() => {
    using scope = device.scope();
    return scope.keep(ops.matmul(a, a)).unscoped();
  });
  const before = await captured.outputs.data();
  const stop = contextOf(device).time();
  captured.replay();
  const [timed, ...more] = await stop();
  deepStrictEqual([timed.params.m, timed.params.k, more.length], [32, 32, 0]);
  deepStrictEqual(await captured.outputs.data(), before);
  captured.outputs.dispose();
});

Deno.test("arithmetic is counted from a kernel's parameters", () => {
  const matmuls = [
    "matmul.wgsl:registers",
    "matmul.wgsl:lanes",
    "matmul_tiles.wgsl:tiles",
  ];
  for (const kernel of [...matmuls, "matmul_skinny.wgsl:matmul_skinny"]) {
    strictEqual(flopsOf({ kernel, params: { m: 2, n: 3, k: 5, batches: 3 } }), 2 * 2 * 3 * 5 * 3);
  }
  const conv = { n: 2, h: 9, w: 9, ci4: 2, ho: 5, wo: 4, co4: 3, kh: 3, kw: 1 };
  for (const part of ["forward", "data_grad", "weight_grad"]) {
    for (
      const kernel of ["blocks.wgsl:registers", "blocks.wgsl:lanes", "tiles.wgsl:tiles"].map((own) =>
        `conv_${part}_${own}`
      )
    ) {
      strictEqual(flopsOf({ kernel, params: conv }), 2 * (2 * 5 * 4) * 3 * (8 * 12));
    }
  }
  strictEqual(flopsOf({ kernel: "fill.wgsl:fill", params: {} }), null);
});
