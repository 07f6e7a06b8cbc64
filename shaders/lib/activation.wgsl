// Activations a matmul or convolution can apply as it writes: ACTIVATION 0 none, 1 relu, 2 tanh, 3 sigmoid.
// tanh's argument is clamped where tanh is 1 in float32, because some drivers overflow inside it.
override ACTIVATION: u32 = 0u;

fn activate(v: vec4<f32>) -> vec4<f32> {
  switch ACTIVATION {
    case 1u: { return max(v, vec4<f32>(0.0)); }
    case 2u: { return tanh(clamp(v, vec4<f32>(-15.0), vec4<f32>(15.0))); }
    case 3u: { return 1.0 / (1.0 + exp(-v)); }
    default: { return v; }
  }
}

fn activate_one(v: f32) -> f32 { return activate(vec4<f32>(v)).x; }
