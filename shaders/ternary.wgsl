// Elementwise functions of three tensors under broadcasting: `where`, and the gradients of binary ops, for which c is the
// output's gradient and a, b the operands. OP is one of these: the function, and the operand whose gradient it is.
const DIV_B = 0u;
const MAXIMUM_A = 1u;
const MAXIMUM_B = 2u;
const MINIMUM_A = 3u;
const MINIMUM_B = 4u;
const POW_A = 5u;
const POW_B = 6u;
override OP: u32 = DIV_B;
struct Params {
  count: u32, rank: u32,
  outer: vec4<u32>, inner: vec4<u32>,
  a_outer: vec4<u32>, a_inner: vec4<u32>,
  b_outer: vec4<u32>, b_inner: vec4<u32>,
  c_outer: vec4<u32>, c_inner: vec4<u32>,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> c: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
// The branches of `where`, of any type.
@group(0) @binding(5) var<storage, read> condition: array<u32>;
@group(0) @binding(6) var<storage, read> taken: array<u32>;
@group(0) @binding(7) var<storage, read> other: array<u32>;
@group(0) @binding(8) var<storage, read_write> words: array<u32>;

fn at(i: u32, outer: vec4<u32>, inner: vec4<u32>) -> u32 {
  return broadcast_offset(i, params.outer, params.inner, outer, inner, params.rank);
}

// words = condition ? taken : other
@compute @workgroup_size(64)
fn choose(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let holds = condition[at(i, params.c_outer, params.c_inner)] != 0u;
  words[i] = select(other[at(i, params.b_outer, params.b_inner)], taken[at(i, params.a_outer, params.a_inner)], holds);
}

fn gradient(p: f32, q: f32, g: f32) -> f32 {
  switch OP {
    case DIV_B: { return -g * p / (q * q); }
    case MAXIMUM_A: { return select(0.0, g, p >= q); }
    case MAXIMUM_B: { return select(g, 0.0, p >= q); }
    case MINIMUM_A: { return select(0.0, g, p <= q); }
    case MINIMUM_B: { return select(g, 0.0, p <= q); }
    case POW_A: { return select(g * q * power(vec4<f32>(p), vec4<f32>(q - 1.0)).x, 0.0, q == 0.0); }
    default: {
      let slope = g * power(vec4<f32>(p), vec4<f32>(q)).x * logarithm(vec4<f32>(p)).x;
      return select(slope, 0.0, p == 0.0 && q >= 0.0);
    }
  }
}

// y = d(a OP b)/d(operand) * c
@compute @workgroup_size(64)
fn binary_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  y[i] = gradient(
    a[at(i, params.a_outer, params.a_inner)],
    b[at(i, params.b_outer, params.b_inner)],
    c[at(i, params.c_outer, params.c_inner)],
  );
}
