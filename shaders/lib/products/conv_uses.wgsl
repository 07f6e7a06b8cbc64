// Operands of conv_weight_grad.wgsl of up to three uses of the filter, on maps of one size: their images follow each other.
override USES: u32 = 3u;
@group(0) @binding(1) var<storage, read> x0: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy0: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> x1: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read> dy1: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read> x2: array<vec4<f32>>;
@group(0) @binding(11) var<storage, read> dy2: array<vec4<f32>>;

// The use whose images are read.
var<private> of_use: u32;

fn all_uses() -> u32 { return USES; }

fn x_at(i: u32) -> vec4<f32> {
  switch of_use {
    case 0u: { return x0[i]; }
    case 1u: { return x1[i]; }
    default: { return x2[i]; }
  }
}

fn dy_at(i: u32) -> vec4<f32> {
  switch of_use {
    case 0u: { return dy0[i]; }
    case 1u: { return dy1[i]; }
    default: { return dy2[i]; }
  }
}

fn image_of(image: u32) -> u32 {
  of_use = image / params.n;
  return image % params.n;
}
