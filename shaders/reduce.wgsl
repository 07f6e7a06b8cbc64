// Reductions of x [outer, reduced, inner] over the middle axis, in chunks: an invocation folds `length` elements of one
// column into partial [outer, chunks, inner]; a second pass over the partials finishes. The order is fixed by the sizes.
// OP: 0 sum, 1 max.
override OP: u32 = 0u;
override TREE: u32 = 128u;
// Add to what y holds.
override ADD: bool = false;
struct Params { count: u32, reduced: u32, inner: u32, chunks: u32, length: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> x4: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y4: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> index: array<i32>;
@group(0) @binding(6) var<storage, read> dy: array<f32>;

const LOWEST = -3.402823466e38;

fn put(i: u32, v: f32) { if (ADD) { y[i] += v; } else { y[i] = v; } }
fn start() -> f32 { return select(LOWEST, 0.0, OP == 0u); }
fn fold(p: f32, q: f32) -> f32 { return select(max(p, q), p + q, OP == 0u); }
fn fold4(p: vec4<f32>, q: vec4<f32>) -> vec4<f32> { return select(max(p, q), p + q, OP == 0u); }
fn across(v: vec4<f32>) -> f32 { return fold(fold(v.x, v.y), fold(v.z, v.w)); }

// One column chunk an invocation; neighbours along x are neighbours in memory when inner > 1.
@compute @workgroup_size(64)
fn reduce_columns(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let column = i % params.inner;
  let chunk = (i / params.inner) % params.chunks;
  let row = i / (params.inner * params.chunks);
  let end = min((chunk + 1u) * params.length, params.reduced);
  var acc = start();
  for (var r = chunk * params.length; r < end; r++) {
    acc = fold(acc, x[(row * params.reduced + r) * params.inner + column]);
  }
  put(i, acc * params.scale);
}

// The same with inner and columns counted in vec4.
@compute @workgroup_size(64)
fn reduce_columns_vec4(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let column = i % params.inner;
  let chunk = (i / params.inner) % params.chunks;
  let row = i / (params.inner * params.chunks);
  let end = min((chunk + 1u) * params.length, params.reduced);
  var acc = vec4<f32>(start());
  for (var r = chunk * params.length; r < end; r++) {
    acc = fold4(acc, x4[(row * params.reduced + r) * params.inner + column]);
  }
  if (ADD) { y4[i] += acc * params.scale; } else { y4[i] = acc * params.scale; }
}

// inner = 1 and rows of whole vec4: reduced and length count vec4.
@compute @workgroup_size(64)
fn reduce_rows_vec4(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let chunk = i % params.chunks;
  let row = i / params.chunks;
  let end = min((chunk + 1u) * params.length, params.reduced);
  var acc = vec4<f32>(start());
  for (var r = chunk * params.length; r < end; r++) { acc = fold4(acc, x4[row * params.reduced + r]); }
  put(i, across(acc) * params.scale);
}

var<workgroup> partial: array<f32, TREE>;

// inner = 1, one workgroup a row: a strided walk, then a tree. For GPUs.
@compute @workgroup_size(TREE)
fn reduce_rows_tree(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = group.x + group.y * groups.x;
  let chunk = i % params.chunks;
  let row = i / params.chunks;
  let inside = i < params.count;
  let end = select(0u, min((chunk + 1u) * params.length, params.reduced), inside);
  var acc = start();
  for (var r = chunk * params.length + local.x; r < end; r += TREE) { acc = fold(acc, x[row * params.reduced + r]); }
  partial[local.x] = acc;
  for (var step = TREE / 2u; step > 0u; step = step / 2u) {
    workgroupBarrier();
    if (local.x < step) { partial[local.x] = fold(partial[local.x], partial[local.x + step]); }
  }
  if (local.x == 0u && inside) { put(i, partial[0] * params.scale); }
}

fn first_largest(row: u32, column: u32) -> u32 {
  var best = 0u;
  var largest = x[row * params.reduced * params.inner + column];
  for (var r = 1u; r < params.reduced; r++) {
    let v = x[(row * params.reduced + r) * params.inner + column];
    if (v > largest) { largest = v; best = r; }
  }
  return best;
}

// Position of the first largest element of each column.
@compute @workgroup_size(64)
fn argmax(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  index[i] = i32(first_largest(i / params.inner, i % params.inner));
}

// Gradient of max: dy at the first largest element of each column, zero elsewhere.
@compute @workgroup_size(64)
fn max_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let row = i / params.inner;
  let column = i % params.inner;
  let best = first_largest(row, column);
  for (var r = 0u; r < params.reduced; r++) {
    y[(row * params.reduced + r) * params.inner + column] = select(0.0, dy[i], r == best);
  }
}

var<workgroup> place: array<u32, TREE>;

// The same of a row, by a workgroup: each invocation starts at the row's first element, so that ties and what compares with
// nothing end as above.
fn first_largest_tree(row: u32, lane: u32, reduced: u32) -> u32 {
  let base = row * params.reduced;
  var best = 0u;
  var largest = x[base];
  for (var r = lane; r < reduced; r += TREE) {
    if (x[base + r] > largest) { largest = x[base + r]; best = r; }
  }
  partial[lane] = largest;
  place[lane] = best;
  for (var step = TREE / 2u; step > 0u; step = step / 2u) {
    workgroupBarrier();
    if (lane < step) {
      let other = lane + step;
      let first = partial[other] == partial[lane] && place[other] < place[lane];
      if (partial[other] > partial[lane] || first) { partial[lane] = partial[other]; place[lane] = place[other]; }
    }
  }
  workgroupBarrier();
  return place[0];
}

@compute @workgroup_size(TREE)
fn argmax_tree(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let row = group.x + group.y * groups.x;
  let inside = row < params.count;
  let best = first_largest_tree(row, local.x, select(0u, params.reduced, inside));
  if (local.x == 0u && inside) { index[row] = i32(best); }
}

@compute @workgroup_size(TREE)
fn max_grad_tree(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let row = group.x + group.y * groups.x;
  let reduced = select(0u, params.reduced, row < params.count);
  let best = first_largest_tree(row, local.x, reduced);
  for (var r = local.x; r < reduced; r += TREE) { y[row * params.reduced + r] = select(0.0, dy[row], r == best); }
}
