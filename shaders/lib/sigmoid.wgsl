// The logistic function and tanh of Values. tanh's argument is clamped where tanh is 1 in float32, because some drivers overflow
// inside it.
fn sigmoid(v: Value) -> Value { return 1.0 / (1.0 + exp(-v)); }
fn bounded_tanh(v: Value) -> Value { return or_nan(tanh(clamp(v, Value(-15.0), Value(15.0))), v); }
