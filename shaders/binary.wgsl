// Elementwise functions of two tensors. MODE says how the second is read where no general broadcast is needed:
// 0 same shape, 1 second is one element, 2 second repeats every `period` vec4 (a bias over channels), 3 first is one element.
override OP: u32 = 0u;
override MODE: u32 = 0u;
// In binary_broadcast4: the operand has one element for each row of the innermost axis, not as many as that is long.
override A_ONE: bool = false;
override B_ONE: bool = false;
struct Params {
  count: u32, period: u32, rank: u32,
  outer: vec4<u32>, inner: vec4<u32>,
  a_outer: vec4<u32>, a_inner: vec4<u32>,
  b_outer: vec4<u32>, b_inner: vec4<u32>,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a4: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b4: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y4: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> a: array<f32>;
@group(0) @binding(5) var<storage, read> b: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;
@group(0) @binding(7) var<storage, read_write> flags4: array<vec4<u32>>;
@group(0) @binding(8) var<storage, read_write> flags: array<u32>;

fn combine(p: vec4<f32>, q: vec4<f32>) -> vec4<f32> {
  switch OP {
    case 0u: { return p + q; }
    case 1u: { return p - q; }
    case 2u: { return p * q; }
    case 3u: { return p / q; }
    case 4u: { return max(p, q); }
    case 5u: { return min(p, q); }
    default: { return pow(p, q); }
  }
}

fn compare(p: vec4<f32>, q: vec4<f32>) -> vec4<u32> {
  switch OP {
    case 0u: { return select(vec4<u32>(0u), vec4<u32>(1u), p > q); }
    case 1u: { return select(vec4<u32>(0u), vec4<u32>(1u), p >= q); }
    case 2u: { return select(vec4<u32>(0u), vec4<u32>(1u), p < q); }
    default: { return select(vec4<u32>(0u), vec4<u32>(1u), p == q); }
  }
}

fn first(i: u32) -> vec4<f32> {
  if (MODE == 3u) { return vec4<f32>(a4[0].x); }
  return a4[i];
}

fn second(i: u32) -> vec4<f32> {
  switch MODE {
    case 1u: { return vec4<f32>(b4[0].x); }
    case 2u: { return b4[i % params.period]; }
    default: { return b4[i]; }
  }
}

@compute @workgroup_size(64)
fn binary(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y4[i] = combine(first(i), second(i)); }
}

@compute @workgroup_size(64)
fn binary_compare(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { flags4[i] = compare(first(i), second(i)); }
}

fn a_at(i: u32) -> f32 {
  return a[broadcast_offset(i, params.outer, params.inner, params.a_outer, params.a_inner, params.rank)];
}

fn b_at(i: u32) -> f32 {
  return b[broadcast_offset(i, params.outer, params.inner, params.b_outer, params.b_inner, params.rank)];
}

// Any broadcast, one element an invocation.
@compute @workgroup_size(64)
fn binary_broadcast(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] = combine(vec4<f32>(a_at(i)), vec4<f32>(b_at(i))).x; }
}

// A broadcast whose innermost axis is a multiple of four: its extent, and the strides of operands as long, count fours.
@compute @workgroup_size(64)
fn binary_broadcast4(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let at = broadcast_offset(i, params.outer, params.inner, params.a_outer, params.a_inner, params.rank);
  let bt = broadcast_offset(i, params.outer, params.inner, params.b_outer, params.b_inner, params.rank);
  var p: vec4<f32>;
  var q: vec4<f32>;
  if (A_ONE) { p = vec4<f32>(a[at]); } else { p = a4[at]; }
  if (B_ONE) { q = vec4<f32>(b[bt]); } else { q = b4[bt]; }
  y4[i] = combine(p, q);
}

@compute @workgroup_size(64)
fn compare_broadcast(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { flags[i] = compare(vec4<f32>(a_at(i)), vec4<f32>(b_at(i))).x; }
}
