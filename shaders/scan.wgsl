// Running sums along the middle axis of x [outer, reduced, inner], of single numbers; backwards for the gradient. A column is a
// row here.
override REVERSE: bool = false;
struct Params { count: u32, reduced: u32, inner: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(LANES)
fn cumsum(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let i = row_of(group, groups, local);
  let lane = lane_of(local);
  let first = i / params.inner * params.reduced * params.inner + i % params.inner;
  var before = 0.0;
  for (var start = 0u; start < params.reduced; start += STRIDE) {
    let r = start + lane;
    let inside = r < params.reduced && i < params.count;
    let at = first + select(r, params.reduced - 1u - r, REVERSE) * params.inner;
    var v = 0.0;
    if (inside) { v = x[at]; }
    let sum = row_scan(lane, v);
    if (inside) { y[at] = before + sum; }
    before += row_total(sum);
  }
}

// Integers, as words: i32 or u32, which wrap. An invocation has a row.
@group(0) @binding(3) var<storage, read> words: array<u32>;
@group(0) @binding(4) var<storage, read_write> y_words: array<u32>;

@compute @workgroup_size(LANES)
fn cumsum_integers(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let i = row_of(group, groups, local);
  if (i >= params.count) { return; }
  let first = i / params.inner * params.reduced * params.inner + i % params.inner;
  var total = 0u;
  for (var r = 0u; r < params.reduced; r++) {
    total += words[first + r * params.inner];
    y_words[first + r * params.inner] = total;
  }
}
