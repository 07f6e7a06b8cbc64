// The operands of lib/matrix.wgsl read and written number by number, for kernel set gpu: rows of A, B and C may have any length, so
// that nothing is padded first. Strides count numbers; blocks are those of lib/matrix.wgsl, and what lies beyond K is zero.
override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;

struct Params {
  m: u32, n: u32, k: u32, n4: u32, k4: u32, stride_a: u32, stride_b: u32, stride_c: u32,
  first_batch: u32, batches: u32, parts: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> c: array<f32>;

// Numbers k..k+3 of the summed axis, from `first` on in steps of `step`.
fn summed_four(of_a: bool, first: u32, step: u32, k: u32) -> vec4<f32> {
  let last = params.k - 1u;
  let at = first + min(vec4<u32>(k, k + 1u, k + 2u, k + 3u), vec4<u32>(last)) * step;
  var v: vec4<f32>;
  if (of_a) { v = vec4<f32>(a[at.x], a[at.y], a[at.z], a[at.w]); } else { v = vec4<f32>(b[at.x], b[at.y], b[at.z], b[at.w]); }
  return select(vec4<f32>(), v, vec4<u32>(k, k + 1u, k + 2u, k + 3u) <= vec4<u32>(last));
}

// Rows row..row+3 of op(A), columns 4k..4k+3.
fn load_a(base: u32, row: u32, k: u32) -> mat4x4<f32> {
  let rows = min(vec4<u32>(row, row + 1u, row + 2u, row + 3u), vec4<u32>(params.m - 1u));
  let first = base + rows * select(params.k, 1u, TRANSPOSE_A);
  let step = select(1u, params.m, TRANSPOSE_A);
  return mat4x4<f32>(
    summed_four(true, first.x, step, 4u * k), summed_four(true, first.y, step, 4u * k),
    summed_four(true, first.z, step, 4u * k), summed_four(true, first.w, step, 4u * k),
  );
}

// Rows 4k..4k+3 of op(B), columns 4*column..4*column+3.
fn load_b(base: u32, k: u32, column: u32) -> mat4x4<f32> {
  let col = 4u * column;
  let columns = min(vec4<u32>(col, col + 1u, col + 2u, col + 3u), vec4<u32>(params.n - 1u));
  let first = base + columns * select(1u, params.k, TRANSPOSE_B);
  let step = select(params.n, 1u, TRANSPOSE_B);
  return transpose(mat4x4<f32>(
    summed_four(false, first.x, step, 4u * k), summed_four(false, first.y, step, 4u * k),
    summed_four(false, first.z, step, 4u * k), summed_four(false, first.w, step, 4u * k),
  ));
}

// Columns from 4 column of a row of C, past the epilogue.
fn put_four(base: u32, row: u32, column: u32, v: vec4<f32>) {
  if (row >= params.m) { return; }
  for (var i = 0u; i < min(4u, params.n - min(4u * column, params.n)); i++) {
    let at = row * params.n + 4u * column + i;
    let out = epilogue(v[i], channel_of(4u * column + i), base + at);
    if (ADD) { c[base + at] = settled(c[base + at] + out, base + at); } else { c[base + at] = settled(out, base + at); }
  }
}

// Blocks of columns.
fn columns() -> u32 { return params.n4; }

// A block of C, whose columns are its rows.
fn put_block(base: u32, row: u32, column: u32, block: mat4x4<f32>) {
  put_four(base, row, column, block[0]);
  put_four(base, row + 1u, column, block[1]);
  put_four(base, row + 2u, column, block[2]);
  put_four(base, row + 3u, column, block[3]);
}
