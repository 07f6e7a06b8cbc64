/** Weights on pages. */
import type { SafetensorsTensor } from "../../engine/mod.ts";

/** Bytes of weights that a page may hold: it is one text, and browsers end those at some 500 MB. */
export const MOST_WEIGHTS = 256 * 2 ** 20;

/** A tensor of floats in 16 bits; others are as they are. */
export function narrowed(tensor: SafetensorsTensor): SafetensorsTensor {
  return tensor.dtype === "F32" ? { dtype: "F16", shape: tensor.shape, data: Float16Array.from(tensor.data) } : tensor;
}

/** A tensor in 32 bits that was kept in 16. */
export function widened(tensor: SafetensorsTensor): SafetensorsTensor {
  return tensor.dtype === "F16" ? { dtype: "F32", shape: tensor.shape, data: Float32Array.from(tensor.data) } : tensor;
}
