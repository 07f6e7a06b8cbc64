// Frame of elementwise functions of two tensors under NumPy broadcasting, read and written as words, whatever they are. A
// family's text has `result` of four pairs of words, chosen by OP.
override OP: u32 = 0u;
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
@group(0) @binding(1) var<storage, read> a: array<Word>;
@group(0) @binding(2) var<storage, read> b: array<Word>;
@group(0) @binding(3) var<storage, read_write> y: array<Word>;
// Operands of a broadcast, word by word.
@group(0) @binding(4) var<storage, read> a_one: array<u32>;
@group(0) @binding(5) var<storage, read> b_one: array<u32>;

fn first(i: u32) -> vec4<u32> {
  if (MODE == FIRST_IS_ONE) { return vec4<u32>(vec4<u32>(a[0]).x); }
  return vec4<u32>(a[i]);
}

fn second(i: u32) -> vec4<u32> {
  switch MODE {
    case SECOND_IS_ONE: { return vec4<u32>(vec4<u32>(b[0]).x); }
    case SECOND_REPEATS: { return vec4<u32>(b[i % params.period]); }
    default: { return vec4<u32>(b[i]); }
  }
}

@compute @workgroup_size(64)
fn binary(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] = narrowed_words(result(first(i), second(i))); }
}

fn a_at(i: u32) -> vec4<u32> {
  let at = broadcast_offset(i, params.outer, params.inner, params.a_outer, params.a_inner, params.rank);
  if (A_ONE) { return vec4<u32>(a_one[at]); }
  return vec4<u32>(a[at]);
}

fn b_at(i: u32) -> vec4<u32> {
  let at = broadcast_offset(i, params.outer, params.inner, params.b_outer, params.b_inner, params.rank);
  if (B_ONE) { return vec4<u32>(b_one[at]); }
  return vec4<u32>(b[at]);
}

// Any broadcast, one Value an invocation.
@compute @workgroup_size(64)
fn binary_broadcast(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] = narrowed_words(result(a_at(i), b_at(i))); }
}
