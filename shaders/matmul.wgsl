// C = act(op(A) op(B) * scale + bias + residual), batched, on software adapters: readers of lib/core_registers.wgsl and
// lib/core_lanes.wgsl.
var<private> base_a: u32;
var<private> base_b: u32;
var<private> base_c: u32;
var<private> row: u32;
var<private> column: u32;

fn begin(down: u32, height: u32, first_column: u32, z: u32) -> bool {
  let batch = z + params.first_batch;
  base_a = batch * params.stride_a;
  base_b = batch * params.stride_b;
  base_c = batch * params.stride_c;
  row = down * height;
  column = first_column;
  return row < params.m && column < params.n4;
}

fn walk(z: u32) {
  for (var k = 0u; k < params.k4; k++) { multiply(k); }
}

fn a_block(i: u32, k: u32) -> mat4x4<f32> { return load_a(base_a, row + 4u * i, k); }
fn b_block(j: u32, k: u32) -> mat4x4<f32> { return load_b(base_b, k, column + j); }

fn b_vector(j: u32, vector: u32, k: u32) -> vec4<f32> {
  let col = min(column + j, params.n4 - 1u);
  if (TRANSPOSE_B) {
    let at = base_b + 4u * col * params.k4 + k;
    if (RAGGED) { return b[at + min(vector, min(params.n - 4u * col, 4u) - 1u) * params.k4]; }
    return b[at + vector * params.k4];
  }
  let at = base_b + 4u * k * params.n4 + col;
  if (RAGGED) {
    let left = params.k - 4u * k;
    return kept(b[at + min(vector, min(left, 4u) - 1u) * params.n4], vector, left);
  }
  return b[at + vector * params.n4];
}

fn b_formed(vectors: mat4x4<f32>) -> mat4x4<f32> {
  if (TRANSPOSE_B) { return transpose(vectors); }
  return vectors;
}

fn b_times(vectors: mat4x4<f32>, a: mat4x4<f32>) -> mat4x4<f32> { return b_formed(vectors) * a; }

fn store(i: u32, j: u32, block: mat4x4<f32>) { put_block(base_c, row + i, column + j, block); }
