// Activations a matmul or convolution can apply as it writes; ACTIVATION is one of these.
const NONE = 0u;
const RELU = 1u;
const TANH = 2u;
const SIGMOID = 3u;
override ACTIVATION: u32 = NONE;

// The derivative of one of these, from what it gave.
fn slope_of(kind: u32, gave: Value) -> Value {
  switch kind {
    case RELU: { return select(Value(1.0), Value(0.0), gave <= Value(0.0)); }
    case TANH: { return 1.0 - gave * gave; }
    case SIGMOID: { return gave * (1.0 - gave); }
    default: { return Value(1.0); }
  }
}

fn activate(v: Value) -> Value {
  switch ACTIVATION {
    case RELU: { return larger(v, Value(0.0)); }
    case TANH: { return bounded_tanh(v); }
    case SIGMOID: { return sigmoid(v); }
    default: { return v; }
  }
}
