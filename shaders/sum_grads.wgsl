// Second pass of gradients to a weight and a bias whose sums were cut in parts, in one dispatch, for kernel set gpu: a part is the
// weight's sums and then the bias's. Parts are added in their order.
struct Params { count: u32, weight: u32, parts: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>; // [parts, count]
@group(0) @binding(2) var<storage, read_write> dw: array<Value>;
@group(0) @binding(3) var<storage, read_write> db: array<Value>;
// Add to what dw and db hold.
override ADD: bool = false;
override ADD_SUMS: bool = false;

@compute @workgroup_size(64)
fn sum_grads(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let total = sum_of_parts(i, params.count, params.parts);
  if (i < params.weight) {
    if (ADD) { dw[i] += total; } else { dw[i] = total; }
  } else {
    let at = i - params.weight;
    if (ADD_SUMS) { db[at] += total; } else { db[at] = total; }
  }
}
