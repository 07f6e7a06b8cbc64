/** Facts of a device's subgroups, on which the kernels that share operands depend. */
import { ok, strictEqual } from "node:assert/strict";
import { Device } from "../../engine/mod.ts";

Deno.test("a device knows its lanes where all subgroups have one size, and llvmpipe's are eight", async () => {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  await using device = await Device.open();
  const { subgroupMinSize: min, subgroupMaxSize: max } = adapter!.info, { lanes, description } = device.info;
  ok(lanes === null || (lanes === min && lanes === max), `${lanes} lanes of ${min} to ${max}`);
  if (/llvmpipe.*256 bits/.test(description)) strictEqual(lanes, 8);
});
