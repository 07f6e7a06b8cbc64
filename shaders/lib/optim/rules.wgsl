// The rules of the optimisers, four elements at a time. What changes between steps (the rate, the factor of clipping, which
// parameters take part and Adam's corrections) lives in buffers, so that a captured step follows the schedule.
override CLIP: bool = false;
// Weight decay beside the gradient, not in it.
override DECOUPLED: bool = false;
// The parameter is a bank: each of its entries has a correction of its own.
override BANK: bool = false;

struct Hyper { decay: f32, rate_factor: f32, momentum: f32, beta2: f32, epsilon: f32 }
// Weights, velocity (the first moment) and second moment after a step.
struct State { w: vec4<f32>, v: vec4<f32>, s: vec4<f32> }
// Factors of both moments, for each of four elements; 0 where the step leaves the element's parameter out.
struct Correction { first: vec4<f32>, second: vec4<f32> }

// The corrections of elements 4 i to 4 i + 3 of a parameter whose entries, of `stride` elements each, count from `entry` on.
fn correction_of(entry: u32, stride: u32, i: u32) -> Correction {
  if (!BANK) {
    let c = correction[entry];
    return Correction(vec4<f32>(c.x), vec4<f32>(c.y));
  }
  let at = entry + (vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u)) / stride;
  let a = correction[at.x];
  let b = correction[at.y];
  let c = correction[at.z];
  let d = correction[at.w];
  return Correction(vec4<f32>(a.x, b.x, c.x, d.x), vec4<f32>(a.y, b.y, c.y, d.y));
}

// By the exponent's bits: compilers take it for granted that x == x.
fn finite(x: vec4<f32>) -> vec4<bool> {
  let exponent = vec4<u32>(0x7f800000u);
  return (bitcast<vec4<u32>>(x) & exponent) != exponent;
}

// Marks the parameter of count `entry` where a number of it is not finite any more, or its gradients' norm was not and the
// factor of clipping became 0.
fn watch(entry: u32, elements: vec4<bool>, state: State) {
  let whole = finite(state.w) & finite(state.v) & finite(state.s);
  if (any(elements & !whole) || (CLIP && clip[0] == 0.0)) { atomicMax(&fault[entry], 1u); }
}

fn decayed(h: Hyper, gradient: vec4<f32>, w: vec4<f32>) -> vec4<f32> {
  var g = gradient;
  if (CLIP) { g *= clip[0]; }
  if (!DECOUPLED) { g += h.decay * w; }
  return g;
}

// Classical momentum: v = momentum v + (g + decay w); w = w - rate v.
fn sgd_step(h: Hyper, c: Correction, gradient: vec4<f32>, w: vec4<f32>, velocity: vec4<f32>) -> State {
  let v = h.momentum * velocity + decayed(h, gradient, w);
  let takes_part = c.first > vec4<f32>();
  return State(select(w, w - rate[0] * h.rate_factor * v, takes_part), select(velocity, v, takes_part), vec4<f32>());
}

// Adam (Kingma and Ba, 2015), its moments corrected for their start at zero; decoupled decay is that of AdamW (Loshchilov and
// Hutter, 2019).
fn adam_step(
  h: Hyper, c: Correction, gradient: vec4<f32>, w: vec4<f32>, velocity: vec4<f32>, second: vec4<f32>,
) -> State {
  let g = decayed(h, gradient, w);
  let m = h.momentum * velocity + (1.0 - h.momentum) * g;
  let s = h.beta2 * second + (1.0 - h.beta2) * g * g;
  var change = c.first * m / (sqrt(c.second * s) + h.epsilon);
  if (DECOUPLED) { change += h.decay * w; }
  let takes_part = c.first > vec4<f32>();
  return State(
    select(w, w - rate[0] * h.rate_factor * change, takes_part),
    select(velocity, m, takes_part), select(second, s, takes_part),
  );
}
