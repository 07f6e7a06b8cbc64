// y = x + relu(a + b), elementwise; what the ReLU gives is kept for its gradient. Without b it is relu(a).
override HAS_B: bool = true;
struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> rectified: array<vec4<f32>>;

@compute @workgroup_size(64)
fn add_relu(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  var inner = a[i];
  if (HAS_B) { inner += b[i]; }
  let open = larger(inner, vec4<f32>(0.0));
  rectified[i] = open;
  y[i] = x[i] + open;
}
