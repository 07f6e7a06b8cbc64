// Fills and random numbers. One invocation writes one element (random) or four (fill).
struct Params { count: u32, bits: u32, seed: u32, step: u32, base: f32, spread: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> words: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

// words[i] = bits, for any 32-bit element type.
@compute @workgroup_size(64)
fn fill(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { words[i] = vec4<u32>(params.bits); }
}

// y = base + spread * u, u uniform in [0, 1).
@compute @workgroup_size(64)
fn random_uniform(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let bits = threefry(vec2<u32>(params.seed, params.step), vec2<u32>(i, 0u));
  y[i] = params.base + params.spread * unit_float(bits.x);
}

// A standard normal number by Box and Muller: sqrt(-2 ln(1 - u)) cos(2 pi v).
fn normal(i: u32, stream: u32) -> f32 {
  let bits = threefry(vec2<u32>(params.seed, params.step), vec2<u32>(i, stream));
  let radius = sqrt(-2.0 * log(1.0 - unit_float(bits.x)));
  return radius * cos(6.28318530717958648 * unit_float(bits.y));
}

// y = base + spread * n, n standard normal.
@compute @workgroup_size(64)
fn random_normal(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] = params.base + params.spread * normal(i, 1u); }
}

// The same with n drawn again while it is beyond 2; one in 22 is, so sixteen draws always do.
@compute @workgroup_size(64)
fn random_truncated(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  var n = 3.0;
  for (var draw = 0u; draw < 16u && abs(n) > 2.0; draw++) { n = normal(i, 2u + draw); }
  y[i] = params.base + params.spread * clamp(n, -2.0, 2.0);
}
