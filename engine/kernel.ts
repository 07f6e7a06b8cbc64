/** Kernels of a user's own. The engine declares its kernels in `gpu/kernel.ts`; their runs are not checked. */
import { ArgumentError } from "./base/errors.ts";
import { described } from "./base/given.ts";
import { declareKernel, type Kernel, type ShaderText } from "./gpu/kernel.ts";

/**
 * Declares a kernel. `parts` are joined, library files first; the last one holds the entry point and gives the kernel its
 * name (`matmul.wgsl:matmul_block`). Storage variables are in group 0 from binding 1 on, parameters in a uniform
 * `params: Params` at binding 0. It is compiled when it first runs; `device.run` checks what it is given.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, kernel } from "@itera/itera/engine";
 *
 * const double = kernel("double", {
 *   file: "double.wgsl",
 *   text: `
 *     struct Params { count: u32 }
 *     @group(0) @binding(0) var<uniform> params: Params;
 *     @group(0) @binding(1) var<storage, read> x: array<f32>;
 *     @group(0) @binding(2) var<storage, read_write> y: array<f32>;
 *
 *     @compute @workgroup_size(64)
 *     fn double(@builtin(global_invocation_id) id: vec3u) {
 *       if (id.x < params.count) { y[id.x] = 2 * x[id.x]; }
 *     }`,
 * });
 *
 * await using device = await Device.open();
 * using x = device.tensor([1, 2, 3]), y = device.empty([3]);
 * device.run(double, { bind: { x, y }, params: { count: x.size }, grid: device.grid(x.size, 64) });
 * deepStrictEqual([...await y.data()], [2, 4, 6]);
 * ```
 *
 * @throws {KernelError} where the text has no such entry point, or parameters that are no scalars or vectors.
 */
export function kernel(entry: string, ...parts: readonly [ShaderText, ...ShaderText[]]): Kernel {
  if (typeof entry !== "string") throw new ArgumentError(`kernel: the entry point is a name, not ${described(entry)}`);
  if (parts.length === 0) throw new ArgumentError("kernel: there is no text; give { file, text }");
  for (const part of parts as readonly unknown[]) {
    const { file, text } = (part ?? {}) as Partial<ShaderText>;
    if (typeof file === "string" && typeof text === "string") continue;
    throw new ArgumentError(`kernel: a text is { file, text }, both strings, not ${described(part)}`);
  }
  return declareKernel(entry, { users: true }, ...parts);
}
