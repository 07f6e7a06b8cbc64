// Optimiser updates of one parameter, four elements an invocation.
struct Params {
  size: u32, entry: u32, stride: u32,
  // The first four of its gradient in what is bound as that: 0, or its place in a sum of gradients.
  gradient_place: u32,
  decay: f32, rate_factor: f32, momentum: f32, beta2: f32, epsilon: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> rate: array<f32>;
@group(0) @binding(3) var<storage, read> clip: array<f32>;
@group(0) @binding(4) var<storage, read> correction: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> weight: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> velocity: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> second: array<vec4<f32>>;
// For each count: 0, or 1 more than the steps since its parameter stopped being finite.
@group(0) @binding(8) var<storage, read_write> fault: array<atomic<u32>>;

// A parameter that a step does not use has a gradient of zero.
override GRADIENT: bool = true;

fn hyper() -> Hyper {
  return Hyper(params.decay, params.rate_factor, params.momentum, params.beta2, params.epsilon);
}

fn gradient_at(i: u32) -> vec4<f32> {
  if (!GRADIENT) { return vec4<f32>(); }
  return gradient[params.gradient_place + i];
}

@compute @workgroup_size(64)
fn sgd(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (4u * i >= params.size) { return; }
  let c = correction_of(params.entry, params.stride, i);
  let state = sgd_step(hyper(), c, gradient_at(i), weight[i], velocity[i]);
  weight[i] = state.w;
  velocity[i] = state.v;
  watch(params.entry, inside(i, params.size), state);
}

@compute @workgroup_size(64)
fn adam(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (4u * i >= params.size) { return; }
  let c = correction_of(params.entry, params.stride, i);
  let state = adam_step(hyper(), c, gradient_at(i), weight[i], velocity[i], second[i]);
  weight[i] = state.w;
  velocity[i] = state.v;
  second[i] = state.s;
  watch(params.entry, inside(i, params.size), state);
}
