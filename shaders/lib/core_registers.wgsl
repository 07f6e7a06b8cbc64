// Matrix products on software adapters, in registers: eight lanes have a block of ROWS x COLUMNS each. What is multiplied, the
// readers of an op say, in blocks of 4 x 4 numbers as lib/matrix.wgsl has them:
//
//   begin(down, height, column, z)  where the lane's block lies: rows from down * height, columns from 4 column; false where there
//                                   is nothing to write
//   walk(z)                         goes along the summed axis and calls multiply(k) for each four of it
//   a_block(i, k), b_block(j, k)    those for rows from 4 i and columns from 4 j of the lane's block
//   columns(), column               blocks of columns that C has, and those before the lane's
//   store(i, j, block)              i and j within the lane's block
//
// ROWS: 4, 8 or 16; COLUMNS: 4 or 8. ACROSS lanes lie along the columns and the others along the rows, so that few columns fill
// them too.
override ROWS: u32 = 16u;
override COLUMNS: u32 = 8u;
override ACROSS: u32 = 8u;

var<private> s00: mat4x4<f32>; var<private> s01: mat4x4<f32>;
var<private> s10: mat4x4<f32>; var<private> s11: mat4x4<f32>;
var<private> s20: mat4x4<f32>; var<private> s21: mat4x4<f32>;
var<private> s30: mat4x4<f32>; var<private> s31: mat4x4<f32>;

fn multiply(k: u32) {
  let b0 = b_block(0u, k);
  var b1 = b0;
  if (COLUMNS > 4u) { b1 = b_block(1u, k); }
  let a0 = a_block(0u, k);
  s00 += b0 * a0;
  if (COLUMNS > 4u) { s01 += b1 * a0; }
  if (ROWS > 4u) {
    let a1 = a_block(1u, k);
    s10 += b0 * a1;
    if (COLUMNS > 4u) { s11 += b1 * a1; }
  }
  if (ROWS > 8u) {
    let a2 = a_block(2u, k);
    s20 += b0 * a2;
    if (COLUMNS > 4u) { s21 += b1 * a2; }
    let a3 = a_block(3u, k);
    s30 += b0 * a3;
    if (COLUMNS > 4u) { s31 += b1 * a3; }
  }
}

// The block in column j of those that a lane has in a row.
fn either(j: u32, left: mat4x4<f32>, right: mat4x4<f32>) -> mat4x4<f32> {
  var block = left;
  if (j == 1u) { block = right; }
  return block;
}

@compute @workgroup_size(8)
fn registers(@builtin(global_invocation_id) id: vec3<u32>) {
  let lane = id.x % 8u;
  let across = (id.x / 8u) * ACROSS + lane % ACROSS;
  if (!begin(id.y * (8u / ACROSS) + lane / ACROSS, ROWS, across * (COLUMNS / 4u), id.z)) { return; }
  walk(id.z);
  // A loop that compilers cannot write out, as they do not know where it begins: each place that stores is a hundred branches.
  for (var at = column; at < min(column + COLUMNS / 4u, columns()); at++) {
    let j = at - column;
    store(0u, j, either(j, s00, s01));
    if (ROWS > 4u) { store(4u, j, either(j, s10, s11)); }
    if (ROWS > 8u) {
      store(8u, j, either(j, s20, s21));
      store(12u, j, either(j, s30, s31));
    }
  }
}
