// A word above 0 that rises with the number; both zeros have the same, and NaN is above all.
fn rising(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  let size = bits & 0x7fffffffu;
  let key = select(size | 0x80000000u, 0x80000000u - size, bits > 0x80000000u);
  return select(key, 0xfffffffeu, size > 0x7f800000u);
}
