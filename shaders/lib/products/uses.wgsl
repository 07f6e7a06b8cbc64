// Operands of matmul_uses.wgsl whose rows are whole fours.
@group(0) @binding(1) var<storage, read> a0: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> a1: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> a2: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> b0: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> b1: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> b2: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> c: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> sums: array<vec4<f32>>;

fn a_four(use_: u32, k: u32, at: u32) -> vec4<f32> {
  let m4 = params.m / 4u;
  let i = k * m4 + min(at, m4 - 1u);
  switch use_ {
    case 0u: { return a0[i]; }
    case 1u: { return a1[i]; }
    default: { return a2[i]; }
  }
}

fn b_four(use_: u32, k: u32, at: u32) -> vec4<f32> {
  let i = k * params.n4 + min(at, params.n4 - 1u);
  switch use_ {
    case 0u: { return b0[i]; }
    case 1u: { return b1[i]; }
    default: { return b2[i]; }
  }
}

fn put(at_row: u32, at: u32, v: vec4<f32>) {
  let i = at_row * params.n4 + at;
  if (ADD) { c[i] += v; } else { c[i] = v; }
}

fn put_sum(at: u32, v: vec4<f32>) {
  if (ADD_SUMS) { sums[at] += v; } else { sums[at] = v; }
}
