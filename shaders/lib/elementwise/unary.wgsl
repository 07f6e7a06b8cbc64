// Frame of elementwise functions of one tensor, four elements an invocation. A family's text has `value`, and `slope`, its
// derivative from the tensor that was saved; params.a and params.b are plain numbers of the function.
struct Params { count: u32, a: f32, b: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

// y = f(x)
@compute @workgroup_size(64)
fn unary(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] = value(x[i]); }
}

// y = dy * f'(x)
@compute @workgroup_size(64)
fn unary_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] = dy[i] * slope(x[i]); }
}
