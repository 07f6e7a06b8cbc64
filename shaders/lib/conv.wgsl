// Geometry of a 2-D convolution, channels last. x [n, h, w, 4 ci4], filter [kh, kw, 4 ci4, 4 co4], y [n, ho, wo, 4 co4]:
//
//   y[n, oy, ox, co] = sum over ky, kx, ci of x[n, oy sy - top + ky dy, ox sx - left + kx dx, ci] filter[ky, kx, ci, co]
//
// 4x4 blocks are mat4x4<f32>; see matmul.wgsl for their algebra.
struct Params {
  n: u32, h: u32, w: u32, ci4: u32,
  ho: u32, wo: u32, co4: u32, kh: u32,
  kw: u32, stride_y: u32, stride_x: u32, dilation_y: u32,
  dilation_x: u32, top: i32, left: i32, chunk: u32,
  parts: u32,
}
@group(0) @binding(0) var<uniform> params: Params;

// With a bank [entries, kh, kw, 4 ci4, 4 co4] of filters each image has the one that `entries` names. A block of rows then
// stays within an image, which the grid's z counts.
override BANK: bool = false;
@group(0) @binding(10) var<storage, read> entries: array<u32>;

fn entry_of(image: u32) -> u32 {
  if (!BANK) { return 0u; }
  return entries[image];
}

// First vec4 of a filter in the bank.
fn filter_start(entry: u32) -> u32 { return entry * params.kh * params.kw * params.ci4 * 4u * params.co4; }

// Four pixels of an image: row, column, and index of the image's first pixel; an unused one has row -2^20.
struct Pixels { y: vec4<i32>, x: vec4<i32>, image: vec4<i32> }

const NOWHERE = -1048576;

// Four vec4 at pixel offsets `at` (in vec4; negative reads zero) plus c, as the columns of a block.
fn gather_zero(v: vec4<f32>, at: i32) -> vec4<f32> { return select(vec4<f32>(0.0), v, at >= 0); }
