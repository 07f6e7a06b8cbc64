// Pointwise parts of the convolutional GRU of the spatial memory. s, candidate [cells, d]; gates [cells, 2 g], reset first,
// update second, after the sigmoid; g = 1 (one value a cell for all channels) or g = d.
struct Params { count: u32, d: u32, g: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gates: array<f32>;
@group(0) @binding(2) var<storage, read> s: array<f32>;
@group(0) @binding(3) var<storage, read> candidate: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<storage, read_write> dgate: array<f32>;
@group(0) @binding(7) var<storage, read_write> ds: array<f32>;

fn gate(i: u32, which: u32) -> f32 {
  return gates[(i / params.d) * 2u * params.g + which * params.g + select(0u, i % params.d, params.g > 1u)];
}

// y = reset * s
@compute @workgroup_size(64)
fn reset(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] = gate(i, 0u) * s[i]; }
}

// y = s + update * (candidate - s)
@compute @workgroup_size(64)
fn blend(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] = s[i] + gate(i, 1u) * (candidate[i] - s[i]); }
}

// Gradients of blend: y = d candidate, ds, and the update gate's before its sigmoid, channel by channel.
@compute @workgroup_size(64)
fn blend_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let update = gate(i, 1u);
  y[i] = dy[i] * update;
  ds[i] = dy[i] * (1.0 - update);
  dgate[i] = dy[i] * (candidate[i] - s[i]) * update * (1.0 - update);
}

// Gradients of reset: adds to ds; the reset gate's before its sigmoid, channel by channel.
@compute @workgroup_size(64)
fn reset_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let r = gate(i, 0u);
  ds[i] += dy[i] * r;
  dgate[i] = dy[i] * s[i] * r * (1.0 - r);
}
