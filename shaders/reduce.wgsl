// Reductions of x [outer, reduced, inner] over the middle axis, in chunks: `length` elements of one column are folded into
// partial [outer, chunks, inner]; a second pass over the partials finishes. The order is fixed by the sizes. `inner` is of
// Values.
const SUM = 0u;
const MAX = 1u;
override OP: u32 = SUM;
// Add to what y holds.
override ADD: bool = false;
struct Params { count: u32, reduced: u32, inner: u32, chunks: u32, length: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read_write> y: array<Value>;
@group(0) @binding(3) var<storage, read_write> totals: array<f32>;

const LOWEST = -3.402823466e38;

fn start() -> f32 { return select(LOWEST, 0.0, OP == SUM); }
fn fold(p: Value, q: Value) -> Value { return select(max(p, q), p + q, OP == SUM); }
fn across(v: vec4<f32>) -> f32 { return select(max(max(v.x, v.y), max(v.z, v.w)), (v.x + v.y) + (v.z + v.w), OP == SUM); }

// A chunk of a column is a row here; neighbours along x are neighbours in memory when inner > 1.
@compute @workgroup_size(LANES)
fn reduce(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let i = row_of(group, groups, local);
  let lane = lane_of(local);
  let column = i % params.inner;
  let chunk = (i / params.inner) % params.chunks;
  let row = i / (params.inner * params.chunks);
  let end = select(0u, min((chunk + 1u) * params.length, params.reduced), i < params.count);
  var acc = Value(start());
  for (var r = chunk * params.length + lane; r < end; r += STRIDE) {
    acc = fold(acc, x[(row * params.reduced + r) * params.inner + column]);
  }
  if (OP == SUM) { acc = row_sum(lane, acc); } else { acc = row_max(lane, acc); }
  if (lane > 0u || i >= params.count) { return; }
  if (ADD) { y[i] += acc * params.scale; } else { y[i] = acc * params.scale; }
}

// inner = 1 and rows of whole vec4s: reduced and length count Values. One row an invocation.
@compute @workgroup_size(64)
fn reduce_rows(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let chunk = i % params.chunks;
  let row = i / params.chunks;
  let end = min((chunk + 1u) * params.length, params.reduced);
  var acc = Value(start());
  for (var r = chunk * params.length; r < end; r++) { acc = fold(acc, x[row * params.reduced + r]); }
  let total = across(widened(acc)) * params.scale;
  if (ADD) { totals[i] += total; } else { totals[i] = total; }
}
