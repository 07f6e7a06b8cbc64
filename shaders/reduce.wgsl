// Reductions of x [outer, reduced, inner] over the middle axis, in chunks: `length` elements of one column are folded into
// partial [outer, chunks, inner]; a second pass over the partials finishes. The order is fixed by the sizes. `inner` is of
// Values.
const SUM = 0u;
const MAX = 1u;
const MIN = 2u;
const PROD = 3u;
override OP: u32 = SUM;
// Add to what y holds.
override ADD: bool = false;
struct Params { count: u32, reduced: u32, inner: u32, chunks: u32, length: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read_write> y: array<Value>;
@group(0) @binding(3) var<storage, read_write> totals: array<f32>;

// Extremes start from an element of the row, which may be all infinities.
fn start(first: Value) -> Value {
  switch OP {
    case SUM: { return Value(0.0); }
    case PROD: { return Value(1.0); }
    default: { return first; }
  }
}

// Extremes keep the largest word of what they saw, without its sign: NaN's is above all, and costs less so than in each fold.
fn seen(widest: Word, v: Value) -> Word {
  if (OP == MAX || OP == MIN) { return max(widest, unsigned_word(v)); }
  return widest;
}

fn fold(p: Value, q: Value) -> Value {
  switch OP {
    case SUM: { return p + q; }
    case PROD: { return p * q; }
    case MIN: { return min(p, q); }
    default: { return max(p, q); }
  }
}

// NaN where one of v is, else `extreme`.
fn nan_of(v: vec4<f32>, extreme: f32) -> f32 {
  return bitcast<f32>(select(bitcast<u32>(extreme), 0x7fc00000u, any(are_nan(bitcast<vec4<u32>>(v)))));
}

fn across(v: vec4<f32>) -> f32 {
  switch OP {
    case SUM: { return (v.x + v.y) + (v.z + v.w); }
    case PROD: { return (v.x * v.y) * (v.z * v.w); }
    case MIN: { return nan_of(v, min(min(v.x, v.y), min(v.z, v.w))); }
    default: { return nan_of(v, max(max(v.x, v.y), max(v.z, v.w))); }
  }
}

fn across_lanes(lane: u32, v: Value) -> Value {
  switch OP {
    case SUM: { return row_sum(lane, v); }
    case PROD: { return row_product(lane, v); }
    case MIN: { return -row_max(lane, -v); }
    default: { return row_max(lane, v); }
  }
}

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
  let inside = i < params.count;
  let row = select(0u, i / (params.inner * params.chunks), inside);
  let end = select(0u, min((chunk + 1u) * params.length, params.reduced), inside);
  var acc = start(x[row * params.reduced * params.inner + column]);
  var widest = Word(0u);
  for (var r = chunk * params.length + lane; r < end; r += STRIDE) {
    let v = x[(row * params.reduced + r) * params.inner + column];
    acc = fold(acc, v);
    widest = seen(widest, v);
  }
  acc = across_lanes(lane, or_nan(acc, bitcast<Value>(widest)));
  if (lane > 0u || !inside) { return; }
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
  var acc = start(x[row * params.reduced]);
  var widest = Word(0u);
  for (var r = chunk * params.length; r < end; r++) {
    let v = x[row * params.reduced + r];
    acc = fold(acc, v);
    widest = seen(widest, v);
  }
  let total = across(widened(or_nan(acc, bitcast<Value>(widest)))) * params.scale;
  if (ADD) { totals[i] += total; } else { totals[i] = total; }
}
