// Distances of predictions x from targets t, element by element: (x - t)^2 or |x - t|.
const SQUARED = 0u;
const ABSOLUTE = 1u;
override OP: u32 = SQUARED;
struct Params { count: u32, per_element: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn distance_of(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let d = x[i] - t[i];
  y[i] = select(abs(d), d * d, OP == SQUARED);
}

// dx = 2 (x - t) or sign(x - t), times scale * dy; dy is one number, or one an element.
@compute @workgroup_size(64)
fn distance_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let d = x[i] - t[i];
  y[i] = select(sign_of(d), 2.0 * d, OP == SQUARED) * params.scale * dy[select(0u, i, params.per_element != 0u)];
}
