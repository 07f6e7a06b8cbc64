// Convolution forward as an implicit matrix product: rows are output pixels, columns output channels, and the summed axis
// runs over taps and input channels. Epilogue: y = act(conv * scale + bias + residual). What is read for it, on all devices.
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> filters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

// Output pixels that a block may cover: of all images, or of one.
struct Span { first: u32, stop: u32 }

fn span(z: u32) -> Span {
  let size = params.ho * params.wo;
  if (BANK) { return Span(z * size, (z + 1u) * size); }
  return Span(0u, params.n * size);
}

// The input pixels under the filter's first tap for output pixels row..row+3 before `stop`.
fn pixels_from(row: u32, stop: u32) -> Pixels {
  let p = vec4<u32>(row, row + 1u, row + 2u, row + 3u);
  let size = params.ho * params.wo;
  let image = p / size;
  let rest = p % size;
  let oy = vec4<i32>(rest / params.wo);
  let ox = vec4<i32>(rest % params.wo);
  let origin_y = oy * i32(params.stride_y) - params.top;
  let used = p < vec4<u32>(stop);
  return Pixels(
    select(vec4<i32>(NOWHERE), origin_y, used), ox * i32(params.stride_x) - params.left,
    vec4<i32>(image * (params.h * params.w)),
  );
}

// Offsets of those pixels under tap (ky, kx), negative where the tap falls outside the image.
fn tap(p: Pixels, ky: u32, kx: u32) -> vec4<i32> {
  let yy = p.y + i32(ky * params.dilation_y);
  let xx = p.x + i32(kx * params.dilation_x);
  let inside = (yy >= vec4<i32>(0)) & (yy < vec4<i32>(i32(params.h))) & (xx >= vec4<i32>(0)) & (xx < vec4<i32>(i32(params.w)));
  return select(vec4<i32>(-1), (p.image + yy * i32(params.w) + xx) * i32(params.ci4), inside);
}

// Columns: the four pixels; entries: channels 4c..4c+3.
fn input_block(at: vec4<i32>, c: u32) -> mat4x4<f32> {
  let i = vec4<u32>(max(at, vec4<i32>(0))) + c;
  return mat4x4<f32>(
    gather_zero(x[i.x], at.x), gather_zero(x[i.y], at.y), gather_zero(x[i.z], at.z), gather_zero(x[i.w], at.w),
  );
}

// Columns: input channels 4c..4c+3 of the tap; entries: output channels 4*column...
fn filter_block(start: u32, tap_index: u32, c: u32, column: u32) -> mat4x4<f32> {
  let co4 = params.co4;
  let at = start + (tap_index * params.ci4 + c) * 4u * co4 + min(column, co4 - 1u);
  return mat4x4<f32>(filters[at], filters[at + co4], filters[at + 2u * co4], filters[at + 3u * co4]);
}

// Blocks of columns.
fn columns() -> u32 { return params.co4; }

// Channels 4*column... of a pixel before `stop`, past the epilogue.
fn put_pixel(base: u32, pixel: u32, stop: u32, column: u32, channel: Channel, v: vec4<f32>) {
  if (pixel >= stop) { return; }
  let at = pixel * params.co4 + column;
  y[base + at] = epilogue(v, channel, at);
}

// Those of four pixels, columns of the block.
fn put_block(base: u32, pixel: u32, stop: u32, entry: u32, column: u32, block: mat4x4<f32>) {
  if (column >= params.co4) { return; }
  let channel = channel_of(entry * params.co4 + column);
  put_pixel(base, pixel, stop, column, channel, block[0]);
  put_pixel(base, pixel + 1u, stop, column, channel, block[1]);
  put_pixel(base, pixel + 2u, stop, column, channel, block[2]);
  put_pixel(base, pixel + 3u, stop, column, channel, block[3]);
}
