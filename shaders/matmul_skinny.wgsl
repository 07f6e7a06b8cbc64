// C = act(op(A) op(B) * scale + bias + residual), batched, of few rows, for kernel set gpu; or, with several parts, parts of
// op(A) op(B). Such a product is as fast as B is read, which is once where ROWS are all rows: a workgroup has 32 blocks of columns, and
// eight slices that take turns along the summed axis, two blocks on their way at once, and are added up at the end. Neighbouring lanes lie as the numbers of B do in memory: along the columns,
// or along the summed axis where B is transposed.
override ROWS: u32 = 16u; // 4, 8, 16, 24 or 32

var<workgroup> sums: array<array<vec4<f32>, 32>, 32>; // [slice][row of four][column block]

// Adds the slices' blocks of rows row..row+3 and writes them; 128 lanes have a vec4 each.
fn finish(block: mat4x4<f32>, slice: u32, across: u32, lane: u32, base: u32, row: u32, column: u32) {
  sums[4u * slice][across] = block[0];
  sums[4u * slice + 1u][across] = block[1];
  sums[4u * slice + 2u][across] = block[2];
  sums[4u * slice + 3u][across] = block[3];
  workgroupBarrier();
  if (lane < 128u) {
    let i = lane / 32u;
    let x = lane % 32u;
    let total = ((sums[i][x] + sums[i + 4u][x]) + (sums[i + 8u][x] + sums[i + 12u][x])) +
      ((sums[i + 16u][x] + sums[i + 20u][x]) + (sums[i + 24u][x] + sums[i + 28u][x]));
    if (column + x < params.n4) { put_four(base, row + i, column + x, total); }
  }
  workgroupBarrier();
}

var<private> base_a: u32;
var<private> row: u32;
// Sums of an invocation, by rows of four.
var<private> s0: mat4x4<f32>; var<private> s1: mat4x4<f32>; var<private> s2: mat4x4<f32>; var<private> s3: mat4x4<f32>;
var<private> s4: mat4x4<f32>; var<private> s5: mat4x4<f32>; var<private> s6: mat4x4<f32>; var<private> s7: mat4x4<f32>;

// Adds what a block of B gives to all rows.
fn grow(block: mat4x4<f32>, k: u32) {
  s0 += block * load_a(base_a, row, k);
  if (ROWS > 4u) { s1 += block * load_a(base_a, row + 4u, k); }
  if (ROWS > 8u) {
    s2 += block * load_a(base_a, row + 8u, k);
    s3 += block * load_a(base_a, row + 12u, k);
  }
  if (ROWS > 16u) {
    s4 += block * load_a(base_a, row + 16u, k);
    s5 += block * load_a(base_a, row + 20u, k);
  }
  if (ROWS > 24u) {
    s6 += block * load_a(base_a, row + 24u, k);
    s7 += block * load_a(base_a, row + 28u, k);
  }
}

fn sums_of(i: u32) -> mat4x4<f32> {
  var block = s0;
  if (i == 1u) { block = s1; }
  if (i == 2u) { block = s2; }
  if (i == 3u) { block = s3; }
  if (i == 4u) { block = s4; }
  if (i == 5u) { block = s5; }
  if (i == 6u) { block = s6; }
  if (i == 7u) { block = s7; }
  return block;
}

@compute @workgroup_size(256)
fn matmul_skinny(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let slice = select(lane / 32u, lane % 8u, TRANSPOSE_B);
  let across = select(lane % 32u, lane / 8u, TRANSPOSE_B);
  let batch = group.z % params.batches + params.first_batch;
  let part = part_of(params.k4, group.z / params.batches, params.parts, 8u);
  let base_b = batch * params.stride_b;
  base_a = batch * params.stride_a;
  let first_row = group.y * ROWS;
  row = first_row;
  for (var k = part.first + slice; k < part.stop; k += 16u) {
    let more = k + 8u < part.stop;
    let block = load_b(base_b, k, group.x * 32u + across);
    var further = mat4x4<f32>();
    if (more) { further = load_b(base_b, k + 8u, group.x * 32u + across); }
    grow(block, k);
    if (more) { grow(further, k + 8u); }
  }
  let base = (group.z + params.first_batch) * params.stride_c;
  for (var i = 0u; i < min(ROWS, params.m - first_row + 3u) / 4u; i++) {
    finish(sums_of(i), slice, across, lane, base, first_row + 4u * i, group.x * 32u);
  }
}
