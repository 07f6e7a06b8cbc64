// Binary cross-entropy of logits x against targets t in [0, 1], element by element: max(x, 0) - x t + log(1 + exp(-|x|)).
struct Params { count: u32, per_element: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn bce(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let z = x[i];
  let finite = max(z, 0.0) - z * t[i] + log(1.0 + exp(-abs(z)));
  // By its bits; infinity less infinity would be NaN also where PyTorch has infinity.
  let infinite = (bitcast<u32>(z) & 0x7fffffffu) == 0x7f800000u;
  y[i] = select(finite, (1.0 - t[i]) * z + max(-z, 0.0), infinite);
}

// dx = (sigmoid x - t) * scale * dy; dy is one number, or one an element.
@compute @workgroup_size(64)
fn bce_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let upstream = dy[select(0u, i, params.per_element != 0u)];
  y[i] = (sigmoid(x[i]) - t[i]) * params.scale * upstream;
}
