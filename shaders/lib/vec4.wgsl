// Prelude of kernels written on Value, for four neighbours at a time: an axis is a multiple of four, and its extent and the
// strides over it count fours. lib/scalar.wgsl is its twin for single numbers.
alias Value = vec4<f32>;
// Any 32 bits of each, of whatever type.
alias Word = vec4<u32>;

fn widened(v: Value) -> vec4<f32> { return v; }
fn narrowed(v: vec4<f32>) -> Value { return v; }
fn narrowed_words(v: vec4<u32>) -> Word { return v; }
