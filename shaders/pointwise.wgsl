// Elementwise functions of one tensor and their derivatives.
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

fn value(v: vec4<f32>) -> vec4<f32> {
  switch OP {
    case NEG: { return -v; }
    case ABS: { return abs(v); }
    case EXP: { return exp(v); }
    case LOG: { return log(v); }
    case SQRT: { return sqrt(v); }
    case TANH: { return bounded_tanh(v); }
    case SIGMOID: { return sigmoid(v); }
    case RELU: { return larger(v, vec4<f32>(0.0)); }
    case SQUARE: { return v * v; }
    case RECIPROCAL: { return 1.0 / v; }
    case SIGN: { return sign_of(v); }
    case AFFINE: { return v * params.a + params.b; }
    case POW_SCALAR: { return power(v, vec4<f32>(params.a)); }
    case CLAMP: { return or_nan(clamp(v, vec4<f32>(params.a), vec4<f32>(params.b)), v); }
    default: { return v; }
  }
}

// dy/dx, from the saved tensor: the output for exp, sqrt, tanh, sigmoid, relu, reciprocal, the input otherwise.
fn slope(s: vec4<f32>) -> vec4<f32> {
  switch OP {
    case NEG: { return vec4<f32>(-1.0); }
    case ABS: { return sign_of(s); }
    case EXP: { return s; }
    case LOG: { return 1.0 / s; }
    case SQRT: { return 0.5 / s; }
    case TANH: { return 1.0 - s * s; }
    case SIGMOID: { return s * (1.0 - s); }
    case RELU: { return select(vec4<f32>(1.0), vec4<f32>(0.0), s <= vec4<f32>(0.0)); }
    case SQUARE: { return 2.0 * s; }
    case RECIPROCAL: { return -s * s; }
    case AFFINE: { return vec4<f32>(params.a); }
    case POW_SCALAR: {
      return select(params.a * power(s, vec4<f32>(params.a - 1.0)), vec4<f32>(0.0), params.a == 0.0);
    }
    case CLAMP: {
      return select(vec4<f32>(0.0), vec4<f32>(1.0), (s >= vec4<f32>(params.a)) & (s <= vec4<f32>(params.b)));
    }
    default: { return vec4<f32>(0.0); }
  }
}

// y += x, in place.
@compute @workgroup_size(64)
fn accumulate(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] += x[i]; }
}

// Integers, as words: i32 or u32. They wrap: the least i32 is its own negative.
override SIGNED: bool = true;
@group(0) @binding(4) var<storage, read> words: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> y_words: array<vec4<u32>>;

fn whole_power(w: vec4<u32>, exponent: u32) -> vec4<u32> {
  var result = vec4<u32>(1u);
  var square = w;
  for (var left = exponent; left > 0u; left = left >> 1u) {
    if ((left & 1u) == 1u) { result *= square; }
    square *= square;
  }
  return result;
}

fn whole(w: vec4<u32>) -> vec4<u32> {
  let negative = vec4<bool>(SIGNED) & (w >= vec4<u32>(0x80000000u));
  switch OP {
    case NEG: { return ~w + 1u; }
    case ABS: { return select(w, ~w + 1u, negative); }
    case SQUARE: { return w * w; }
    case POW_SCALAR: { return whole_power(w, u32(params.a)); }
    default: { return select(min(w, vec4<u32>(1u)), vec4<u32>(0xffffffffu), negative); }
  }
}

// y = -x, |x|, x^2, x^a or sign x.
@compute @workgroup_size(64)
fn unary_integer(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y_words[i] = whole(words[i]); }
}
