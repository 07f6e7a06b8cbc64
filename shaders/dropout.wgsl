// Inverted dropout: y = x / (1 - rate) where a counter-based random number keyed by (seed, step, element) is at least
// `rate`, else 0 times x. The gradient is the same function of dy, so no mask is kept. `step` lives in a buffer, so that a captured
// step can draw anew each time it is replayed.
struct Params { count: u32, seed: u32, rate: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> step: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn dropout(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let u = unit_float(threefry(vec2<u32>(params.seed, step[0]), vec2<u32>(i, 2u)).x);
  // 0 times infinity or NaN is NaN; dropping it would hide it.
  let dropped = select(0u, 0x7fc00000u, (bitcast<u32>(x[i]) & 0x7fffffffu) >= 0x7f800000u);
  y[i] = select(bitcast<f32>(dropped), x[i] / (1.0 - params.rate), u >= params.rate);
}

// One more step.
@group(0) @binding(4) var<storage, read_write> steps: array<u32>;

@compute @workgroup_size(1)
fn count_step() { steps[0] += 1u; }
