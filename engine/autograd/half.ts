/** Results kept in 16 bits between the forward and the backward pass: half the memory for what gradient rules read. */
import castHalfText from "../../shaders/cast_f16.wgsl" with { type: "text" };
import { aliasOf, storageOf } from "../friends.ts";
import { type Kernel, kernel } from "../gpu/kernel.ts";
import { GROUP, indexLib } from "../ops/lib/library.ts";
import type { Storage } from "../storage.ts";
import type { Tensor } from "../tensor.ts";

const parts = [indexLib, { file: "cast_f16.wgsl", text: castHalfText }] as const;
/** f32 to f16, beyond ±65,504 the largest f16; two elements an invocation. */
export const toHalfKernel: Kernel = kernel("f32_to_f16", ...parts);
/** f16 to f32; two elements an invocation. */
export const fromHalfKernel: Kernel = kernel("f16_to_f32", ...parts);

/** Smaller tensors stay as they are: two conversions cost more than they save. */
const WORTH = 4096;

interface Packed {
  readonly version: number;
  readonly storage: Storage;
}

/** The 16-bit copy of memory that several gradient rules read. */
const copies = new WeakMap<Storage, Packed>();

/** A 16-bit copy of a recorded result, shared by all who save the same memory; null for what is not worth one. */
export function halfCopy(tensor: Tensor): Tensor | null {
  const { device, shape, size, dtype } = tensor, storage = storageOf(tensor);
  if (dtype !== "f32" || size < WORTH) return null;
  const before = copies.get(storage);
  if (before && before.version === storage.version && before.storage.refs > 0) {
    return aliasOf(tensor, before.storage, "f16");
  }
  const half = device.empty(shape, "f16").unscoped();
  const count = Math.ceil(size / 2);
  device.run(toHalfKernel, { bind: { xf: tensor, yh: half }, params: { count }, grid: device.grid(count, GROUP) });
  copies.set(storage, { version: storage.version, storage: storageOf(half) });
  return half;
}

/** The copy as f32 again, owned by the innermost scope. */
export function fromHalf(half: Tensor): Tensor {
  const { device, shape, size } = half;
  const full = device.empty(shape);
  const count = Math.ceil(size / 2);
  device.run(fromHalfKernel, { bind: { xh: half, yf: full }, params: { count }, grid: device.grid(count, GROUP) });
  return full;
}
