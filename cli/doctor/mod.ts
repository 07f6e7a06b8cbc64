/** `itera doctor`: the adapter, its features and limits, its measured rates, and faults of the set-up. */
import type { Command } from "@commander-js/extra-typings";
import { Option } from "@commander-js/extra-typings";
import { tuningOf } from "../../engine/friends.ts";
import type { AdapterChoice } from "../../engine/gpu/adapter.ts";
import { type FeatureProof, proveFeatures } from "../../engine/gpu/probes.ts";
import { Device } from "../../engine/device.ts";
import { bytes, fact, line, table } from "../terminal/output.ts";
import { measureLimits } from "../time/measure.ts";
import { doctorKernels } from "./kernels.ts";

/** Adds the command. */
export function addDoctor(program: Command): void {
  program.command("doctor")
    .description("Name the adapter, its limits, its proven features and its measured speed")
    .addOption(
      new Option("--adapter <kind>", "which adapter").choices(["auto", "gpu", "cpu"] as const).default("auto" as const),
    )
    .addOption(new Option("--brief", "one line, nothing measured").conflicts("kernels"))
    .option("--kernels", "run every kernel on all samples, and leave out from then on what computes wrong numbers")
    .action(async ({ adapter, brief, kernels }) => {
      if (kernels) return await doctorKernels({ adapter });
      await doctor(adapter, brief ?? false);
    });
}

async function doctor(adapter: AdapterChoice, brief: boolean): Promise<void> {
  await using device = await Device.open({ adapter });
  const { info } = device;
  const software = info.isFallback ? ", software" : "";
  if (brief) {
    line(
      `adapter: ${info.description || info.vendor}${software}; kernels: ${device.kernels}; Deno ${Deno.version.deno}`,
    );
    return;
  }
  fact("adapter", info.description || "(no name)");
  fact("vendor", [info.vendor, info.architecture].filter(Boolean).join(", ") || "(unknown)");
  fact("kind", info.isFallback ? "software fallback: the CPU computes" : "hardware");
  const { digest } = tuningOf(device);
  fact("kernels", `${device.kernels} set, ${digest ? `tuned (table ${digest})` : "not tuned: see `itera tune`"}`);
  fact("runtime", `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${navigator.hardwareConcurrency} CPU threads`);
  const proofs = await proveFeatures(adapter);
  table({
    columns: ["feature", "claimed", "works", "found"],
    rows: proofs.map(({ name, claimed, proven, detail }) => [
      name,
      claimed ? "yes" : "no",
      proven ? "yes" : "no",
      detail,
    ]),
  });
  table({
    columns: ["limit", "value", "size"],
    rows: Object.entries(info.limits).map(([name, value]) => [name, value, isSize(name) ? bytes(value) : ""]),
    counts: ["value"],
  });
  const { side, compute, bandwidth } = await measureLimits(device, { roundMs: 100 });
  table({
    columns: ["measured", "rate", "unit"],
    rows: [
      [`matmul ${side}³`, compute / 1e6, "GFLOP/s"],
      ["copy", bandwidth / 1e6, "GB/s read and written"],
    ],
  });
  const complaints = whatIsWrong(device, proofs);
  for (const complaint of complaints) line(`wrong: ${complaint}`);
  if (complaints.length === 0) line("nothing is wrong");
}

/** True where a limit is one of bytes. */
function isSize(name: string): boolean {
  return /Size$/.test(name) && !/WorkgroupSize[XYZ]$/.test(name);
}

/** Everything that keeps this machine from computing right, or as fast as it could. */
function whatIsWrong(device: Device, proofs: readonly FeatureProof[]): string[] {
  const found: string[] = [];
  for (const { name, claimed, proven, detail } of proofs) {
    if (claimed && !proven) found.push(`${name} is claimed but does not work: ${detail}`);
  }
  if (device.info.isFallback && hasGpu()) {
    found.push("this machine has a GPU that Vulkan does not see; install its vendor's Vulkan driver");
  }
  return found;
}

/** True where the kernel shows a device that only a GPU driver makes. */
function hasGpu(): boolean {
  return ["/dev/nvidia0", "/dev/kfd", "/dev/dri/renderD128"].some((path) => {
    try {
      Deno.statSync(path);
      return true;
    } catch {
      return false;
    }
  });
}
