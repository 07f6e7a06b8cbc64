// Arithmetic of two floats. OP is one of these.
const ADD = 0u;
const SUB = 1u;
const MUL = 2u;
const DIV = 3u;
const MAXIMUM = 4u;
const MINIMUM = 5u;
const SQUARED_DIFFERENCE = 6u;

fn combine(p: vec4<f32>, q: vec4<f32>) -> vec4<f32> {
  switch OP {
    case ADD: { return p + q; }
    case SUB: { return p - q; }
    case MUL: { return p * q; }
    case DIV: { return p / q; }
    case MAXIMUM: { return max(p, q); }
    case MINIMUM: { return min(p, q); }
    default: { return (p - q) * (p - q); }
  }
}

fn result(p: vec4<u32>, q: vec4<u32>) -> vec4<u32> {
  let word = bitcast<vec4<u32>>(combine(bitcast<vec4<f32>>(p), bitcast<vec4<f32>>(q)));
  // max and min may drop it.
  if (OP == MAXIMUM || OP == MINIMUM) { return select(select(word, p, are_nan(p)), q, are_nan(q)); }
  return word;
}
