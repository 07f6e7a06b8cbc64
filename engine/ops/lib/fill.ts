/** Kernels that fill fresh tensors: a constant, or counter-based random numbers. */
import text from "../../../shaders/fill.wgsl" with { type: "text" };
import { hostArray } from "../../dtype.ts";
import { kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../tensor.ts";
import { GROUP, indexLib, randomLib } from "./library.ts";

const parts = [indexLib, randomLib, { file: "fill.wgsl", text }] as const;
const fillKernel = kernel("fill", ...parts);
const uniformKernel = kernel("random_uniform", ...parts);
const normalKernel = kernel("random_normal", ...parts);
const truncatedKernel = kernel("random_truncated", ...parts);

/** Distribution of random numbers; `truncated` is a normal one cut at two standard deviations. */
export type RandomKind = "uniform" | "normal" | "truncated";

const randomKernels = { uniform: uniformKernel, normal: normalKernel, truncated: truncatedKernel };

const NO_RANDOM = { seed: 0, step: 0, base: 0, spread: 0 };

/** Sets every element of `y` to `value`. */
export function fill(y: Tensor, value: number): void {
  const one = hostArray(y.dtype, [value]);
  let bits: number;
  if (y.dtype === "f16") {
    const half = new Uint16Array(one.buffer)[0];
    bits = (half | (half << 16)) >>> 0;
  } else {
    bits = new Uint32Array(one.buffer)[0];
  }
  const count = Math.ceil(y.size / (y.dtype === "f16" ? 8 : 4));
  y.device.run(fillKernel, {
    bind: { words: y },
    params: { count, bits, ...NO_RANDOM },
    grid: y.device.grid(count, GROUP),
  });
}

/** Fills `y` (f32) with random numbers keyed by (seed, step, element). */
export function randomFill(
  y: Tensor,
  kind: RandomKind,
  seed: number,
  step: number,
  base: number,
  spread: number,
): void {
  y.device.run(randomKernels[kind], {
    bind: { y },
    params: { count: y.size, bits: 0, seed, step, base, spread },
    grid: y.device.grid(y.size, GROUP),
  });
}
