// What a product can do to its result as it writes: y = act(v * scale + bias + residual), each part on request.
override HAS_SCALE: bool = false;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
// Add to what y holds: for whoever writes y.
override ADD: bool = false;
@group(0) @binding(5) var<storage, read> scale: array<Value>;
@group(0) @binding(6) var<storage, read> bias: array<Value>;
@group(0) @binding(7) var<storage, read> residual: array<Value>;

// `channel` is the place in scale and bias, `at` that in y.
fn epilogue(v: Value, channel: u32, at: u32) -> Value {
  var out = v;
  if (HAS_SCALE) { out *= scale[channel]; }
  if (HAS_BIAS) { out += bias[channel]; }
  if (HAS_RESIDUAL) { out += residual[at]; }
  return activate(out);
}
