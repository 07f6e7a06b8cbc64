/** Kernels that no sample of an op runs, and the tests that check them. */

/** Those of convolutions larger than samples are. */
const WINOGRAD = ["inputs", "filters", "outputs", "output_grads", "filter_grads"].flatMap((entry) =>
  ["+f2", "+f4", "+vec4+f2", "+vec4+f4"].map((form) => `winograd.wgsl:${entry}${form}`)
);

/** The test of each of them by the kernel's name. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  "fill.wgsl:random_uniform": "tests/engine/ops/made_tensors_test.ts",
  "fill.wgsl:random_normal": "tests/engine/ops/made_tensors_test.ts",
  "fill.wgsl:random_truncated": "tests/engine/nn/nn_test.ts",
  "dropout.wgsl:count_step": "tests/engine/nn/dropout_test.ts",
  "sequence.wgsl:steps": "tests/engine/ops/sequence_test.ts",
  "sequence.wgsl:whole_steps": "tests/engine/ops/sequence_test.ts",
  "sequence.wgsl:identity": "tests/engine/ops/sequence_test.ts",
  "cast_f16.wgsl:f32_to_f16": "tests/engine/ops/made_tensors_test.ts",
  "cast_f16.wgsl:f16_to_f32": "tests/engine/ops/made_tensors_test.ts",
  "matmul_uses.wgsl:tiles": "tests/engine/autograd/later_test.ts",
  "matmul_uses.wgsl:tiles+single": "tests/engine/autograd/later_test.ts",
  "matmul_uses.wgsl:wide_tiles": "tests/engine/autograd/later_test.ts",
  "matmul_uses.wgsl:wide_tiles+single": "tests/engine/autograd/later_test.ts",
  "conv_weight_grad_tiles.wgsl:tiles+uses": "tests/engine/autograd/later_test.ts",
  "conv_weight_grad_tiles.wgsl:wide_tiles+uses": "tests/engine/autograd/later_test.ts",
  "matmul_tiles.wgsl:wide_tiles+single": "tests/engine/ops/tilings_test.ts",
  ...Object.fromEntries(WINOGRAD.map((kernel) => [kernel, "tests/engine/ops/lib/winograd_test.ts"])),
};

/** The test of a kernel that no sample of an op runs; undefined where samples run it. */
export function testOf(kernel: string): string | undefined {
  return ELSEWHERE[kernel] ?? (kernel.startsWith("optim") ? "tests/engine/optim" : undefined);
}
