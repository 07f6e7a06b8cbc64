/** Arithmetic of the kernels that are products, from their parameters. */
import type { TimedDispatch } from "./dispatch_timer.ts";

/** Multiplications and additions of a dispatch; null for kernels that are no products. */
export function flopsOf({ kernel, params }: Pick<TimedDispatch, "kernel" | "params">): number | null {
  const p = params as Readonly<Record<string, number>>;
  switch (kernel.split(":")[0]) {
    case "matmul.wgsl":
    case "matmul_shared.wgsl":
    case "matmul_tiles.wgsl":
    case "matmul_skinny.wgsl":
      return 2 * p.m * p.n * p.k * p.batches;
    case "conv_forward.wgsl":
    case "conv_forward_shared.wgsl":
    case "conv_data_grad.wgsl":
    case "conv_data_grad_shared.wgsl":
    case "conv_weight_grad.wgsl":
    case "conv_weight_grad_shared.wgsl":
      return 2 * p.n * p.ho * p.wo * p.kh * p.kw * 16 * p.ci4 * p.co4;
    case "lstm_sequence.wgsl":
      return 2 * p.steps * p.b * p.n * 4 * p.n;
    default:
      return null;
  }
}
