// What a product can do to its result as it writes: y = act(v * scale + bias + residual), each part on request.
override HAS_SCALE: bool = false;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
// Add to what y holds: for whoever writes y.
override ADD: bool = false;
@group(0) @binding(5) var<storage, read> scale: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> residual: array<vec4<f32>>;

// `column` and `at` count vec4 along a row of y and in all of y.
fn epilogue(v: vec4<f32>, column: u32, at: u32) -> vec4<f32> {
  var out = v;
  if (HAS_SCALE) { out *= scale[column]; }
  if (HAS_BIAS) { out += bias[column]; }
  if (HAS_RESIDUAL) { out += residual[at]; }
  return activate(out);
}
