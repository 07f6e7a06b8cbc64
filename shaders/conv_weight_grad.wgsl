// Gradient of a convolution to its filter, as an implicit matrix product: rows are (tap, input channel), columns output
// channels, the summed axis runs over output pixels. Pixels are split in chunks of `chunk` output rows; each chunk writes
// its own partial [chunks, kh, kw, ci, co], summed afterwards in a fixed order.
// Add to what dw holds.
override ADD: bool = false;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> dw: array<vec4<f32>>;
// With a bank, a chunk is the images of one of its filters: first image, number of images, entry.
@group(0) @binding(4) var<storage, read> groups: array<vec4<u32>>;

// Output rows of a chunk.
struct Lines { first: u32, stop: u32 }

fn lines_of(z: u32) -> Lines {
  if (BANK) { return Lines(groups[z].x * params.ho, (groups[z].x + groups[z].y) * params.ho); }
  return Lines(z * params.chunk, min((z + 1u) * params.chunk, params.n * params.ho));
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
    gather_zero(x[i.x], at.x), gather_zero(x[i.y], at.y), gather_zero(x[i.z], at.z), gather_zero(x[i.w], at.w),
  ));
}

// Columns: the four pixels; entries: output channels 4*column...
fn output_block(at: vec4<i32>, column: u32) -> mat4x4<f32> {
  let i = vec4<u32>(max(at, vec4<i32>(0))) + min(column, params.co4 - 1u);
  return mat4x4<f32>(
    gather_zero(dy[i.x], at.x), gather_zero(dy[i.y], at.y), gather_zero(dy[i.z], at.z), gather_zero(dy[i.w], at.w),
  );
}

fn store(chunk: u32, tap_index: u32, channel: u32, column: u32, block: mat4x4<f32>) {
  if (channel >= params.ci4 || column >= params.co4) { return; }
  let taps = params.kh * params.kw;
  var part = chunk;
  if (BANK) { part = groups[chunk].z; }
  let row = ((part * taps + tap_index) * params.ci4 + channel) * 4u;
  for (var i = 0u; i < 4u; i++) {
    let at = (row + i) * params.co4 + column;
    if (ADD) { dw[at] += block[i]; } else { dw[at] = block[i]; }
  }
}

// Rows count (tap, block of ROWS input channels), id.z chunks.
@compute @workgroup_size(8)
fn conv_weight_grad_registers(@builtin(global_invocation_id) id: vec3<u32>) {
  let block = block_of(id);
  let column = block.column * (COLUMNS / 4u);
  let per_tap = (params.ci4 * 4u + ROWS - 1u) / ROWS;
  let tap_index = block.row / per_tap;
  if (column >= params.co4 || tap_index >= params.kh * params.kw) { return; }
  let channel = (block.row % per_tap) * (ROWS / 4u);
  let ky = tap_index / params.kw;
  let kx = tap_index % params.kw;
  let lines = lines_of(id.z);
  var w00 = mat4x4<f32>(); var w01 = mat4x4<f32>();
  var w10 = mat4x4<f32>(); var w11 = mat4x4<f32>();
  var w20 = mat4x4<f32>(); var w21 = mat4x4<f32>();
  var w30 = mat4x4<f32>(); var w31 = mat4x4<f32>();
  for (var line = lines.first; line < lines.stop; line++) {
    for (var ox = 0u; ox < params.wo; ox += 4u) {
      let at_x = input_at(line, ox, ky, kx);
      let at_y = output_at(line, ox);
      let g0 = output_block(at_y, column);
      var g1 = g0;
      if (COLUMNS > 4u) { g1 = output_block(at_y, column + 1u); }
      let x0 = input_block(at_x, channel);
      w00 += g0 * x0;
      if (COLUMNS > 4u) { w01 += g1 * x0; }
      if (ROWS > 4u) {
        let x1 = input_block(at_x, channel + 1u);
        w10 += g0 * x1;
        if (COLUMNS > 4u) { w11 += g1 * x1; }
      }
      if (ROWS > 8u) {
        let x2 = input_block(at_x, channel + 2u);
        w20 += g0 * x2;
        if (COLUMNS > 4u) { w21 += g1 * x2; }
        let x3 = input_block(at_x, channel + 3u);
        w30 += g0 * x3;
        if (COLUMNS > 4u) { w31 += g1 * x3; }
      }
    }
  }
  store(id.z, tap_index, channel, column, w00);
  if (COLUMNS > 4u) { store(id.z, tap_index, channel, column + 1u, w01); }
  if (ROWS > 4u) {
    store(id.z, tap_index, channel + 1u, column, w10);
    if (COLUMNS > 4u) { store(id.z, tap_index, channel + 1u, column + 1u, w11); }
  }
  if (ROWS > 8u) {
    store(id.z, tap_index, channel + 2u, column, w20);
    store(id.z, tap_index, channel + 3u, column, w30);
    if (COLUMNS > 4u) {
      store(id.z, tap_index, channel + 2u, column + 1u, w21);
      store(id.z, tap_index, channel + 3u, column + 1u, w31);
    }
  }
}

