// Optimiser updates of one parameter, four elements an invocation.
struct Params { count: u32, decay: f32, rate_factor: f32, momentum: f32, beta2: f32, epsilon: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> rate: array<f32>;
@group(0) @binding(3) var<storage, read> clip: array<f32>;
@group(0) @binding(4) var<storage, read_write> weight: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> velocity: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> second: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> time: array<f32>;
@group(0) @binding(8) var<storage, read> correction: array<f32>;
@group(0) @binding(9) var<storage, read_write> correction_out: array<f32>;

fn hyper() -> Hyper {
  return Hyper(params.decay, params.rate_factor, params.momentum, params.beta2, params.epsilon);
}

@compute @workgroup_size(64)
fn sgd(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let state = sgd_step(hyper(), gradient[i], weight[i], velocity[i]);
  weight[i] = state.w;
  velocity[i] = state.v;
}

@compute @workgroup_size(64)
fn adam(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let state = adam_step(hyper(), gradient[i], weight[i], velocity[i], second[i]);
  weight[i] = state.w;
  velocity[i] = state.v;
  second[i] = state.s;
}

// 1 - beta^steps. The power itself is so near 1 at first that its difference from 1 would have few digits left; the
// differences of powers follow from one another by sums of positive terms: 1 - ab = (1 - a) + a (1 - b).
fn lost(beta: f32, steps: u32) -> f32 {
  var total = 0.0;
  var square = 1.0 - beta;
  for (var rest = steps; rest > 0u; rest >>= 1u) {
    if ((rest & 1u) == 1u) { total += (1.0 - total) * square; }
    square += (1.0 - square) * square;
  }
  return total;
}

// One more step taken: 1 / (1 - momentum^t) and 1 / (1 - beta2^t) of the step t about to be made.
@compute @workgroup_size(1)
fn count_step() {
  time[0] += 1.0;
  correction_out[0] = 1.0 / lost(params.momentum, u32(time[0]));
  correction_out[1] = 1.0 / lost(params.beta2, u32(time[0]));
}
