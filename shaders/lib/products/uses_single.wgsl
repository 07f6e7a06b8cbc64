// Operands of matmul_uses.wgsl whose rows have any length: read and written number by number.
@group(0) @binding(1) var<storage, read> a0: array<f32>;
@group(0) @binding(2) var<storage, read> a1: array<f32>;
@group(0) @binding(3) var<storage, read> a2: array<f32>;
@group(0) @binding(4) var<storage, read> b0: array<f32>;
@group(0) @binding(5) var<storage, read> b1: array<f32>;
@group(0) @binding(6) var<storage, read> b2: array<f32>;
@group(0) @binding(7) var<storage, read_write> c: array<f32>;
@group(0) @binding(8) var<storage, read_write> sums: array<f32>;

// Numbers 4 at, 4 at + 1, ... of row k, the last one again beyond the row's end.
fn places(k: u32, at: u32, length: u32) -> vec4<u32> {
  return k * length + min(vec4<u32>(4u * at, 4u * at + 1u, 4u * at + 2u, 4u * at + 3u), vec4<u32>(length - 1u));
}

fn a_four(use_: u32, k: u32, at: u32) -> vec4<f32> {
  let i = places(k, at, params.m);
  switch use_ {
    case 0u: { return vec4<f32>(a0[i.x], a0[i.y], a0[i.z], a0[i.w]); }
    case 1u: { return vec4<f32>(a1[i.x], a1[i.y], a1[i.z], a1[i.w]); }
    default: { return vec4<f32>(a2[i.x], a2[i.y], a2[i.z], a2[i.w]); }
  }
}

fn b_four(use_: u32, k: u32, at: u32) -> vec4<f32> {
  let i = places(k, at, params.n);
  switch use_ {
    case 0u: { return vec4<f32>(b0[i.x], b0[i.y], b0[i.z], b0[i.w]); }
    case 1u: { return vec4<f32>(b1[i.x], b1[i.y], b1[i.z], b1[i.w]); }
    default: { return vec4<f32>(b2[i.x], b2[i.y], b2[i.z], b2[i.w]); }
  }
}

fn put(at_row: u32, at: u32, v: vec4<f32>) {
  for (var j = 0u; j < min(4u, params.n - 4u * at); j++) {
    let i = at_row * params.n + 4u * at + j;
    if (ADD) { c[i] += v[j]; } else { c[i] = v[j]; }
  }
}

fn put_sum(at: u32, v: vec4<f32>) {
  for (var j = 0u; j < min(4u, params.n - 4u * at); j++) {
    let i = 4u * at + j;
    if (ADD_SUMS) { sums[i] += v[j]; } else { sums[i] = v[j]; }
  }
}
