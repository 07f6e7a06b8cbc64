// Copies between a contiguous tensor and a strided block of another: transpose, slice, tile, expand (gather, y contiguous)
// and concat, pad (scatter, x contiguous). Works on words of any type, or on fours of them where the innermost axis allows it.
struct Params {
  count: u32, rank: u32, base: u32,
  outer: vec4<u32>, inner: vec4<u32>,
  stride_outer: vec4<u32>, stride_inner: vec4<u32>,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Word>;
@group(0) @binding(2) var<storage, read_write> y: array<Word>;

fn place(i: u32) -> u32 {
  return params.base +
    broadcast_offset(i, params.outer, params.inner, params.stride_outer, params.stride_inner, params.rank);
}

@compute @workgroup_size(64)
fn gather(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] = x[place(i)]; }
}

@compute @workgroup_size(64)
fn scatter(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[place(i)] = x[i]; }
}

// y [batch, inner.x rows, inner.y columns] = x [batch, outer.x rows, outer.y columns] with `base` bits after its rows and
// columns: the padding that kernels reading four at a time ask for, in one pass. For single words alone.
@compute @workgroup_size(64)
fn pad_matrix(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let column = i % params.inner.y;
  let row = (i / params.inner.y) % params.inner.x;
  let batch = i / (params.inner.y * params.inner.x);
  var word = Word(params.base);
  if (column < params.outer.y && row < params.outer.x) {
    word = x[(batch * params.outer.x + row) * params.outer.y + column];
  }
  y[i] = word;
}
