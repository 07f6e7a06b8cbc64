// Pointwise parts of a convolutional GRU whose candidate and gates share a convolution of the input: from_x [cells, d + wide] has the
// candidate's channels and then the gates'; from_s, gates and dgates [cells, wide] have reset, then update, g of each and zeros up to
// a whole four. g = 1 (one value a cell for all channels) or g = d.
struct Params { count: u32, cells: u32, d: u32, g: u32, wide: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> from_x: array<f32>;
@group(0) @binding(2) var<storage, read> from_s: array<f32>;   // of the state for the gates, of what was reset for the candidate
@group(0) @binding(3) var<storage, read> s: array<f32>;
@group(0) @binding(4) var<storage, read_write> gates_out: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<storage, read> gates: array<f32>;
@group(0) @binding(7) var<storage, read_write> candidate_out: array<f32>;
@group(0) @binding(8) var<storage, read> candidate: array<f32>;
@group(0) @binding(9) var<storage, read> dy: array<f32>;
@group(0) @binding(10) var<storage, read> dmixed: array<f32>;
@group(0) @binding(11) var<storage, read_write> djoined: array<f32>;
@group(0) @binding(12) var<storage, read_write> dinner: array<f32>;
@group(0) @binding(13) var<storage, read_write> ds: array<f32>;
@group(0) @binding(14) var<storage, read_write> dgates: array<f32>;

// Gate 0 (reset) or 1 (update) of a channel, among the gates of a cell.
fn number_of(which: u32, channel: u32) -> u32 { return which * params.g + select(0u, channel, params.g > 1u); }

fn opened(cell: u32, number: u32) -> f32 {
  return sigmoid(from_x[cell * (params.d + params.wide) + params.d + number] + from_s[cell * params.wide + number]);
}

// gates = sigmoid(from_x + from_s); y = reset * s
@compute @workgroup_size(64)
fn open_gates(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let cell = i / params.d;
  let channel = i % params.d;
  let reset = opened(cell, number_of(0u, channel));
  y[i] = reset * s[i];
  if (channel == 0u) {
    for (var number = 2u * params.g; number < params.wide; number++) { gates_out[cell * params.wide + number] = 0.0; }
  }
  if (params.g == 1u && channel > 0u) { return; }
  gates_out[cell * params.wide + number_of(0u, channel)] = reset;
  gates_out[cell * params.wide + number_of(1u, channel)] = opened(cell, number_of(1u, channel));
}

// candidate = act(from_x + from_s); y = s + update * (candidate - s)
@compute @workgroup_size(64)
fn blend_joined(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let cell = i / params.d;
  let channel = i % params.d;
  let fresh = activate(from_x[cell * (params.d + params.wide) + channel] + from_s[i]);
  candidate_out[i] = fresh;
  y[i] = s[i] + gates[cell * params.wide + number_of(1u, channel)] * (fresh - s[i]);
}

// Gradients of the blend: to what the candidate is made of, by itself and among the joined channels, and to s.
@compute @workgroup_size(64)
fn blend_joined_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let cell = i / params.d;
  let channel = i % params.d;
  let update = gates[cell * params.wide + number_of(1u, channel)];
  let inner = dy[i] * update * slope_of(ACTIVATION, candidate[i]);
  dinner[i] = inner;
  djoined[cell * (params.d + params.wide) + channel] = inner;
  ds[i] = dy[i] * (1.0 - update);
}
