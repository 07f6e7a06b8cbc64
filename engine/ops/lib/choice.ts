/**
 * Choices among kernels that compute the same. What was found to compute wrong numbers on a device, or binds more buffers than its
 * adapter lets a kernel bind, is passed over, and the next of the rule takes its place.
 */
import type { Device } from "../../device.ts";
import { contextOf } from "../../friends.ts";
import { type Constants, declarationOf, formOf, type Kernel } from "../../gpu/kernel.ts";
import { formsOf, type Tiling, type TunedOp } from "../../tuning/table.ts";
import { GROUP, type RowKernels, type ValueKernels } from "./library.ts";

/** False for a kernel that is left out on the device, or cannot be bound there: some adapters bind eight buffers and no more. */
export function mayRun(device: Device, kernel: Kernel, constants?: Constants): boolean {
  const { refused, info } = contextOf(device);
  if (declarationOf(kernel).interface.storage.length > info.limits.maxStorageBuffersPerShaderStage) return false;
  return refused.size === 0 || !refused.has(formOf(kernel, constants));
}

/** The first of some choices whose kernel may run; where none may the first of all, which says so when it runs. */
export function firstOf<T extends { readonly kernel: Kernel }>(
  device: Device,
  choices: readonly [T, ...(T | false)[]],
  constants?: Constants,
): T {
  return choices.find((one) => one !== false && mayRun(device, one.kernel, constants)) || choices[0];
}

/** The kernel for single numbers or for `per` = 4 neighbours, which is taken where the numbers are fours. */
export function byValues(
  device: Device,
  { scalar, vec4 }: ValueKernels,
  fours: boolean,
  constants?: Constants,
): { readonly kernel: Kernel; readonly per: 1 | 4 } {
  const one = { kernel: scalar, per: 1 as const };
  return fours ? firstOf<ReturnType<typeof byValues>>(device, [{ kernel: vec4, per: 4 }, one], constants) : one;
}

/**
 * The kernel for `rows` rows, and its workgroups: an invocation to a row or, where `grouped` says that it pays, a workgroup to a
 * row, which must be of neighbours (`adjacent`).
 */
export function byRows(
  device: Device,
  { alone, group }: RowKernels,
  { rows, grouped, adjacent = true }: { readonly rows: number; readonly grouped: boolean; readonly adjacent?: boolean },
): { readonly kernel: Kernel; readonly grid: [number, number, number] } {
  const [one, other] = [{ kernel: alone, size: GROUP }, { kernel: group, size: 1 }];
  const { kernel, size } = firstOf(device, grouped ? [other, one] : [one, adjacent && other]);
  return { kernel, grid: device.grid(rows, size) };
}

/** False for a tiling of which a kernel is left out on the device. */
export function mayTile(device: Device, op: TunedOp, tiling: Tiling, kernelSet = device.kernels): boolean {
  const { refused } = contextOf(device);
  if (refused.size === 0) return true;
  const forms = formsOf(op, kernelSet, tiling);
  return forms.length > 0 && !forms.some((form) => refused.has(form));
}
