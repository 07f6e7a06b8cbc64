// Sine and cosine of any float, within 3 roundings. WGSL's own are good to 2^-11 between -pi and pi and to nothing outside.
const SIN = 0u;
const COS = 1u;
override OP: u32 = SIN;

// Binary digits of 2 / pi, 32 before the point and those after it.
const TWO_OVER_PI = array<u32, 7>(
  0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u,
);

// The upper word of a * b.
fn high_word(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}

// x = quarters * pi / 2 + rest
struct Angle { quarters: u32, rest: f32 }

// x 2 / pi modulo 4 in whole numbers, as Payne and Hanek do (Radian reduction for trigonometric functions, SIGNUM 1983):
// with x = mantissa 2^(exponent - 150), digits worth 4 or more drop out, and those far behind the point are not needed.
fn angle_of(x: f32) -> Angle {
  let bits = bitcast<u32>(x) & 0x7fffffffu;
  if (bits < 0x3f490fdbu) { return Angle(0u, x); }
  var digits = TWO_OVER_PI;
  // From the digit of weight 2 on; that is digit 30 where the mantissa counts ones.
  let first = min(bits >> 23u, 254u) - 120u;
  let word = first >> 5u;
  let shift = first & 31u;
  var high = digits[word];
  var low = digits[word + 1u];
  if (shift > 0u) {
    high = (high << shift) | (low >> (32u - shift));
    low = (low << shift) | (digits[word + 2u] >> (32u - shift));
  }
  let mantissa = (bits & 0x7fffffu) | 0x800000u;
  let turn = mantissa * high + high_word(mantissa, low);
  let quarters = (turn + 0x20000000u) >> 30u;
  let fraction = bitcast<i32>((turn << 2u) | ((mantissa * low) >> 30u));
  let rest = f32(fraction) * 3.6572952e-10;   // pi / 2 * 2^-32
  if (bitcast<u32>(x) != bits) { return Angle((4u - quarters) & 3u, -rest); }
  return Angle(quarters, rest);
}

// Near 0 (Cephes, sinf and cosf), turned by quarters.
fn sine(angle: Angle) -> f32 {
  let r = angle.rest;
  let z = r * r;
  let odd = r + r * z * (-1.6666654611e-1 + z * (8.3321608736e-3 + z * -1.9515295891e-4));
  let even = 1.0 - 0.5 * z + z * z * (4.166664568298827e-2 + z * (-1.388731625493765e-3 + z * 2.443315711809948e-5));
  let size = select(odd, even, (angle.quarters & 1u) == 1u);
  return select(size, -size, (angle.quarters & 2u) == 2u);
}

fn turned(x: f32, by: u32) -> f32 {
  let angle = angle_of(x);
  let value = bitcast<u32>(sine(Angle(angle.quarters + by, angle.rest)));
  // NaN for what is not finite.
  let finite = (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
  return bitcast<f32>(select(0x7fc00000u, value, finite));
}

fn each_turned(v: vec4<f32>, by: u32) -> vec4<f32> {
  return vec4<f32>(turned(v.x, by), turned(v.y, by), turned(v.z, by), turned(v.w, by));
}

// cos x = sin(x + pi / 2), and so on.
fn value(v: vec4<f32>) -> vec4<f32> { return each_turned(v, select(0u, 1u, OP == COS)); }
fn slope(s: vec4<f32>) -> vec4<f32> { return each_turned(s, select(1u, 2u, OP == COS)); }
