// Activation functions and the error function, with their derivatives from the input.
const ERF = 0u;
const GELU = 1u;
const GELU_TANH = 2u;
const SILU = 3u;
const LEAKY_RELU = 4u;
override OP: u32 = ERF;

const TWO_OVER_ROOT_PI = 1.1283791670955126;
const ROOT_HALF = 0.7071067811865476;
const ROOT_TWO_OVER_PI = 0.7978845608028654;
const CUBIC = 0.044715;

// The standard normal distribution, and its density.
fn distribution(v: vec4<f32>) -> vec4<f32> { return 0.5 * (1.0 + erf(v * ROOT_HALF)); }
fn density(v: vec4<f32>) -> vec4<f32> { return 0.5 * ROOT_TWO_OVER_PI * exp(-0.5 * v * v); }

// tanh(sqrt(2 / pi) (v + 0.044715 v^3)), and what stands inside differentiated.
fn gate(v: vec4<f32>) -> vec4<f32> { return bounded_tanh(ROOT_TWO_OVER_PI * (v + CUBIC * v * v * v)); }
fn gate_slope(v: vec4<f32>) -> vec4<f32> { return ROOT_TWO_OVER_PI * (1.0 + 3.0 * CUBIC * v * v); }

fn value(v: vec4<f32>) -> vec4<f32> {
  switch OP {
    case ERF: { return erf(v); }
    case GELU: { return v * distribution(v); }
    case GELU_TANH: { return 0.5 * v * (1.0 + gate(v)); }
    case SILU: { return v * sigmoid(v); }
    default: { return select(v * params.a, v, v > vec4<f32>(0.0)); }
  }
}

fn slope(s: vec4<f32>) -> vec4<f32> {
  switch OP {
    case ERF: { return TWO_OVER_ROOT_PI * exp(-s * s); }
    case GELU: { return distribution(s) + s * density(s); }
    case GELU_TANH: {
      let t = gate(s);
      return 0.5 * (1.0 + t) + 0.5 * s * (1.0 - t * t) * gate_slope(s);
    }
    case SILU: {
      let part = sigmoid(s);
      return part + s * part * (1.0 - part);
    }
    default: { return select(vec4<f32>(params.a), vec4<f32>(1.0), s > vec4<f32>(0.0)); }
  }
}
