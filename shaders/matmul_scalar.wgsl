// C = act(op(A) op(B) + bias), batched, for small products whose rows are no whole vec4s: one element of C an invocation, read
// number by number, so that nothing has to be padded first. op is the identity or the transpose.
override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;

// strides from one batch entry to the next, in elements (0 repeats it)
struct Params { count: u32, m: u32, n: u32, k: u32, stride_a: u32, stride_b: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(64)
fn matmul_scalar(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let column = i % params.n;
  let row = (i / params.n) % params.m;
  let batch = i / (params.n * params.m);
  let first_a = batch * params.stride_a + select(row * params.k, row, TRANSPOSE_A);
  let first_b = batch * params.stride_b + select(column, column * params.k, TRANSPOSE_B);
  let step_a = select(1u, params.m, TRANSPOSE_A);
  let step_b = select(params.n, 1u, TRANSPOSE_B);
  var total = 0.0;
  for (var k = 0u; k < params.k; k++) { total += a[first_a + k * step_a] * b[first_b + k * step_b]; }
  let out = epilogue(total, channel_of(column), i);
  if (ADD) { c[i] = settled(c[i] + out, i); } else { c[i] = settled(out, i); }
}
