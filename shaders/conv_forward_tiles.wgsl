// Convolution forward on GPUs: readers of lib/core_tiles.wgsl for a tile of pixels x channels, or of a part of the summed axis. z
// counts images where a bank has filters of their own, then parts.
var<private> base: u32;
var<private> row: u32;
var<private> stop: u32;
var<private> column: u32;
var<private> entry: u32;
var<private> start: u32;
// Pixels of the block that an invocation fetches, and its place on the summed axis: tap row, tap column, channels.
var<private> fetched: Pixels;
var<private> at: Digits;
var<private> step: Digits;
// MASKED: where the pixels' first taps lie, and a bit for each tap that is inside the image, worked out once for a tile; of filters with
// 32 taps at most.
override MASKED: bool = false;
var<private> origin: vec4<i32>;
var<private> taps_inside: vec4<u32>;

fn find_taps() {
  origin = (fetched.image + fetched.y * i32(params.w) + fetched.x) * i32(params.ci4);
  for (var ky = 0u; ky < params.kh; ky++) {
    for (var kx = 0u; kx < params.kw; kx++) {
      let inside = tap(fetched, ky, kx) >= vec4<i32>(0);
      taps_inside |= select(vec4<u32>(0u), vec4<u32>(1u << (ky * params.kw + kx)), inside);
    }
  }
}

// Offsets of the pixels under the tap that is fetched, negative outside the image.
fn under_tap() -> vec4<i32> {
  if (!MASKED) { return tap(fetched, at.high, at.middle); }
  let by = (at.high * params.dilation_y * params.w + at.middle * params.dilation_x) * params.ci4;
  let inside = (taps_inside >> vec4<u32>(at.high * params.kw + at.middle)) & vec4<u32>(1u);
  return select(vec4<i32>(-1), origin + i32(by), inside == vec4<u32>(1u));
}

fn layers() -> u32 { return select(1u, params.n, BANK); }
fn sizes() -> vec2<u32> { return vec2<u32>(params.kw, params.ci4); }

fn summed(group: vec3<u32>) -> Part {
  return part_of(params.kh * params.kw * params.ci4, group.z / layers(), params.parts, depth4());
}

fn begin(group: vec3<u32>, slot: Slot, first: u32) {
  let covered = span(group.z % layers());
  base = (group.z / layers()) * params.n * params.ho * params.wo * params.co4;
  row = covered.first + group.y * TILE_ROWS;
  stop = covered.stop;
  column = group.x * (TILE_COLUMNS / 4u);
  entry = entry_of(group.z % layers());
  start = filter_start(entry);
  fetched = pixels_from(row + 4u * slot.along, stop);
  at = digits_of(first + slot.k, sizes());
  step = digits_of(depth4(), sizes());
  if (MASKED) { find_taps(); }
}

fn forward() { at = sum_of(at, step, sizes()); }

fn fetch(slot: Slot, k: u32, part_stop: u32) -> mat4x4<f32> {
  if (k + slot.k >= part_stop || !slot.used) { return mat4x4<f32>(); }
  if (slot.is_a) { return transpose(input_block(under_tap(), at.low)); }
  return filter_block(start, at.high * params.kw + at.middle, at.low, column + slot.along);
}

fn store(i: u32, j: u32, block: mat4x4<f32>) { put_block(base, row + i, stop, entry, column + j, block); }

// Columns are summed by gradients to weights alone.
fn put_sums(j: u32, v: vec4<f32>) {}
