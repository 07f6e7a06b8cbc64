// a to the power b as IEEE 754 has it: (-2)^3 = -8, 0^0 = 1, 0^-1 = inf, (-2)^0.5 = NaN. WGSL's pow knows positive finite
// bases alone. What is not finite is made of bits: compilers may take it that floats always are, and fold tests for it away.
const INFINITE = 0x7f800000u;
const NOT_A_NUMBER = 0x7fc00000u;

// size^b of positive numbers. Small whole exponents by squaring: logarithms would make 5^2 a little less than 25.
fn positive_power(size: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  let whole = (trunc(b) == b) & (abs(b) < vec4<f32>(16.0));
  var digits = vec4<u32>(select(vec4<f32>(0.0), abs(b), whole));
  var square = size;
  var product = vec4<f32>(1.0);
  for (var i = 0u; i < 4u; i++) {
    product = select(product, product * square, (digits & vec4<u32>(1u)) == vec4<u32>(1u));
    square = square * square;
    digits = digits >> vec4<u32>(1u);
  }
  let below = b < vec4<f32>(0.0);
  // The inverse of what is too small to be held is not.
  let held = !below | (product >= vec4<f32>(1.17549435e-38));
  return select(pow(size, b), select(product, 1.0 / product, below), whole & held);
}

fn power(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  let base = bitcast<vec4<u32>>(a);
  let size = base & vec4<u32>(0x7fffffffu);
  let exponent = bitcast<vec4<u32>>(b) & vec4<u32>(0x7fffffffu);
  let infinite = vec4<u32>(INFINITE);
  let one = vec4<u32>(0x3f800000u);
  let whole = (trunc(b) == b) | (exponent == infinite);
  let odd = whole & (exponent < infinite) & (fract(abs(b) * 0.5) != vec4<f32>(0.0));
  let negative = base != size;

  var result = bitcast<vec4<u32>>(positive_power(bitcast<vec4<f32>>(size), b));
  // 0 or infinity where the base or the exponent is.
  let grows = (size > one) == (b > vec4<f32>(0.0));
  let extreme = (size == vec4<u32>(0u)) | (size == infinite) | (exponent == infinite);
  result = select(result, select(vec4<u32>(0u), infinite, grows), extreme);
  let unit = (exponent == vec4<u32>(0u)) | (size == one);
  result = select(result, one, unit);
  result = select(result, result | vec4<u32>(0x80000000u), negative & odd);
  let no_root = negative & !whole & (size != vec4<u32>(0u)) & (size < infinite);
  let nan = no_root | (size > infinite) | (exponent > infinite);
  let known = (exponent == vec4<u32>(0u)) | (base == one);
  return bitcast<vec4<f32>>(select(result, vec4<u32>(NOT_A_NUMBER), nan & !known));
}

// ln a, which is NaN for negative numbers and -infinity for 0.
fn logarithm(a: vec4<f32>) -> vec4<f32> {
  let bits = bitcast<vec4<u32>>(a);
  let zero = (bits & vec4<u32>(0x7fffffffu)) == vec4<u32>(0u);
  let finite = select(bitcast<vec4<u32>>(log(a)), vec4<u32>(NOT_A_NUMBER), bits > vec4<u32>(0x80000000u));
  return bitcast<vec4<f32>>(select(finite, vec4<u32>(INFINITE | 0x80000000u), zero));
}
