// Conversions between 32-bit element types, one element an invocation. Floats truncate towards zero.
struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> xf: array<f32>;
@group(0) @binding(2) var<storage, read> xi: array<i32>;
@group(0) @binding(3) var<storage, read> xu: array<u32>;
@group(0) @binding(4) var<storage, read_write> yf: array<f32>;
@group(0) @binding(5) var<storage, read_write> yi: array<i32>;
@group(0) @binding(6) var<storage, read_write> yu: array<u32>;

@compute @workgroup_size(64)
fn f32_to_i32(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { yi[i] = i32(xf[i]); }
}

@compute @workgroup_size(64)
fn f32_to_u32(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { yu[i] = u32(xf[i]); }
}

@compute @workgroup_size(64)
fn i32_to_f32(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { yf[i] = f32(xi[i]); }
}

@compute @workgroup_size(64)
fn i32_to_u32(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { yu[i] = u32(xi[i]); }
}

@compute @workgroup_size(64)
fn u32_to_f32(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { yf[i] = f32(xu[i]); }
}

@compute @workgroup_size(64)
fn u32_to_i32(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { yi[i] = i32(xu[i]); }
}
