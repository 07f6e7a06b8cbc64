// Second pass of a product whose summed axis was cut in parts: y = act(sum of the parts * scale + bias + residual).
struct Params { count: u32, columns: u32, parts: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>; // [parts, count]
@group(0) @binding(2) var<storage, read_write> y: array<Value>;

@compute @workgroup_size(64)
fn split_sum(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let out = epilogue(sum_of_parts(i, params.count, params.parts), channel_of(i % params.columns), i);
  if (ADD) { y[i] = settled(y[i] + out, i); } else { y[i] = settled(out, i); }
}
