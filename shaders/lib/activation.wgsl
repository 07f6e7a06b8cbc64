// Activations a matmul or convolution can apply as it writes; ACTIVATION is one of these.
const NONE = 0u;
const RELU = 1u;
const TANH = 2u;
const SIGMOID = 3u;
override ACTIVATION: u32 = NONE;

fn activate(v: Value) -> Value {
  switch ACTIVATION {
    case RELU: { return larger(v, Value(0.0)); }
    case TANH: { return bounded_tanh(v); }
    case SIGMOID: { return sigmoid(v); }
    default: { return v; }
  }
}
