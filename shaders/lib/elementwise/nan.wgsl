// NaN, found by its bits: compilers may take it that floats are never NaN, fold v != v away, and let max, min and clamp drop it.
fn are_nan(w: vec4<u32>) -> vec4<bool> { return (w & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u); }

// Bits without the sign, which rise with the size; NaN's are above 0x7f800000, infinity's.
fn unsigned_word(v: Value) -> Word { return bitcast<Word>(v) & Word(0x7fffffffu); }

// v, but `other` where `source` is NaN.
fn unless_nan(v: Value, source: Value, other: Value) -> Value {
  return select(v, other, unsigned_word(source) > Word(0x7f800000u));
}

// v, but NaN where `source` is.
fn or_nan(v: Value, source: Value) -> Value { return unless_nan(v, source, source); }

// The larger of two numbers; NaN before all.
fn larger(p: Value, q: Value) -> Value { return or_nan(or_nan(max(p, q), p), q); }

// The sign; 0 for NaN, as PyTorch has it.
fn sign_of(v: Value) -> Value { return unless_nan(sign(v), v, Value(0.0)); }
