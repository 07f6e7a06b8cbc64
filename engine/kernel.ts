/** Kernels of a user's own. The engine declares its kernels in `gpu/kernel.ts`; their runs are not checked. */
import { declareKernel, type Kernel, type ShaderText } from "./gpu/kernel.ts";

/**
 * Declares a kernel. `parts` are joined, library files first; the last one holds the entry point and gives the kernel its
 * name (`matmul.wgsl:matmul_block`). Storage variables are in group 0 from binding 1 on, parameters in a uniform
 * `params: Params` at binding 0. It is compiled when it first runs; `device.run` checks what it is given.
 *
 * @throws {KernelError} where the text has no such entry point, or parameters that are no scalars or vectors.
 */
export function kernel(entry: string, ...parts: readonly [ShaderText, ...ShaderText[]]): Kernel {
  return declareKernel(entry, { users: true }, ...parts);
}
