/** Facts of an opened device: the lanes of its subgroups, on which kernels that share operands depend, and its kernel set. */
import { ok, strictEqual } from "node:assert/strict";
import { Device } from "../../engine/mod.ts";

Deno.test("a device knows its lanes where all subgroups have one size, and llvmpipe's are eight", async () => {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  await using device = await Device.open();
  const { subgroupMinSize: min, subgroupMaxSize: max } = adapter!.info, { lanes, description } = device.info;
  ok(lanes === null || (lanes === min && lanes === max), `${lanes} lanes of ${min} to ${max}`);
  if (/llvmpipe.*256 bits/.test(description)) strictEqual(lanes, 8);
});

Deno.test("the kernel set is the adapter's or the one asked for, by its name of before 0.2.0 too", async () => {
  for (const options of [{}, { kernels: "cpu" }, { kernels: "gpu" }, { profile: "cpu" }, { profile: "gpu" }] as const) {
    await using device = await Device.open(options);
    const [asked = device.info.isFallback ? "cpu" : "gpu"] = Object.values(options);
    strictEqual(device.kernels, asked, JSON.stringify(options));
  }
});
