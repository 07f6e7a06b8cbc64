// Gradient of a convolution to its filter, as an implicit matrix product: rows are (tap, input channel), columns output
// channels, the summed axis runs over output pixels. Pixels are split in chunks of `chunk` output rows; each chunk writes
// its own partial [chunks, kh, kw, ci, co], summed afterwards in a fixed order.
// Add to what dw holds.
override ADD: bool = false;
@group(0) @binding(3) var<storage, read_write> dw: array<vec4<f32>>;
// With a bank, a chunk is the images of one of its filters: first image, number of images, entry.
@group(0) @binding(4) var<storage, read> groups: array<vec4<u32>>;

// Output rows of a chunk.
struct Lines { first: u32, stop: u32 }

fn lines_of(z: u32) -> Lines {
  if (BANK) { return Lines(groups[z].x * params.ho, (groups[z].x + groups[z].y) * params.ho); }
  return Lines(z * params.chunk, min((z + 1u) * params.chunk, all_uses() * params.n * params.ho));
}

// Offsets in x of the pixels a tap reads for output pixels (oy, ox..ox+3) of an image, negative outside.
fn input_of(image: u32, oy: u32, ox: u32, ky: u32, kx: u32) -> vec4<i32> {
  let yy = i32(oy * params.stride_y + ky * params.dilation_y) - params.top;
  let step = i32(params.stride_x);
  let xx = vec4<i32>(i32(ox * params.stride_x + kx * params.dilation_x) - params.left) + vec4<i32>(0, step, 2 * step, 3 * step);
  let inside = (xx >= vec4<i32>(0)) & (xx < vec4<i32>(i32(params.w))) & vec4<bool>(yy >= 0 && yy < i32(params.h));
  return select(vec4<i32>(-1), (i32(image * params.h + u32(max(yy, 0))) * i32(params.w) + xx) * i32(params.ci4), inside);
}

// The same where `line` counts rows of all images.
fn input_at(line: u32, ox: u32, ky: u32, kx: u32) -> vec4<i32> {
  return input_of(line / params.ho, line % params.ho, ox, ky, kx);
}

// Offsets in dy of output pixels (line, ox..ox+3), negative beyond the row.
fn output_at(line: u32, ox: u32) -> vec4<i32> {
  let across = vec4<u32>(ox, ox + 1u, ox + 2u, ox + 3u);
  return select(vec4<i32>(-1), vec4<i32>((line * params.wo + across) * params.co4), across < vec4<u32>(params.wo));
}

// Columns: input channels 4c..4c+3; entries: the four pixels.
fn input_block(at: vec4<i32>, channel: u32) -> mat4x4<f32> {
  let i = vec4<u32>(max(at, vec4<i32>(0))) + min(channel, params.ci4 - 1u);
  return transpose(mat4x4<f32>(
    gather_zero(x_at(i.x), at.x), gather_zero(x_at(i.y), at.y), gather_zero(x_at(i.z), at.z), gather_zero(x_at(i.w), at.w),
  ));
}

// Columns: the four pixels; entries: output channels 4*column...
fn output_block(at: vec4<i32>, column: u32) -> mat4x4<f32> {
  let i = vec4<u32>(max(at, vec4<i32>(0))) + min(column, params.co4 - 1u);
  return mat4x4<f32>(
    gather_zero(dy_at(i.x), at.x), gather_zero(dy_at(i.y), at.y), gather_zero(dy_at(i.z), at.z), gather_zero(dy_at(i.w), at.w),
  );
}

// Blocks of columns.
fn columns() -> u32 { return params.co4; }

fn scaled(v: vec4<f32>, s: vec4<f32>) -> vec4<f32> {
  if (HAS_SCALE) { return v * s; }
  return v;
}

fn put_row(at: u32, v: vec4<f32>) {
  if (ADD) { dw[at] += v; } else { dw[at] = v; }
}

// Sums of dy's channels, as a bias's gradient has them: behind those of a part, or by themselves, added to what is there or not.
override SUMS_BEHIND: bool = false;
override ADD_SUMS: bool = false;
@group(0) @binding(6) var<storage, read_write> sums: array<vec4<f32>>;

fn rows_of_part() -> u32 { return params.kh * params.kw * params.ci4 * 4u + select(0u, 1u, SUMS_BEHIND); }

// Factors of the output channels.
override HAS_SCALE: bool = false;
@group(0) @binding(5) var<storage, read> scale: array<vec4<f32>>;

// Output channels 4*column... of four input channels of a tap, columns of the block; tap and channels count rows of a filter.
fn put_block(part: u32, row: u32, column: u32, block: mat4x4<f32>) {
  let rows = params.kh * params.kw * params.ci4 * 4u;
  if (row >= rows || column >= params.co4) { return; }
  let at = (part * rows_of_part() + row) * params.co4 + column;
  var s = vec4<f32>(1.0);
  if (HAS_SCALE) { s = scale[column]; }
  put_row(at, scaled(block[0], s));
  put_row(at + params.co4, scaled(block[1], s));
  put_row(at + 2u * params.co4, scaled(block[2], s));
  put_row(at + 3u * params.co4, scaled(block[3], s));
}

// What a chunk's sums are a part of: its own, or with a bank those of its entry.
fn part_of_chunk(z: u32) -> u32 {
  if (BANK) { return groups[z].z; }
  return z;
}
