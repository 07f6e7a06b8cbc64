// Gradient of a convolution to its filter on GPUs: readers of lib/core_tiles.wgsl for a tile of (tap, input channel) x output
// channels. Output pixels pass, four of a row together. A tile may hold several taps, so that few input channels fill it too. An
// invocation fetches channels of one tap, or of one output column.
var<private> part: u32;
var<private> row: u32;
var<private> column: u32;
var<private> ky: u32;
var<private> kx: u32;
var<private> channel: u32;
// Place on the summed axis: image, row, four of the row.
var<private> at: Digits;
var<private> step: Digits;

fn quads() -> u32 { return (params.wo + 3u) / 4u; }
fn sizes() -> vec2<u32> { return vec2<u32>(params.ho, quads()); }

fn summed(group: vec3<u32>) -> Part {
  let lines = lines_of(group.z);
  return Part(lines.first * quads(), lines.stop * quads());
}

fn begin(group: vec3<u32>, slot: Slot, first: u32) {
  part = part_of_chunk(group.z);
  row = group.y * (TILE_ROWS / 4u);
  column = group.x * (TILE_COLUMNS / 4u);
  let tap_index = min((row + slot.along) / params.ci4, params.kh * params.kw - 1u);
  ky = tap_index / params.kw;
  kx = tap_index % params.kw;
  channel = (row + slot.along) % params.ci4;
  at = digits_of(first + slot.k, sizes());
  step = digits_of(depth4(), sizes());
}

fn forward() { at = sum_of(at, step, sizes()); }

fn fetch(slot: Slot, k: u32, stop: u32) -> mat4x4<f32> {
  if (k + slot.k >= stop || !slot.used) { return mat4x4<f32>(); }
  let ox = 4u * at.low;
  let image = image_of(at.high);
  if (!slot.is_a) { return output_block(output_at(image * params.ho + at.middle, ox), column + slot.along); }
  return transpose(input_block(input_of(image, at.middle, ox, ky, kx), channel));
}

fn store(i: u32, j: u32, block: mat4x4<f32>) { put_block(part, 4u * row + i, column + j, block); }

fn put_sums(j: u32, v: vec4<f32>) {
  if (column + j >= params.co4) { return; }
  if (SUMS_BEHIND) {
    dw[((part + 1u) * rows_of_part() - 1u) * params.co4 + column + j] = v;
  } else if (ADD_SUMS) {
    sums[column + j] += v;
  } else {
    sums[column + j] = v;
  }
}
