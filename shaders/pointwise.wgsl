// Elementwise functions of one tensor and their gradients, four elements an invocation.
// OP is one of these:
const NEG = 0u;
const ABS = 1u;
const EXP = 2u;
const LOG = 3u;
const SQRT = 4u;
const TANH = 5u;
const SIGMOID = 6u;
const RELU = 7u;
const SQUARE = 8u;
const RECIPROCAL = 9u;
const SIGN = 10u;
const AFFINE = 11u;
const POW_SCALAR = 12u;
const CLAMP = 13u;
override OP: u32 = NEG;

struct Params { count: u32, a: f32, b: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

fn value(v: vec4<f32>) -> vec4<f32> {
  switch OP {
    case NEG: { return -v; }
    case ABS: { return abs(v); }
    case EXP: { return exp(v); }
    case LOG: { return log(v); }
    case SQRT: { return sqrt(v); }
    case TANH: { return bounded_tanh(v); }
    case SIGMOID: { return sigmoid(v); }
    case RELU: { return max(v, vec4<f32>(0.0)); }
    case SQUARE: { return v * v; }
    case RECIPROCAL: { return 1.0 / v; }
    case SIGN: { return sign(v); }
    case AFFINE: { return v * params.a + params.b; }
    case POW_SCALAR: { return power(v, params.a); }
    case CLAMP: { return clamp(v, vec4<f32>(params.a), vec4<f32>(params.b)); }
    default: { return v; }
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
    case NEG: { return vec4<f32>(-1.0); }
    case ABS: { return sign(s); }
    case EXP: { return s; }
    case LOG: { return 1.0 / s; }
    case SQRT: { return 0.5 / s; }
    case TANH: { return 1.0 - s * s; }
    case SIGMOID: { return s * (1.0 - s); }
    case RELU: { return select(vec4<f32>(0.0), vec4<f32>(1.0), s > vec4<f32>(0.0)); }
    case SQUARE: { return 2.0 * s; }
    case RECIPROCAL: { return -s * s; }
    case AFFINE: { return vec4<f32>(params.a); }
    case POW_SCALAR: { return params.a * power(s, params.a - 1.0); }
    case CLAMP: {
      return select(vec4<f32>(0.0), vec4<f32>(1.0), (s >= vec4<f32>(params.a)) & (s <= vec4<f32>(params.b)));
    }
    default: { return vec4<f32>(0.0); }
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
