// C = act(op(A) op(B) + bias), batched, with a B that the lanes share; see matmul.wgsl for the epilogue and lib/shared.wgsl
// for lanes.

// What a lane loads of rows 4k..4k+3 of op(B) from column 4 column on: a row of a block, or of what has to be transposed.
fn b_share(base: u32, k: u32, column: u32, share: Share) -> vec4<f32> {
  let col = min(column + share.block, params.n4 - 1u);
  let v = share.vector;
  if (TRANSPOSE_B) {
    let at = base + 4u * col * params.k4 + k;
    if (RAGGED) { return b[at + min(v, min(params.n - 4u * col, 4u) - 1u) * params.k4]; }
    return b[at + v * params.k4];
  }
  let at = base + 4u * k * params.n4 + col;
  if (RAGGED) {
    let left = params.k - 4u * k;
    return kept(b[at + min(v, min(left, 4u) - 1u) * params.n4], v, left);
  }
  return b[at + v * params.n4];
}

fn b_block(block: mat4x4<f32>) -> mat4x4<f32> {
  if (TRANSPOSE_B) { return transpose(block); }
  return block;
}

@compute @workgroup_size(8)
fn matmul_shared(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let share = share_of(lane);
  let column = group.x * QUADS;
  let row = (group.y * 8u + lane) * 8u;
  let batch = group.z + params.first_batch;
  let base_a = batch * params.stride_a;
  let base_b = batch * params.stride_b;
  var c00 = mat4x4<f32>(); var c01 = mat4x4<f32>(); var c02 = mat4x4<f32>();
  var c03 = mat4x4<f32>(); var c04 = mat4x4<f32>(); var c05 = mat4x4<f32>();
  var c10 = mat4x4<f32>(); var c11 = mat4x4<f32>(); var c12 = mat4x4<f32>();
  var c13 = mat4x4<f32>(); var c14 = mat4x4<f32>(); var c15 = mat4x4<f32>();
  for (var k = 0u; k < params.k4; k++) {
    let a0 = load_a(base_a, row, k);
    let a1 = load_a(base_a, row + 4u, k);
    let w01 = b_share(base_b, k, column, share);
    let b0 = b_block(first_block(w01)); c00 += b0 * a0; c10 += b0 * a1;
    let b1 = b_block(second_block(w01)); c01 += b1 * a0; c11 += b1 * a1;
    let w23 = b_share(base_b, k, column + 2u, share);
    let b2 = b_block(first_block(w23)); c02 += b2 * a0; c12 += b2 * a1;
    if (QUADS > 3u) { let b3 = b_block(second_block(w23)); c03 += b3 * a0; c13 += b3 * a1; }
    if (QUADS > 4u) {
      let w45 = b_share(base_b, k, column + 4u, share);
      let b4 = b_block(first_block(w45)); c04 += b4 * a0; c14 += b4 * a1;
      let b5 = b_block(second_block(w45)); c05 += b5 * a0; c15 += b5 * a1;
    }
  }
  let base_c = batch * params.stride_c;
  store(base_c, row, column, c00); store(base_c, row + 4u, column, c10);
  store(base_c, row, column + 1u, c01); store(base_c, row + 4u, column + 1u, c11);
  store(base_c, row, column + 2u, c02); store(base_c, row + 4u, column + 2u, c12);
  if (QUADS > 3u) { store(base_c, row, column + 3u, c03); store(base_c, row + 4u, column + 3u, c13); }
  if (QUADS > 4u) {
    store(base_c, row, column + 4u, c04); store(base_c, row + 4u, column + 4u, c14);
    store(base_c, row, column + 5u, c05); store(base_c, row + 4u, column + 5u, c15);
  }
}
