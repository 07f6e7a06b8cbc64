// Elementwise functions of two tensors. OP is one of the first of these, or of the others where tensors are compared.
const ADD = 0u;
const SUB = 1u;
const MUL = 2u;
const DIV = 3u;
const MAXIMUM = 4u;
const MINIMUM = 5u;
const POW = 6u;
const GREATER = 7u;
const GREATER_EQUAL = 8u;
const LESS = 9u;
const EQUAL = 10u;
override OP: u32 = ADD;
// How operands are read where no general broadcast is needed: both alike, or one of them.
const ALIKE = 0u;
const SECOND_IS_ONE = 1u;    // element
const SECOND_REPEATS = 2u;   // every `period` Values: a bias over channels
const FIRST_IS_ONE = 3u;
override MODE: u32 = ALIKE;
// In a broadcast: the operand has one number for each row of the innermost axis, not as many as that is long.
override A_ONE: bool = false;
override B_ONE: bool = false;
struct Params {
  count: u32, period: u32, rank: u32,
  outer: vec4<u32>, inner: vec4<u32>,
  a_outer: vec4<u32>, a_inner: vec4<u32>,
  b_outer: vec4<u32>, b_inner: vec4<u32>,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Value>;
@group(0) @binding(2) var<storage, read> b: array<Value>;
@group(0) @binding(3) var<storage, read_write> y: array<Value>;
@group(0) @binding(4) var<storage, read_write> flags: array<Word>;
// Operands of a broadcast, number by number.
@group(0) @binding(5) var<storage, read> a_one: array<f32>;
@group(0) @binding(6) var<storage, read> b_one: array<f32>;

fn combine(p: vec4<f32>, q: vec4<f32>) -> vec4<f32> {
  switch OP {
    case ADD: { return p + q; }
    case SUB: { return p - q; }
    case MUL: { return p * q; }
    case DIV: { return p / q; }
    case MAXIMUM: { return max(p, q); }
    case MINIMUM: { return min(p, q); }
    default: { return pow(p, q); }
  }
}

fn compare(p: vec4<f32>, q: vec4<f32>) -> vec4<u32> {
  switch OP {
    case GREATER: { return select(vec4<u32>(0u), vec4<u32>(1u), p > q); }
    case GREATER_EQUAL: { return select(vec4<u32>(0u), vec4<u32>(1u), p >= q); }
    case LESS: { return select(vec4<u32>(0u), vec4<u32>(1u), p < q); }
    default: { return select(vec4<u32>(0u), vec4<u32>(1u), p == q); }
  }
}

fn first(i: u32) -> vec4<f32> {
  if (MODE == FIRST_IS_ONE) { return vec4<f32>(widened(a[0]).x); }
  return widened(a[i]);
}

fn second(i: u32) -> vec4<f32> {
  switch MODE {
    case SECOND_IS_ONE: { return vec4<f32>(widened(b[0]).x); }
    case SECOND_REPEATS: { return widened(b[i % params.period]); }
    default: { return widened(b[i]); }
  }
}

@compute @workgroup_size(64)
fn binary(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] = narrowed(combine(first(i), second(i))); }
}

@compute @workgroup_size(64)
fn binary_compare(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { flags[i] = narrowed_words(compare(first(i), second(i))); }
}

fn a_at(i: u32) -> vec4<f32> {
  let at = broadcast_offset(i, params.outer, params.inner, params.a_outer, params.a_inner, params.rank);
  if (A_ONE) { return vec4<f32>(a_one[at]); }
  return widened(a[at]);
}

fn b_at(i: u32) -> vec4<f32> {
  let at = broadcast_offset(i, params.outer, params.inner, params.b_outer, params.b_inner, params.rank);
  if (B_ONE) { return vec4<f32>(b_one[at]); }
  return widened(b[at]);
}

// Any broadcast, one Value an invocation.
@compute @workgroup_size(64)
fn binary_broadcast(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] = narrowed(combine(a_at(i), b_at(i))); }
}

@compute @workgroup_size(64)
fn compare_broadcast(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { flags[i] = narrowed_words(compare(a_at(i), b_at(i))); }
}
