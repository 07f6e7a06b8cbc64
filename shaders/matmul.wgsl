// C = act(op(A) op(B) + bias), batched; op is the identity or the transpose. Everything is counted in 4x4 blocks held as
// mat4x4<f32>, whose product is the block product: with a block of A as `a` (column i = row i of A) and a block of B as `b`
// (column k = row k of B), the block of C (column i = row i of C) grows by b * a.
//
// Rows of A and B as they lie in memory are whole vec4s (the caller pads them with zeros); their number may be any. Rows of the
// summed axis beyond K count as zeros; rows beyond M and N are computed on clamped loads and not stored.
override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;
override HAS_BIAS: bool = false;
// Whether K, or N of a transposed B, may be no multiple of 4.
override RAGGED: bool = false;

// m, n and k in elements; n4, k4 and m4 in vec4, rounded up; strides in vec4 from one batch entry to the next (0 repeats it).
struct Params {
  m: u32, n: u32, k: u32, m4: u32, n4: u32, k4: u32, stride_a: u32, stride_b: u32, stride_c: u32,
  first_batch: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> c: array<vec4<f32>>;

// Row i of four of which `left` are there: zero from there on.
fn kept(value: vec4<f32>, i: u32, left: u32) -> vec4<f32> { return select(vec4<f32>(), value, i < left); }

// Rows row..row+3 of op(A), columns 4k..4k+3.
fn load_a(base: u32, row: u32, k: u32) -> mat4x4<f32> {
  if (TRANSPOSE_A) {
    let at = base + 4u * k * params.m4 + min(row / 4u, params.m4 - 1u);
    let m4 = params.m4;
    if (RAGGED) {
      let left = params.k - 4u * k;
      let last = min(left, 4u) - 1u;
      return transpose(mat4x4<f32>(
        a[at], kept(a[at + min(1u, last) * m4], 1u, left),
        kept(a[at + min(2u, last) * m4], 2u, left), kept(a[at + last * m4], 3u, left),
      ));
    }
    return transpose(mat4x4<f32>(a[at], a[at + m4], a[at + 2u * m4], a[at + 3u * m4]));
  }
  let last = params.m - 1u;
  let k4 = params.k4;
  return mat4x4<f32>(
    a[base + min(row, last) * k4 + k], a[base + min(row + 1u, last) * k4 + k],
    a[base + min(row + 2u, last) * k4 + k], a[base + min(row + 3u, last) * k4 + k],
  );
}

// Rows 4k..4k+3 of op(B), columns 4*column..4*column+3.
fn load_b(base: u32, k: u32, column: u32) -> mat4x4<f32> {
  let col = min(column, params.n4 - 1u);
  if (TRANSPOSE_B) {
    let at = base + 4u * col * params.k4 + k;
    let k4 = params.k4;
    if (RAGGED) {
      let last = min(params.n - 4u * col, 4u) - 1u;
      return transpose(mat4x4<f32>(b[at], b[at + min(1u, last) * k4], b[at + min(2u, last) * k4], b[at + last * k4]));
    }
    return transpose(mat4x4<f32>(b[at], b[at + k4], b[at + 2u * k4], b[at + 3u * k4]));
  }
  let n4 = params.n4;
  let at = base + 4u * k * n4 + col;
  if (RAGGED) {
    let left = params.k - 4u * k;
    let last = min(left, 4u) - 1u;
    return mat4x4<f32>(
      b[at], kept(b[at + min(1u, last) * n4], 1u, left),
      kept(b[at + min(2u, last) * n4], 2u, left), kept(b[at + last * n4], 3u, left),
    );
  }
  return mat4x4<f32>(b[at], b[at + n4], b[at + 2u * n4], b[at + 3u * n4]);
}

fn store(base: u32, row: u32, column: u32, block: mat4x4<f32>) {
  if (column >= params.n4) { return; }
  var offset = vec4<f32>(0.0);
  if (HAS_BIAS) { offset = bias[column]; }
  for (var i = 0u; i < 4u; i++) {
    if (row + i < params.m) { c[base + (row + i) * params.n4 + column] = activate(block[i] + offset); }
  }
}

// Profile cpu: a block of ROWS x COLUMNS in registers, no workgroup memory.
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

// Profile gpu: 256 invocations share a 64 x 64 tile of C, 4 x 4 each; tiles of A and B, 16 deep, pass through workgroup memory.
var<workgroup> tile_a: array<mat4x4<f32>, 64>; // [16 row blocks][4 k blocks]
var<workgroup> tile_b: array<mat4x4<f32>, 64>; // [4 k blocks][16 column blocks]

@compute @workgroup_size(16, 16)
fn matmul_tiles(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let batch = group.z + params.first_batch;
  let base_a = batch * params.stride_a;
  let base_b = batch * params.stride_b;
  let row = group.y * 64u + local.y * 4u;
  let column = group.x * 16u + local.x;
  var acc = mat4x4<f32>();
  for (var k = 0u; k < params.k4; k += 4u) {
    if (lane < 64u) {
      let depth = k + (lane & 3u);
      if (depth < params.k4) { tile_a[lane] = load_a(base_a, group.y * 64u + (lane / 4u) * 4u, depth); }
      else { tile_a[lane] = mat4x4<f32>(); }
    } else if (lane < 128u) {
      let at = lane - 64u;
      let depth = k + at / 16u;
      if (depth < params.k4) { tile_b[at] = load_b(base_b, depth, group.x * 16u + (at & 15u)); }
      else { tile_b[at] = mat4x4<f32>(); }
    }
    workgroupBarrier();
    for (var s = 0u; s < 4u; s++) { acc += tile_b[s * 16u + local.x] * tile_a[local.y * 4u + s]; }
    workgroupBarrier();
  }
  store(batch * params.stride_c, row, column, acc);
}
