// Words that rise with numbers of a type, by which they are put in order. TYPE is one of these:
const FLOAT = 0u;
const SIGNED = 1u;
const UNSIGNED = 2u;
override TYPE: u32 = FLOAT;

// A word above 0 that rises with the number; both zeros have the same, and NaN is above all.
fn rising(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  let size = bits & 0x7fffffffu;
  let key = select(size | 0x80000000u, 0x80000000u - size, bits > 0x80000000u);
  return select(key, 0xfffffffeu, size > 0x7f800000u);
}

// The same of a word that holds a number of TYPE; integers take all words, 0 too.
fn rising_word(word: u32) -> u32 {
  switch TYPE {
    case SIGNED: { return word ^ 0x80000000u; }
    case UNSIGNED: { return word; }
    default: { return rising(bitcast<f32>(word)); }
  }
}
