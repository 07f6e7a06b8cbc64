// Epilogue of a product as it is written: y = act(v * scale + bias + residual), each part on request.
override HAS_SCALE: bool = false;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
// Add to what y holds: for whoever writes y.
override ADD: bool = false;
@group(0) @binding(5) var<storage, read> scale: array<Value>;
@group(0) @binding(6) var<storage, read> bias: array<Value>;
@group(0) @binding(7) var<storage, read> residual: array<Value>;

// `scale` is along the summed axis: whoever reads the first operand multiplies by it.
override SCALED_SUM: bool = false;

// Of a gradient: the activation that gave the op's input, which is `activated`. The gradient before it is what is wanted.
override SLOPE: u32 = NONE;
@group(0) @binding(11) var<storage, read> activated: array<Value>;

// What is the same for all rows of a block: read once.
struct Channel { scale: Value, bias: Value }

fn channel_of(i: u32) -> Channel {
  var channel = Channel(Value(1.0), Value(0.0));
  if (HAS_SCALE) { channel.scale = scale[i]; }
  if (HAS_BIAS) { channel.bias = bias[i]; }
  return channel;
}

// `at` is the place in y.
fn epilogue(v: Value, channel: Channel, at: u32) -> Value {
  var out = v;
  if (HAS_SCALE) { out *= channel.scale; }
  if (HAS_BIAS) { out += channel.bias; }
  if (HAS_RESIDUAL) { out += residual[at]; }
  return activate(out);
}

// A gradient as it is written.
fn settled(v: Value, at: u32) -> Value {
  if (SLOPE == NONE) { return v; }
  return v * slope_of(SLOPE, activated[at]);
}
