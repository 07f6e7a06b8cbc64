// floor(p / q) of floats, and the remainder p - q floor(p / q), which has the sign of q. Division by 0 gives what p / 0 does,
// and NaN.
const FLOOR_DIV = 0u;
const MOD = 1u;

// Remainder x - y trunc(x / y) of positive floats, in bits: exact, by long division. A rounded quotient may be one off.
fn remainder_bits(x: u32, y: u32) -> u32 {
  if (x >= 0x7f800000u || y > 0x7f800000u || y < 0x00800000u) { return 0x7fc00000u; }
  if (x < y) { return x; }
  let exponent = y >> 23u;
  let divisor = (y & 0x7fffffu) | 0x800000u;
  var rest = (x & 0x7fffffu) | 0x800000u;
  for (var step = (x >> 23u) - exponent; step > 0u && rest > 0u; step--) {
    rest = select(rest, rest - divisor, rest >= divisor) << 1u;
  }
  rest = select(rest, rest - divisor, rest >= divisor);
  let up = countLeadingZeros(rest) - 8u;
  if (rest == 0u || exponent <= up) { return 0u; }
  return ((exponent - up) << 23u) | ((rest << up) & 0x7fffffu);
}

const SIGN = vec4<u32>(0x80000000u);

// The remainder with the sign of p.
fn remainder(p: vec4<u32>, q: vec4<u32>) -> vec4<u32> {
  let x = p & ~SIGN;
  let y = q & ~SIGN;
  let rest = vec4<u32>(
    remainder_bits(x.x, y.x), remainder_bits(x.y, y.y), remainder_bits(x.z, y.z), remainder_bits(x.w, y.w),
  );
  return rest | (p & SIGN);
}

// Where that remainder is one of q short of the one with the sign of q.
fn is_short(rest: vec4<u32>, q: vec4<u32>) -> vec4<bool> {
  return ((rest & ~SIGN) != vec4<u32>(0u)) & (((rest ^ q) & SIGN) != vec4<u32>(0u));
}

fn result(p: vec4<u32>, q: vec4<u32>) -> vec4<u32> {
  let rest = remainder(p, q);
  let low = is_short(rest, q);
  let divisor = bitcast<vec4<f32>>(q);
  if (OP == MOD) { return select(rest, bitcast<vec4<u32>>(bitcast<vec4<f32>>(rest) + divisor), low); }
  let quotient = round((bitcast<vec4<f32>>(p) - bitcast<vec4<f32>>(rest)) / divisor);
  let value = bitcast<vec4<u32>>(select(quotient, quotient - 1.0, low));
  // By 0: infinity with both signs, NaN for 0 by 0.
  let infinite = vec4<u32>(0x7f800000u) | ((p ^ q) & SIGN);
  let none = (p & ~SIGN) - 1u >= vec4<u32>(0x7f800000u);
  return select(value, select(infinite, vec4<u32>(0x7fc00000u), none), (q & ~SIGN) == vec4<u32>(0u));
}
