/**
 * A kernel of one's own, checked: a sum of rows in workgroup memory against float64, in known memory, at odd and empty sizes, for
 * indices, races and barriers. Then one barrier is left out, which most drivers hide. `deno run examples/11_check_kernel.ts`
 */
// deno-lint-ignore-file no-console
import { CheckError, checkKernel, type CheckKernelOptions } from "../engine/testing/mod.ts";

const text = `// Sums of rows: a workgroup has a row, and halves what its lanes have found until one number is left.
struct Params { columns: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
var<workgroup> found: array<f32, 32>;

@compute @workgroup_size(32)
fn sum_rows(@builtin(workgroup_id) row: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var c = lane; c < params.columns; c += 32u) { sum += x[row.x * params.columns + c]; }
  found[lane] = sum;
  for (var step = 16u; step > 0u; step /= 2u) {
    workgroupBarrier(); // what others have found is there
    if (lane < step) { found[lane] += found[lane + step]; }
  }
  if (lane == 0u) { y[row.x] = found[0]; }
}`;

const ROWS = 3;
const options: CheckKernelOptions = {
  inputs: (columns) => ({ x: { shape: [ROWS, columns], range: [0, 1] } }),
  outputs: { y: { shape: [ROWS] } },
  params: (columns) => ({ columns }),
  grid: () => [ROWS, 1, 1],
  reference: ({ x }, columns) => {
    const y = new Float64Array(ROWS);
    x.forEach((v, i) => y[Math.floor(i / columns)] += v);
    return { y };
  },
  // Of n positive numbers each addition rounds once.
  bound: (expected, _output, _index, columns) => columns * 2 ** -23 * expected,
  sizes: [0, 1, 7, 32, 33, 250],
};

const { checks, samples } = await checkKernel({ file: "sum_rows.wgsl", text }, "sum_rows", options);
console.log(`${checks.length} checks passed on ${samples.length} samples`);

const without = text.replace("workgroupBarrier();", "");
try {
  await checkKernel({ file: "sum_rows.wgsl", text: without }, "sum_rows", options);
} catch (error) {
  if (!(error instanceof CheckError)) throw error;
  console.log(error.message.split("\n").find((line) => line.includes("races"))?.trim());
}
