// Elementwise functions of one tensor and their gradients, four elements an invocation.
// OP numbers are those of engine/ops/unary.ts.
override OP: u32 = 0u;
struct Params { count: u32, a: f32, b: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

fn value(v: vec4<f32>) -> vec4<f32> {
  switch OP {
    case 0u: { return -v; }
    case 1u: { return abs(v); }
    case 2u: { return exp(v); }
    case 3u: { return log(v); }
    case 4u: { return sqrt(v); }
    case 5u: { return bounded_tanh(v); }
    case 6u: { return sigmoid(v); }
    case 7u: { return max(v, vec4<f32>(0.0)); }
    case 8u: { return v * v; }
    case 9u: { return 1.0 / v; }
    case 10u: { return sign(v); }
    case 11u: { return v * params.a + params.b; }
    case 12u: { return power(v, params.a); }
    default: { return clamp(v, vec4<f32>(params.a), vec4<f32>(params.b)); }
  }
}

// WGSL's pow knows no negative base; whole exponents have one.
fn power(v: vec4<f32>, e: f32) -> vec4<f32> {
  let magnitude = select(pow(abs(v), vec4<f32>(e)), vec4<f32>(1.0), e == 0.0);
  let odd = abs(e) % 2.0 == 1.0;
  return select(magnitude, -magnitude, vec4<bool>(odd) & (v < vec4<f32>(0.0)));
}

// dy/dx, from the saved tensor: the output for exp, sqrt, tanh, sigmoid, relu, reciprocal, the input otherwise.
fn slope(s: vec4<f32>) -> vec4<f32> {
  switch OP {
    case 0u: { return vec4<f32>(-1.0); }
    case 1u: { return sign(s); }
    case 2u: { return s; }
    case 3u: { return 1.0 / s; }
    case 4u: { return 0.5 / s; }
    case 5u: { return 1.0 - s * s; }
    case 6u: { return s * (1.0 - s); }
    case 7u: { return select(vec4<f32>(0.0), vec4<f32>(1.0), s > vec4<f32>(0.0)); }
    case 8u: { return 2.0 * s; }
    case 9u: { return -s * s; }
    case 11u: { return vec4<f32>(params.a); }
    case 12u: { return params.a * power(s, params.a - 1.0); }
    default: {
      return select(vec4<f32>(0.0), vec4<f32>(1.0), (s >= vec4<f32>(params.a)) & (s <= vec4<f32>(params.b)));
    }
  }
}

// y = f(x)
@compute @workgroup_size(64)
fn unary(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] = value(x[i]); }
}

// y = dy * f'(x)
@compute @workgroup_size(64)
fn unary_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] = dy[i] * slope(x[i]); }
}

// y += x, in place.
@compute @workgroup_size(64)
fn accumulate(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] += x[i]; }
}
