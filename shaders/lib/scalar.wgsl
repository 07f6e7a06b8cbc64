// Prelude of kernels written on Value, for single numbers; lib/vec4.wgsl is its twin for four neighbours at a time.
alias Value = f32;
// Any 32 bits, of whatever type.
alias Word = u32;

fn widened(v: Value) -> vec4<f32> { return vec4<f32>(v); }
fn narrowed(v: vec4<f32>) -> Value { return v.x; }
fn narrowed_words(v: vec4<u32>) -> Word { return v.x; }
