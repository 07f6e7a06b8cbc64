// 16-bit float storage to and from float32. An invocation handles two neighbours, one 32-bit word of the 16-bit side, so
// this needs no `enable f16` and packs with the core language's own functions. What is too large becomes the largest f16.
struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> xf: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> xh: array<u32>;
@group(0) @binding(3) var<storage, read_write> yf: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> yh: array<u32>;

@compute @workgroup_size(64)
fn f32_to_f16(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { yh[i] = pack2x16float(clamp(xf[i], vec2(-65504.0), vec2(65504.0))); }
}

@compute @workgroup_size(64)
fn f16_to_f32(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { yf[i] = unpack2x16float(xh[i]); }
}
