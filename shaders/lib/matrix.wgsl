// Operands of C = op(A) op(B), batched; op is the identity or the transpose. Everything is counted in 4x4 blocks held as
// mat4x4<f32>, whose product is the block product: with a block of A as `a` (column i = row i of A) and a block of B as `b`
// (column k = row k of B), the block of C (column i = row i of C) grows by b * a.
//
// Rows of A and B as they lie in memory are whole vec4s (the caller pads them with zeros); their number may be any. Rows of the
// summed axis beyond K count as zeros; rows beyond M and N are computed on clamped loads and not stored.
override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;
// Whether K, or N of a transposed B, may be no multiple of 4.
override RAGGED: bool = false;

// m, n and k in elements; n4, k4 and m4 in vec4, rounded up; strides in vec4 from one batch entry to the next (0 repeats it).
// Kernel set gpu cuts the summed axis in `parts`; C is then [parts, batches, m, n], to be summed.
struct Params {
  m: u32, n: u32, k: u32, m4: u32, n4: u32, k4: u32, stride_a: u32, stride_b: u32, stride_c: u32,
  first_batch: u32, batches: u32, parts: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
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
  if (SCALED_SUM) {
    let s = scale[k];
    return mat4x4<f32>(
      s * a[base + min(row, last) * k4 + k], s * a[base + min(row + 1u, last) * k4 + k],
      s * a[base + min(row + 2u, last) * k4 + k], s * a[base + min(row + 3u, last) * k4 + k],
    );
  }
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

// Columns from 4 column of a row of C, past the epilogue.
fn put_four(base: u32, row: u32, column: u32, v: vec4<f32>) { put_row(base, row, column, channel_of(column), v); }

fn put_row(base: u32, row: u32, column: u32, channel: Channel, v: vec4<f32>) {
  if (row >= params.m) { return; }
  let at = base + row * params.n4 + column;
  let out = epilogue(v, channel, at);
  if (ADD) { c[at] = settled(c[at] + out, at); } else { c[at] = settled(out, at); }
}

// Blocks of columns.
fn columns() -> u32 { return params.n4; }

// A block of C, whose columns are its rows.
fn put_block(base: u32, row: u32, column: u32, block: mat4x4<f32>) {
  if (column >= params.n4) { return; }
  let channel = channel_of(column);
  put_row(base, row, column, channel, block[0]);
  put_row(base, row + 1u, column, channel, block[1]);
  put_row(base, row + 2u, column, channel, block[2]);
  put_row(base, row + 3u, column, channel, block[3]);
}
