// Activations a matmul or convolution can apply as it writes: ACTIVATION 0 none, 1 relu, 2 tanh, 3 sigmoid.
override ACTIVATION: u32 = 0u;

fn activate(v: Value) -> Value {
  switch ACTIVATION {
    case 1u: { return max(v, Value(0.0)); }
    case 2u: { return bounded_tanh(v); }
    case 3u: { return sigmoid(v); }
    default: { return v; }
  }
}
