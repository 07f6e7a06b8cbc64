// Comparisons of two numbers of one type. OP is one of these.
const GREATER = 0u;
const GREATER_EQUAL = 1u;
const LESS = 2u;
const LESS_EQUAL = 3u;
const EQUAL = 4u;
const NOT_EQUAL = 5u;
// What the words are.
const FLOAT = 0u;
const SIGNED = 1u;
const UNSIGNED = 2u;
override TYPE: u32 = FLOAT;

// Words whose order as u32 is the integers' order.
fn ordered(w: vec4<u32>) -> vec4<u32> { return w ^ vec4<u32>(select(0u, 0x80000000u, TYPE == SIGNED)); }

fn holds_for_floats(p: vec4<f32>, q: vec4<f32>) -> vec4<bool> {
  switch OP {
    case GREATER: { return p > q; }
    case GREATER_EQUAL: { return p >= q; }
    case LESS: { return p < q; }
    case LESS_EQUAL: { return p <= q; }
    default: { return p == q; }
  }
}

fn holds_for_integers(p: vec4<u32>, q: vec4<u32>) -> vec4<bool> {
  switch OP {
    case GREATER: { return p > q; }
    case GREATER_EQUAL: { return p >= q; }
    case LESS: { return p < q; }
    case LESS_EQUAL: { return p <= q; }
    default: { return p == q; }
  }
}

// 1 where it holds, else 0. NOT_EQUAL is where EQUAL does not hold.
fn result(p: vec4<u32>, q: vec4<u32>) -> vec4<u32> {
  var holds: vec4<bool>;
  if (TYPE == FLOAT) {
    holds = holds_for_floats(bitcast<vec4<f32>>(p), bitcast<vec4<f32>>(q)) & !(are_nan(p) | are_nan(q));
  } else {
    holds = holds_for_integers(ordered(p), ordered(q));
  }
  if (OP == NOT_EQUAL) { holds = !holds; }
  return select(vec4<u32>(0u), vec4<u32>(1u), holds);
}
