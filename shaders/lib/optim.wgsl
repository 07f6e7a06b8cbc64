// The rules of the optimisers, four elements at a time. Hyper-parameters that change between steps (the rate, the factor of
// clipping, Adam's corrections) live in buffers, so that a captured step follows the schedule.
override CLIP: bool = false;
// Weight decay beside the gradient, not in it.
override DECOUPLED: bool = false;

struct Hyper { decay: f32, rate_factor: f32, momentum: f32, beta2: f32, epsilon: f32 }
// Weights, velocity (the first moment) and second moment after a step.
struct State { w: vec4<f32>, v: vec4<f32>, s: vec4<f32> }

fn decayed(h: Hyper, gradient: vec4<f32>, w: vec4<f32>) -> vec4<f32> {
  var g = gradient;
  if (CLIP) { g *= clip[0]; }
  if (!DECOUPLED) { g += h.decay * w; }
  return g;
}

// Classical momentum: v = momentum v + (g + decay w); w = w - rate v.
fn sgd_step(h: Hyper, gradient: vec4<f32>, w: vec4<f32>, velocity: vec4<f32>) -> State {
  let v = h.momentum * velocity + decayed(h, gradient, w);
  return State(w - rate[0] * h.rate_factor * v, v, vec4<f32>());
}

// Adam (Kingma and Ba, 2015), its moments corrected for their start at zero; decoupled decay is that of AdamW (Loshchilov and
// Hutter, 2019).
fn adam_step(h: Hyper, gradient: vec4<f32>, w: vec4<f32>, velocity: vec4<f32>, second: vec4<f32>) -> State {
  let g = decayed(h, gradient, w);
  let m = h.momentum * velocity + (1.0 - h.momentum) * g;
  let s = h.beta2 * second + (1.0 - h.beta2) * g * g;
  var change = correction[0] * m / (sqrt(correction[1] * s) + h.epsilon);
  if (DECOUPLED) { change += h.decay * w; }
  return State(w - rate[0] * h.rate_factor * change, m, s);
}
