// C = act(op(A) op(B) + bias), batched, for profile cpu: a block of ROWS x COLUMNS in registers, no workgroup memory.
fn store(base: u32, row: u32, column: u32, block: mat4x4<f32>) {
  if (column >= params.n4) { return; }
  for (var i = 0u; i < 4u; i++) {
    if (row + i >= params.m) { continue; }
    let at = base + (row + i) * params.n4 + column;
    let out = epilogue(block[i], column, at);
    if (ADD) { c[at] += out; } else { c[at] = out; }
  }
}

@compute @workgroup_size(8)
fn matmul_registers(@builtin(global_invocation_id) id: vec3<u32>) {
  let block = block_of(id);
  let column = block.column * (COLUMNS / 4u);
  let row = block.row * ROWS;
  let batch = id.z + params.first_batch;
  if (column >= params.n4 || row >= params.m) { return; }
  let base_a = batch * params.stride_a;
  let base_b = batch * params.stride_b;
  var c00 = mat4x4<f32>(); var c01 = mat4x4<f32>();
  var c10 = mat4x4<f32>(); var c11 = mat4x4<f32>();
  var c20 = mat4x4<f32>(); var c21 = mat4x4<f32>();
  var c30 = mat4x4<f32>(); var c31 = mat4x4<f32>();
  for (var k = 0u; k < params.k4; k++) {
    let b0 = load_b(base_b, k, column);
    var b1 = b0;
    if (COLUMNS > 4u) { b1 = load_b(base_b, k, column + 1u); }
    let a0 = load_a(base_a, row, k);
    c00 += b0 * a0;
    if (COLUMNS > 4u) { c01 += b1 * a0; }
    if (ROWS > 4u) {
      let a1 = load_a(base_a, row + 4u, k);
      c10 += b0 * a1;
      if (COLUMNS > 4u) { c11 += b1 * a1; }
    }
    if (ROWS > 8u) {
      let a2 = load_a(base_a, row + 8u, k);
      c20 += b0 * a2;
      if (COLUMNS > 4u) { c21 += b1 * a2; }
      let a3 = load_a(base_a, row + 12u, k);
      c30 += b0 * a3;
      if (COLUMNS > 4u) { c31 += b1 * a3; }
    }
  }
  let base_c = batch * params.stride_c;
  store(base_c, row, column, c00);
  if (COLUMNS > 4u) { store(base_c, row, column + 1u, c01); }
  if (ROWS > 4u) {
    store(base_c, row + 4u, column, c10);
    if (COLUMNS > 4u) { store(base_c, row + 4u, column + 1u, c11); }
  }
  if (ROWS > 8u) {
    store(base_c, row + 8u, column, c20);
    store(base_c, row + 12u, column, c30);
    if (COLUMNS > 4u) {
      store(base_c, row + 8u, column + 1u, c21);
      store(base_c, row + 12u, column + 1u, c31);
    }
  }
}
