/** Description of the machine: adapter, driver, system. */
import type { Device } from "../../engine/mod.ts";
import { proveFeatures } from "../../engine/gpu/probes.ts";
import { nvidiaPeak } from "./peak.ts";
import type { Machine } from "./report.ts";

/** Asks adapter, driver and system. */
export async function describeMachine({ info, kernels }: Device): Promise<Machine> {
  return {
    adapter: info,
    kernels,
    proofs: await proveFeatures("auto"),
    nvidia: info.isFallback ? null : await nvidiaSmi(),
    peak: info.isFallback ? null : nvidiaPeak(info.description),
    deno: Deno.version.deno,
    system: `${Deno.build.os} ${Deno.osRelease()}, ${Deno.build.arch}`,
    threads: navigator.hardwareConcurrency,
  };
}

const ASKED = ["name", "driver_version", "memory.total", "clocks.max.sm", "clocks.max.memory", "power.limit"];

/** Figures of the first GPU by `nvidia-smi`; null where that is not there. */
async function nvidiaSmi(): Promise<Readonly<Record<string, string>> | null> {
  const args = [`--query-gpu=${ASKED}`, "--format=csv,noheader"];
  try {
    const { success, stdout } = await new Deno.Command("nvidia-smi", { args, stderr: "null" }).output();
    const [first] = new TextDecoder().decode(stdout).split("\n");
    const values = first.split(",").map((value) => value.trim());
    return success && values.length === ASKED.length
      ? Object.fromEntries(ASKED.map((name, i) => [name, values[i]]))
      : null;
  } catch {
    return null;
  }
}