// Profile gpu: a tile of (tap, input channel) x output channels; output pixels pass, four of a row together. A tile may hold
// several taps, so that few input channels fill it too. An invocation fetches channels of one tap, or of one output column.
struct Task { ky: u32, kx: u32, channel: u32, column: u32 }

fn task_of(row: u32, column: u32) -> Task {
  let t = min(row / params.ci4, params.kh * params.kw - 1u);
  return Task(t / params.kw, t % params.kw, row % params.ci4, column);
}

// `at` has the digits of k + slot.k: image, row, four of the row.
fn fetch(task: Task, slot: Slot, k: u32, stop: u32, at: Digits) -> mat4x4<f32> {
  if (k + slot.k >= stop || !slot.used) { return mat4x4<f32>(); }
  let ox = 4u * at.low;
  if (!slot.is_a) { return output_block(output_at(at.high * params.ho + at.middle, ox), task.column); }
  return transpose(input_block(input_of(at.high, at.middle, ox, task.ky, task.kx), task.channel));
}

fn store_row(base: u32, row: u32, column: u32, v: vec4<f32>) {
  let at = (base + row) * params.co4 + column;
  if (ADD) { dw[at] += v; } else { dw[at] = v; }
}

// Rows are counted in blocks.
fn store_tile(base: u32, row: u32, column: u32, block: mat4x4<f32>) {
  if (row >= params.kh * params.kw * params.ci4 || column >= params.co4) { return; }
  store_row(base, 4u * row, column, block[0]);
  store_row(base, 4u * row + 1u, column, block[1]);
  store_row(base, 4u * row + 2u, column, block[2]);
  store_row(base, 4u * row + 3u, column, block[3]);
}

@compute @workgroup_size(256)
fn conv_weight_grad_tiles(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let quads = (params.wo + 3u) / 4u;
  let lines = lines_of(group.z);
  let first = lines.first * quads;
  let stop = lines.stop * quads;
  let row = group.y * (TILE_ROWS / 4u);
  let column = group.x * (TILE_COLUMNS / 4u);
  let slot = slot_of(lane);
  let place = place_of(lane);
  let task = task_of(row + slot.along, column + slot.along);
  let sizes = vec2<u32>(params.ho, quads);
  let step = digits_of(depth4(), sizes);
  var at = digits_of(first + slot.k, sizes);
  var next = fetch(task, slot, first, stop, at);
  for (var k = first; k < stop; k += depth4()) {
    put(slot, next);
    workgroupBarrier();
    at = sum_of(at, step, sizes);
    if (k + depth4() < stop) { next = fetch(task, slot, k + depth4(), stop, at); }
    multiply(place);
    workgroupBarrier();
  }
  var entry = group.z;
  if (BANK) { entry = groups[group.z].z; }
  let base = entry * params.kh * params.kw * params.ci4 * 4u;
  let y = row + place.row;
  let x = column + place.column;
  store_tile(base, y, x, c00);
  if (TILE_COLUMNS > 64u) { store_tile(base, y, x + 16u, c01); }
  if (TILE_ROWS > 64u) { store_tile(base, y + 16u, x, c10); }
  if (TILE_ROWS > 64u && TILE_COLUMNS > 64u) { store_tile(base, y + 16u, x + 16u, c11); }
}
