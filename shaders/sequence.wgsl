// Fresh tensors whose elements follow from their places: numbers in even steps, and the identity matrix.
struct Params { count: u32, columns: u32, first: f32, step: f32, first_bits: u32, step_bits: u32, one: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> words: array<u32>;

// y = first + i step
@compute @workgroup_size(64)
fn steps(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { y[i] = params.first + f32(i) * params.step; }
}

// The same of whole numbers, signed or not: two's complement adds and multiplies both alike.
@compute @workgroup_size(64)
fn whole_steps(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { words[i] = params.first_bits + i * params.step_bits; }
}

// `one` on the diagonal of a matrix of `columns` columns, of any 32-bit type, 0 elsewhere.
@compute @workgroup_size(64)
fn identity(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { words[i] = select(0u, params.one, i / params.columns == i % params.columns); }
}
