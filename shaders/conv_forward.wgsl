// Convolution forward as an implicit matrix product: rows are output pixels, columns output channels, and the summed axis
// runs over taps and input channels. Epilogue: y = act(conv * scale + bias + residual).
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

fn store(row: u32, stop: u32, entry: u32, column: u32, block: mat4x4<f32>) {
  if (column >= params.co4) { return; }
  for (var i = 0u; i < 4u; i++) {
    if (row + i < stop) {
      let at = (row + i) * params.co4 + column;
      y[at] = epilogue(block[i], entry * params.co4 + column, at);
    }
  }
}

// Profile cpu: ROWS pixels x COLUMNS channels in registers.
@compute @workgroup_size(8)
fn conv_forward_registers(@builtin(global_invocation_id) id: vec3<u32>) {
  let block = block_of(id);
  let column = block.column * (COLUMNS / 4u);
  let pixels = span(id.z);
  let stop = pixels.stop;
  let row = pixels.first + block.row * ROWS;
  if (column >= params.co4 || row >= stop) { return; }
  let entry = entry_of(id.z);
  let start = filter_start(entry);
  let p0 = pixels_from(row, stop);
  let p1 = pixels_from(row + 4u, stop);
  let p2 = pixels_from(row + 8u, stop);
  let p3 = pixels_from(row + 12u, stop);
  var y00 = mat4x4<f32>(); var y01 = mat4x4<f32>();
  var y10 = mat4x4<f32>(); var y11 = mat4x4<f32>();
  var y20 = mat4x4<f32>(); var y21 = mat4x4<f32>();
  var y30 = mat4x4<f32>(); var y31 = mat4x4<f32>();
  for (var ky = 0u; ky < params.kh; ky++) {
    for (var kx = 0u; kx < params.kw; kx++) {
      let t0 = tap(p0, ky, kx);
      let t1 = tap(p1, ky, kx);
      let t2 = tap(p2, ky, kx);
      let t3 = tap(p3, ky, kx);
      let tap_index = ky * params.kw + kx;
      for (var c = 0u; c < params.ci4; c++) {
        let f0 = filter_block(start, tap_index, c, column);
        var f1 = f0;
        if (COLUMNS > 4u) { f1 = filter_block(start, tap_index, c, column + 1u); }
        let x0 = input_block(t0, c);
        y00 += f0 * x0;
        if (COLUMNS > 4u) { y01 += f1 * x0; }
        if (ROWS > 4u) {
          let x1 = input_block(t1, c);
          y10 += f0 * x1;
          if (COLUMNS > 4u) { y11 += f1 * x1; }
        }
        if (ROWS > 8u) {
          let x2 = input_block(t2, c);
          y20 += f0 * x2;
          if (COLUMNS > 4u) { y21 += f1 * x2; }
          let x3 = input_block(t3, c);
          y30 += f0 * x3;
          if (COLUMNS > 4u) { y31 += f1 * x3; }
        }
      }
    }
  }
  store(row, stop, entry, column, y00);
  if (COLUMNS > 4u) { store(row, stop, entry, column + 1u, y01); }
  if (ROWS > 4u) {
    store(row + 4u, stop, entry, column, y10);
    if (COLUMNS > 4u) { store(row + 4u, stop, entry, column + 1u, y11); }
  }
  if (ROWS > 8u) {
    store(row + 8u, stop, entry, column, y20);
    store(row + 12u, stop, entry, column, y30);
    if (COLUMNS > 4u) {
      store(row + 8u, stop, entry, column + 1u, y21);
      store(row + 12u, stop, entry, column + 1u, y31);
    }
  }
}

// Profile gpu: a tile of pixels x channels, or of a part of the summed axis. z counts images where a bank has filters of their
// own, then parts. `at` has the digits of k + slot.k: tap row, tap column, channels.
fn fetch(slot: Slot, k: u32, stop: u32, at: Digits, p: Pixels, start: u32, column: u32) -> mat4x4<f32> {
  if (k + slot.k >= stop || !slot.used) { return mat4x4<f32>(); }
  if (slot.is_a) { return transpose(input_block(tap(p, at.high, at.middle), at.low)); }
  return filter_block(start, at.high * params.kw + at.middle, at.low, column + slot.along);
}

fn store_pixel(base: u32, row: u32, stop: u32, entry: u32, column: u32, sum: vec4<f32>) {
  if (row >= stop || column >= params.co4) { return; }
  let at = row * params.co4 + column;
  y[base + at] = epilogue(sum, entry * params.co4 + column, at);
}

fn store_tile(base: u32, row: u32, stop: u32, entry: u32, column: u32, block: mat4x4<f32>) {
  store_pixel(base, row, stop, entry, column, block[0]);
  store_pixel(base, row + 1u, stop, entry, column, block[1]);
  store_pixel(base, row + 2u, stop, entry, column, block[2]);
  store_pixel(base, row + 3u, stop, entry, column, block[3]);
}

@compute @workgroup_size(256)
fn conv_forward_tiles(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let layers = select(1u, params.n, BANK);
  let pixels = span(group.z % layers);
  let part = part_of(params.kh * params.kw * params.ci4, group.z / layers, params.parts, depth4());
  let entry = entry_of(group.z % layers);
  let start = filter_start(entry);
  let row = pixels.first + group.y * TILE_ROWS;
  let column = group.x * (TILE_COLUMNS / 4u);
  let slot = slot_of(lane);
  let place = place_of(lane);
  let mine = pixels_from(row + 4u * slot.along, pixels.stop);
  let sizes = vec2<u32>(params.kw, params.ci4);
  let step = digits_of(depth4(), sizes);
  var at = digits_of(part.first + slot.k, sizes);
  var next = fetch(slot, part.first, part.stop, at, mine, start, column);
  for (var k = part.first; k < part.stop; k += depth4()) {
    put(slot, next);
    workgroupBarrier();
    at = sum_of(at, step, sizes);
    if (k + depth4() < part.stop) { next = fetch(slot, k + depth4(), part.stop, at, mine, start, column); }
    multiply(place);
    workgroupBarrier();
  }
  let base = (group.z / layers) * params.n * params.ho * params.wo * params.co4;
  let first = row + 4u * place.row;
  let channel = column + place.column;
  store_tile(base, first, pixels.stop, entry, channel, c00);
  if (TILE_COLUMNS > 64u) { store_tile(base, first, pixels.stop, entry, channel + 16u, c01); }
  if (TILE_ROWS > 64u) { store_tile(base, first + 64u, pixels.stop, entry, channel, c10); }
  if (TILE_ROWS > 64u && TILE_COLUMNS > 64u) { store_tile(base, first + 64u, pixels.stop, entry, channel + 16u, c11); }
}
