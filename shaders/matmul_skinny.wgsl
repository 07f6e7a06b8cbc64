// C = act(op(A) op(B) * scale + bias + residual), batched, of few rows, for kernel set gpu; or, with several parts, parts of
// op(A) op(B). Such a product is as fast as B is read: a workgroup has 32 blocks of columns, and eight slices that take turns
// along the summed axis and are added up at the end. Neighbouring lanes lie as the numbers of B do in memory: along the columns,
// or along the summed axis where B is transposed.
override ROWS: u32 = 16u; // 4, 8 or 16

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

@compute @workgroup_size(256)
fn matmul_skinny(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let slice = select(lane / 32u, lane % 8u, TRANSPOSE_B);
  let across = select(lane % 32u, lane / 8u, TRANSPOSE_B);
  let batch = group.z % params.batches + params.first_batch;
  let part = part_of(params.k4, group.z / params.batches, params.parts, 8u);
  let row = group.y * ROWS;
  let base_a = batch * params.stride_a;
  let base_b = batch * params.stride_b;
  var s0 = mat4x4<f32>(); var s1 = mat4x4<f32>(); var s2 = mat4x4<f32>(); var s3 = mat4x4<f32>();
  for (var k = part.first + slice; k < part.stop; k += 8u) {
    let block = load_b(base_b, k, group.x * 32u + across);
    s0 += block * load_a(base_a, row, k);
    if (ROWS > 4u) { s1 += block * load_a(base_a, row + 4u, k); }
    if (ROWS > 8u) {
      s2 += block * load_a(base_a, row + 8u, k);
      s3 += block * load_a(base_a, row + 12u, k);
    }
  }
  let base = (group.z + params.first_batch) * params.stride_c;
  for (var i = 0u; i < min(ROWS, params.m - row + 3u) / 4u; i++) {
    var block = s0;
    if (i == 1u) { block = s1; }
    if (i == 2u) { block = s2; }
    if (i == 3u) { block = s3; }
    finish(block, slice, across, lane, base, row + 4u * i, group.x * 32u);
  }
}
