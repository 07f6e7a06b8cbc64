/** `checkKernel`: all checks of a kernel, from its WGSL text, what it reads and what it should give. */
import { ArgumentError } from "../base/errors.ts";
import { described, expectFunction, expectOptions, type NamesOf } from "../base/given.ts";
import type { ShaderText } from "../gpu/kernel.ts";
import { kernel } from "../kernel.ts";
import { type KernelCheck, kernelSubject } from "./checks/kernel_subject.ts";
import type { CheckReport } from "./checks/report.ts";
import { checkOn, expectOwn, OWN, type OwnOptions } from "./on_device.ts";

/** Options of {@link checkKernel}. */
export interface CheckKernelOptions extends KernelCheck, OwnOptions {}

const NAMES: NamesOf<CheckKernelOptions> = {
  ...OWN,
  inputs: true,
  outputs: true,
  params: true,
  grid: true,
  reference: true,
  bound: true,
  constants: true,
  sizes: true,
};

/**
 * Checks a kernel: its results against a float64 reference at odd, empty and many sizes and with each set of constants, the same
 * bits when it runs again, in memory that held other things and folded into rows, nothing written behind a tensor, no index out
 * of range, no races, barriers that all reach. `text` is the text with its entry point, or several, library texts first.
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { checkKernel } from "@itera/itera/testing";
 *
 * const text = `
 *   struct Params { count: u32 }
 *   @group(0) @binding(0) var<uniform> params: Params;
 *   @group(0) @binding(1) var<storage, read> x: array<f32>;
 *   @group(0) @binding(2) var<storage, read_write> y: array<f32>;
 *
 *   @compute @workgroup_size(64)
 *   fn halve(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
 *     let i = id.x + id.y * groups.x * 64;
 *     if (i < params.count) { y[i] = x[i] / 2; }
 *   }`;
 * const report = await checkKernel({ file: "halve.wgsl", text }, "halve", {
 *   inputs: (size) => ({ x: { shape: [size], range: [-10, 10] } }),
 *   outputs: (size) => ({ y: { shape: [size] } }),
 *   params: (size) => ({ count: size }),
 *   grid: (size, device) => device.grid(size, 64),
 *   reference: ({ x }) => ({ y: x.map((v) => v / 2) }),
 *   bound: 1,
 * });
 * strictEqual(report.faults.length, 0);
 * ```
 *
 * @throws {CheckError} with all that is wrong.
 * @throws {KernelError} where the text has no such entry point.
 */
export async function checkKernel(
  text: ShaderText | readonly ShaderText[],
  entry: string,
  options: CheckKernelOptions,
): Promise<CheckReport> {
  const parts = textsOf("checkKernel", text);
  expectOptions("checkKernel", options, NAMES);
  expectOwn("checkKernel", options);
  for (const name of ["grid", "reference"] as const) expectFunction("checkKernel", name, options[name]);
  const { seed = 1, device, checks, ...check } = options;
  const subject = kernelSubject(kernel(entry, ...parts), check, seed);
  const [report] = await checkOn(device ? [device] : null, 1, checks, () => subject);
  return report;
}

/** A text, or several, as a list of at least one. */
export function textsOf(where: string, text: ShaderText | readonly ShaderText[]): [ShaderText, ...ShaderText[]] {
  const all = [text].flat() as readonly ShaderText[];
  if (all.length === 0) throw new ArgumentError(`${where}: there is no text; give { file, text }`);
  for (const one of all as readonly unknown[]) {
    const { file, text } = (one ?? {}) as Partial<ShaderText>;
    if (typeof file === "string" && typeof text === "string") continue;
    throw new ArgumentError(`${where}: a text is { file, text }, both strings, not ${described(one)}`);
  }
  return all as [ShaderText, ...ShaderText[]];
}
