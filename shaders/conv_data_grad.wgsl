// Gradient of a convolution to its input, as an implicit matrix product: rows are input pixels, columns input channels, the
// summed axis runs over taps and output channels. With strides, pixels are taken phase by phase (row mod stride, column mod
// stride): within a phase a tap reaches either every pixel or none, so no work is spent on taps that hit nothing.
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> filters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<f32>>;

struct Phase { y: u32, x: u32, rows: u32, columns: u32 }

fn phase_of(index: u32) -> Phase {
  let py = index / params.stride_x;
  let px = index % params.stride_x;
  return Phase(
    py, px, (params.h - min(py, params.h) + params.stride_y - 1u) / params.stride_y,
    (params.w - min(px, params.w) + params.stride_x - 1u) / params.stride_x,
  );
}

// The phase, and which of its pixels a block may cover: of all images, or, with a bank and no stride, of one.
struct Span { phase: Phase, image: u32, first: u32, stop: u32 }

fn span(z: u32) -> Span {
  if (BANK) {
    let phase = phase_of(0u);
    let size = phase.rows * phase.columns;
    return Span(phase, z, z * size, (z + 1u) * size);
  }
  let phase = phase_of(z);
  return Span(phase, 0u, 0u, params.n * phase.rows * phase.columns);
}

// Image and position of pixels row..row+3 before `stop` of the phase, in units of the stride; unused ones get row NOWHERE.
fn pixels_from(phase: Phase, row: u32, stop: u32) -> Pixels {
  let p = vec4<u32>(row, row + 1u, row + 2u, row + 3u);
  let size = max(phase.rows * phase.columns, 1u);
  let image = p / size;
  let rest = p % size;
  let used = p < vec4<u32>(stop);
  return Pixels(
    select(vec4<i32>(NOWHERE), vec4<i32>(rest / max(phase.columns, 1u)), used),
    vec4<i32>(rest % max(phase.columns, 1u)), vec4<i32>(image),
  );
}

// How far, in output pixels, tap k is from the phase's first pixel; `reached` says whether it meets this phase at all.
struct Shift { by: i32, reached: bool }

fn shift(phase: u32, k: u32, dilation: u32, before: i32, stride: u32) -> Shift {
  let distance = i32(phase) + before - i32(k * dilation);
  let s = i32(stride);
  let whole = (distance + s * 4096) / s - 4096;
  return Shift(whole, whole * s == distance);
}

// Offsets of the output pixels that tap (by_y, by_x) links to the pixels, negative where there are none.
fn linked(p: Pixels, by_y: i32, by_x: i32) -> vec4<i32> {
  let oy = p.y + by_y;
  let ox = p.x + by_x;
  let inside = (oy >= vec4<i32>(0)) & (oy < vec4<i32>(i32(params.ho))) & (ox >= vec4<i32>(0)) & (ox < vec4<i32>(i32(params.wo)));
  return select(vec4<i32>(-1), ((p.image * i32(params.ho) + oy) * i32(params.wo) + ox) * i32(params.co4), inside);
}

// Columns: the four pixels; entries: output channels 4c..4c+3.
fn output_block(at: vec4<i32>, c: u32) -> mat4x4<f32> {
  let i = vec4<u32>(max(at, vec4<i32>(0))) + c;
  if (SCALED_SUM) {
    let s = scale[c];
    return mat4x4<f32>(
      s * gather_zero(dy[i.x], at.x), s * gather_zero(dy[i.y], at.y), s * gather_zero(dy[i.z], at.z), s * gather_zero(dy[i.w], at.w),
    );
  }
  return mat4x4<f32>(
    gather_zero(dy[i.x], at.x), gather_zero(dy[i.y], at.y), gather_zero(dy[i.z], at.z), gather_zero(dy[i.w], at.w),
  );
}

// Columns: output channels 4c..4c+3 of the tap; entries: input channels 4*column...
fn filter_block(start: u32, tap_index: u32, c: u32, column: u32) -> mat4x4<f32> {
  let co4 = params.co4;
  let at = start + (tap_index * params.ci4 + min(column, params.ci4 - 1u)) * 4u * co4 + c;
  return transpose(mat4x4<f32>(filters[at], filters[at + co4], filters[at + 2u * co4], filters[at + 3u * co4]));
}

// Blocks of columns.
fn columns() -> u32 { return params.ci4; }

fn put_pixel(base: u32, phase: Phase, y: i32, x: i32, image: i32, column: u32, v: vec4<f32>) {
  if (y < 0) { return; }
  let yy = u32(y) * params.stride_y + phase.y;
  let xx = u32(x) * params.stride_x + phase.x;
  let at = ((u32(image) * params.h + yy) * params.w + xx) * params.ci4 + column;
  if (ADD) { dx[base + at] = settled(dx[base + at] + v, at); } else { dx[base + at] = settled(v, at); }
}

// Channels 4*column... of four pixels, columns of the block.
fn put_block(base: u32, phase: Phase, p: Pixels, column: u32, block: mat4x4<f32>) {
  if (column >= params.ci4) { return; }
  put_pixel(base, phase, p.y.x, p.x.x, p.image.x, column, block[0]);
  put_pixel(base, phase, p.y.y, p.x.y, p.image.y, column, block[1]);
  put_pixel(base, phase, p.y.z, p.x.z, p.image.z, column, block[2]);
  put_pixel(base, phase, p.y.w, p.x.w, p.image.w, column, block[3]);
}
