// 16-bit float storage to and from float32. An invocation handles two neighbours, one 32-bit word of the 16-bit side, so
// this needs no `enable f16` and packs with the core language's own functions. What is too large becomes the largest f16;
// infinities and NaN, which those functions leave open, are moved by their bits.
struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> xf: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> xh: array<u32>;
@group(0) @binding(3) var<storage, read_write> yf: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> yh: array<u32>;

fn packed(v: vec2<f32>) -> u32 {
  let bits = bitcast<vec2<u32>>(v);
  let size = bits & vec2(0x7fffffffu);
  let word = pack2x16float(clamp(v, vec2(-65504.0), vec2(65504.0)));
  let special = select(vec2(0x7c00u), vec2(0x7e00u), size > vec2(0x7f800000u)) | ((bits >> vec2(16u)) & vec2(0x8000u));
  let half = select(vec2(word & 0xffffu, word >> 16u), special, size >= vec2(0x7f800000u));
  return half.x | (half.y << 16u);
}

fn unpacked(word: u32) -> vec2<f32> {
  let half = vec2(word & 0xffffu, word >> 16u);
  let special = ((half & vec2(0x8000u)) << vec2(16u)) | vec2(0x7f800000u) | ((half & vec2(0x3ffu)) << vec2(13u));
  let finite = bitcast<vec2<u32>>(unpack2x16float(word));
  return bitcast<vec2<f32>>(select(finite, special, (half & vec2(0x7c00u)) == vec2(0x7c00u)));
}

@compute @workgroup_size(64)
fn f32_to_f16(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { yh[i] = packed(xf[i]); }
}

@compute @workgroup_size(64)
fn f16_to_f32(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.count) { yf[i] = unpacked(xh[i]); }
}
