/** Arithmetic of dispatches, from what their kernels declare. */
import type { TimedDispatch } from "./dispatch_timer.ts";
import { allKernels, type DispatchParams } from "./kernel.ts";

/** Multiplications and additions of a dispatch; null for kernels that are no products. */
export function flopsOf({ kernel, params }: Pick<TimedDispatch, "kernel" | "params">): number | null {
  const traits = allKernels().find(({ name }) => name === kernel)?.traits;
  return traits?.flops?.(params as DispatchParams) ?? null;
}
