// Arithmetic of two integers, as words: i32 where SIGNED, or u32. It wraps. OP is one of these.
const ADD = 0u;
const SUB = 1u;
const MUL = 2u;
const MAXIMUM = 3u;
const MINIMUM = 4u;
const FLOOR_DIV = 5u;
const MOD = 6u;
override SIGNED: bool = true;

// Words whose order as u32 is the integers' order.
fn ordered(w: vec4<u32>) -> vec4<u32> { return w ^ vec4<u32>(select(0u, 0x80000000u, SIGNED)); }

fn is_negative(w: vec4<u32>) -> vec4<bool> { return vec4<bool>(SIGNED) & (w >= vec4<u32>(0x80000000u)); }
fn negated(w: vec4<u32>) -> vec4<u32> { return ~w + 1u; }
fn magnitude(w: vec4<u32>) -> vec4<u32> { return select(w, negated(w), is_negative(w)); }

// floor(p / q) and p - q floor(p / q), which has the sign of q; 0 for q = 0. By magnitudes: the least i32 by -1 overflows else.
fn floor_division(p: vec4<u32>, q: vec4<u32>) -> vec4<u32> {
  let zero = vec4<u32>(0u);
  let divisor = max(magnitude(q), vec4<u32>(1u));
  let quotient = magnitude(p) / divisor;
  let rest = magnitude(p) % divisor;
  let below = is_negative(p) != is_negative(q);
  let inexact = rest != zero;
  var value: vec4<u32>;
  if (OP == FLOOR_DIV) {
    value = select(quotient, negated(select(quotient, quotient + 1u, inexact)), below);
  } else {
    let size = select(rest, divisor - rest, below & inexact);
    value = select(size, negated(size), is_negative(q));
  }
  return select(value, zero, q == zero);
}

fn result(p: vec4<u32>, q: vec4<u32>) -> vec4<u32> {
  switch OP {
    case ADD: { return p + q; }
    case SUB: { return p - q; }
    case MUL: { return p * q; }
    case MAXIMUM: { return select(q, p, ordered(p) > ordered(q)); }
    case MINIMUM: { return select(q, p, ordered(p) < ordered(q)); }
    default: { return floor_division(p, q); }
  }
}
