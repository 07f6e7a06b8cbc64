/** Faulty kernels in the place of sound ones. */
import { allKernels } from "../../../engine/gpu/kernel.ts";
import "../../../engine/mod.ts";

/** A fault: a kernel's name, some text of it, and what stands there instead. */
export type Planted = readonly [name: string, from: string, to: string];

/** Plants faults for devices that are opened from now on; the function returned takes them away again. */
export function plant(...faults: readonly Planted[]): () => void {
  const restore = faults.flatMap(([name, from, to]) => {
    const kernels = allKernels().filter((kernel) => kernel.name === name && kernel.code.includes(from));
    if (kernels.length === 0) throw new Error(`no kernel ${name} has ${JSON.stringify(from)}`);
    return kernels.map((kernel) => {
      const { code } = kernel;
      Object.assign(kernel, { code: code.replace(from, to) });
      return () => Object.assign(kernel, { code });
    });
  });
  return () => restore.forEach((undo) => undo());
}
