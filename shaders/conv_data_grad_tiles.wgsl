// Gradient of a convolution to its input on GPUs: readers of lib/core_tiles.wgsl for a tile of pixels x channels, or of a part of the
// summed axis, which runs over the taps that reach the phase. z counts phases, or images where a bank has filters of their own,
// then parts.
var<private> base: u32;
var<private> phase: Phase;
var<private> row: u32;
var<private> stop: u32;
var<private> column: u32;
var<private> start: u32;
var<private> ty: Taps;
var<private> tx: Taps;
// Pixels of the block that an invocation fetches, and its place on the summed axis: which of the taps' rows, which of their
// columns, channels.
var<private> fetched: Pixels;
var<private> at: Digits;
var<private> step: Digits;
// MASKED: where the output pixels lie that the phase's first tap links to the pixels, and a bit for each of its taps that links one
// inside the image, worked out once for a tile; of filters with 32 taps at most.
override MASKED: bool = false;
var<private> origin: vec4<i32>;
var<private> taps_inside: vec4<u32>;

// Taps along one axis that reach a phase: `first`, and `count` in all, each `step` after the one before. The first is `by` from
// the phase's first pixel, in output pixels, and each `by_step` further.
struct Taps { first: u32, step: u32, count: u32, by: i32, by_step: i32 }

fn taps_of(phase: u32, taps: u32, dilation: u32, before: i32, stride: u32) -> Taps {
  var found = Taps(0u, 1u, 0u, 0, 0);
  for (var k = 0u; k < taps; k++) {
    let shifted = shift(phase, k, dilation, before, stride);
    if (shifted.reached) {
      if (found.count == 0u) { found.first = k; found.by = shifted.by; }
      if (found.count == 1u) { found.step = k - found.first; found.by_step = shifted.by - found.by; }
      found.count++;
    }
  }
  return found;
}

fn taps_y(p: Phase) -> Taps { return taps_of(p.y, params.kh, params.dilation_y, params.top, params.stride_y); }
fn taps_x(p: Phase) -> Taps { return taps_of(p.x, params.kw, params.dilation_x, params.left, params.stride_x); }

fn find_taps() {
  let first = (fetched.image * i32(params.ho) + fetched.y + ty.by) * i32(params.wo) + fetched.x + tx.by;
  origin = first * i32(params.co4);
  for (var i = 0u; i < ty.count; i++) {
    for (var j = 0u; j < tx.count; j++) {
      let inside = linked(fetched, ty.by + i32(i) * ty.by_step, tx.by + i32(j) * tx.by_step) >= vec4<i32>(0);
      taps_inside |= select(vec4<u32>(0u), vec4<u32>(1u << (i * tx.count + j)), inside);
    }
  }
}

// Offsets of the output pixels that the tap which is fetched links to the pixels, negative where there are none.
fn under_tap() -> vec4<i32> {
  let by_y = i32(at.high) * ty.by_step;
  let by_x = i32(at.middle) * tx.by_step;
  if (!MASKED) { return linked(fetched, ty.by + by_y, tx.by + by_x); }
  let inside = (taps_inside >> vec4<u32>(at.high * tx.count + at.middle)) & vec4<u32>(1u);
  return select(vec4<i32>(-1), origin + (by_y * i32(params.wo) + by_x) * i32(params.co4), inside == vec4<u32>(1u));
}

fn layers() -> u32 { return select(params.stride_y * params.stride_x, params.n, BANK); }
fn sizes() -> vec2<u32> { return vec2<u32>(max(tx.count, 1u), params.co4); }

fn summed(group: vec3<u32>) -> Part {
  let p = span(group.z % layers()).phase;
  return part_of(taps_y(p).count * taps_x(p).count * params.co4, group.z / layers(), params.parts, depth4());
}

fn begin(group: vec3<u32>, slot: Slot, first: u32) {
  let covered = span(group.z % layers());
  base = (group.z / layers()) * params.n * params.h * params.w * params.ci4;
  phase = covered.phase;
  row = covered.first + group.y * TILE_ROWS;
  stop = covered.stop;
  column = group.x * (TILE_COLUMNS / 4u);
  start = filter_start(entry_of(covered.image));
  ty = taps_y(phase);
  tx = taps_x(phase);
  fetched = pixels_from(phase, row + 4u * slot.along, stop);
  at = digits_of(first + slot.k, sizes());
  step = digits_of(depth4(), sizes());
  if (MASKED) { find_taps(); }
}

fn forward() { at = sum_of(at, step, sizes()); }

fn fetch(slot: Slot, k: u32, part_stop: u32) -> mat4x4<f32> {
  if (k + slot.k >= part_stop || !slot.used) { return mat4x4<f32>(); }
  if (!slot.is_a) {
    let tap_index = (ty.first + at.high * ty.step) * params.kw + tx.first + at.middle * tx.step;
    return filter_block(start, tap_index, at.low, column + slot.along);
  }
  return transpose(output_block(under_tap(), at.low));
}

fn store(i: u32, j: u32, block: mat4x4<f32>) {
  put_block(base, phase, pixels_from(phase, row + i, stop), column + j, block);
}

// Columns are summed by gradients to weights alone.
fn put_sums(j: u32, v: vec4<f32>) {}
