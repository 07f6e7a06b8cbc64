// Optimiser updates, four elements of one parameter an invocation. Hyper-parameters that change between steps live in a
// buffer, so that a captured step follows the schedule.
override CLIP: bool = false;
// Weight decay beside the gradient, not in it.
override DECOUPLED: bool = false;
struct Params { count: u32, decay: f32, rate_factor: f32, momentum: f32, beta2: f32, epsilon: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> rate: array<f32>;
@group(0) @binding(3) var<storage, read> clip: array<f32>;
@group(0) @binding(4) var<storage, read_write> weight: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> velocity: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> second: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> time: array<f32>;
@group(0) @binding(8) var<storage, read> elapsed: array<f32>;

fn decayed(i: u32) -> vec4<f32> {
  var g = gradient[i];
  if (CLIP) { g *= clip[0]; }
  if (!DECOUPLED) { g += params.decay * weight[i]; }
  return g;
}

// Classical momentum: v = momentum v + (g + decay w); w = w - rate v.
@compute @workgroup_size(64)
fn sgd(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let v = params.momentum * velocity[i] + decayed(i);
  velocity[i] = v;
  weight[i] -= rate[0] * params.rate_factor * v;
}

// Adam (Kingma and Ba, 2015), with bias correction from the step count in `elapsed`; decoupled decay is that of AdamW
// (Loshchilov and Hutter, 2019).
@compute @workgroup_size(64)
fn adam(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let g = decayed(i);
  let m = params.momentum * velocity[i] + (1.0 - params.momentum) * g;
  let s = params.beta2 * second[i] + (1.0 - params.beta2) * g * g;
  velocity[i] = m;
  second[i] = s;
  let mean = m / (1.0 - pow(params.momentum, elapsed[0]));
  let spread = sqrt(s / (1.0 - pow(params.beta2, elapsed[0]))) + params.epsilon;
  var change = mean / spread;
  if (DECOUPLED) { change += params.decay * weight[i]; }
  weight[i] -= rate[0] * params.rate_factor * change;
}

// One more step taken.
@compute @workgroup_size(1)
fn count_step() { time[0] += 1.0; }
