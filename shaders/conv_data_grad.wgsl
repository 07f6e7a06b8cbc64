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

fn store(phase: Phase, p: Pixels, column: u32, block: mat4x4<f32>) {
  if (column >= params.ci4) { return; }
  for (var i = 0u; i < 4u; i++) {
    if (p.y[i] >= 0) {
      let yy = u32(p.y[i]) * params.stride_y + phase.y;
      let xx = u32(p.x[i]) * params.stride_x + phase.x;
      dx[((u32(p.image[i]) * params.h + yy) * params.w + xx) * params.ci4 + column] = block[i];
    }
  }
}

@compute @workgroup_size(8)
fn conv_data_grad_registers(@builtin(global_invocation_id) id: vec3<u32>) {
  let block = block_of(id);
  let column = block.column * (COLUMNS / 4u);
  let pixels = span(id.z);
  let phase = pixels.phase;
  let stop = pixels.stop;
  let row = pixels.first + block.row * ROWS;
  if (column >= params.ci4 || row >= stop) { return; }
  let start = filter_start(entry_of(pixels.image));
  let p0 = pixels_from(phase, row, stop);
  let p1 = pixels_from(phase, row + 4u, stop);
  let p2 = pixels_from(phase, row + 8u, stop);
  let p3 = pixels_from(phase, row + 12u, stop);
  var d00 = mat4x4<f32>(); var d01 = mat4x4<f32>();
  var d10 = mat4x4<f32>(); var d11 = mat4x4<f32>();
  var d20 = mat4x4<f32>(); var d21 = mat4x4<f32>();
  var d30 = mat4x4<f32>(); var d31 = mat4x4<f32>();
  for (var ky = 0u; ky < params.kh; ky++) {
    let sy = shift(phase.y, ky, params.dilation_y, params.top, params.stride_y);
    if (!sy.reached) { continue; }
    for (var kx = 0u; kx < params.kw; kx++) {
      let sx = shift(phase.x, kx, params.dilation_x, params.left, params.stride_x);
      if (!sx.reached) { continue; }
      let t0 = linked(p0, sy.by, sx.by);
      let t1 = linked(p1, sy.by, sx.by);
      let t2 = linked(p2, sy.by, sx.by);
      let t3 = linked(p3, sy.by, sx.by);
      let tap_index = ky * params.kw + kx;
      for (var c = 0u; c < params.co4; c++) {
        let f0 = filter_block(start, tap_index, c, column);
        var f1 = f0;
        if (COLUMNS > 4u) { f1 = filter_block(start, tap_index, c, column + 1u); }
        let g0 = output_block(t0, c);
        d00 += f0 * g0;
        if (COLUMNS > 4u) { d01 += f1 * g0; }
        if (ROWS > 4u) {
          let g1 = output_block(t1, c);
          d10 += f0 * g1;
          if (COLUMNS > 4u) { d11 += f1 * g1; }
        }
        if (ROWS > 8u) {
          let g2 = output_block(t2, c);
          d20 += f0 * g2;
          if (COLUMNS > 4u) { d21 += f1 * g2; }
          let g3 = output_block(t3, c);
          d30 += f0 * g3;
          if (COLUMNS > 4u) { d31 += f1 * g3; }
        }
      }
    }
  }
  store(phase, p0, column, d00);
  if (COLUMNS > 4u) { store(phase, p0, column + 1u, d01); }
  if (ROWS > 4u) {
    store(phase, p1, column, d10);
    if (COLUMNS > 4u) { store(phase, p1, column + 1u, d11); }
  }
  if (ROWS > 8u) {
    store(phase, p2, column, d20);
    store(phase, p3, column, d30);
    if (COLUMNS > 4u) {
      store(phase, p2, column + 1u, d21);
      store(phase, p3, column + 1u, d31);
    }
  }
}

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

// Profile gpu: a tile of pixels x channels, or of a part of the summed axis, which runs over the taps that reach the phase. z
// counts phases, or images where a bank has filters of their own, then parts.
struct Task { ty: Taps, tx: Taps, start: u32, column: u32 }

// `at` has the digits of k + slot.k: which of the taps' rows, which of their columns, channels.
fn fetch(task: Task, slot: Slot, k: u32, stop: u32, at: Digits, p: Pixels) -> mat4x4<f32> {
  if (k + slot.k >= stop || !slot.used) { return mat4x4<f32>(); }
  let ty = task.ty;
  let tx = task.tx;
  if (!slot.is_a) {
    let tap_index = (ty.first + at.high * ty.step) * params.kw + tx.first + at.middle * tx.step;
    return filter_block(task.start, tap_index, at.low, task.column + slot.along);
  }
  let by_y = ty.by + i32(at.high) * ty.by_step;
  let by_x = tx.by + i32(at.middle) * tx.by_step;
  return transpose(output_block(linked(p, by_y, by_x), at.low));
}

fn store_pixel(base: u32, phase: Phase, y: i32, x: i32, image: i32, column: u32, v: vec4<f32>) {
  if (y < 0 || column >= params.ci4) { return; }
  let yy = u32(y) * params.stride_y + phase.y;
  let xx = u32(x) * params.stride_x + phase.x;
  dx[base + ((u32(image) * params.h + yy) * params.w + xx) * params.ci4 + column] = v;
}

fn store_tile(base: u32, phase: Phase, p: Pixels, column: u32, block: mat4x4<f32>) {
  store_pixel(base, phase, p.y.x, p.x.x, p.image.x, column, block[0]);
  store_pixel(base, phase, p.y.y, p.x.y, p.image.y, column, block[1]);
  store_pixel(base, phase, p.y.z, p.x.z, p.image.z, column, block[2]);
  store_pixel(base, phase, p.y.w, p.x.w, p.image.w, column, block[3]);
}

@compute @workgroup_size(256)
fn conv_data_grad_tiles(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let layers = select(params.stride_y * params.stride_x, params.n, BANK);
  let pixels = span(group.z % layers);
  let phase = pixels.phase;
  let ty = taps_of(phase.y, params.kh, params.dilation_y, params.top, params.stride_y);
  let tx = taps_of(phase.x, params.kw, params.dilation_x, params.left, params.stride_x);
  let part = part_of(ty.count * tx.count * params.co4, group.z / layers, params.parts, depth4());
  let row = pixels.first + group.y * TILE_ROWS;
  let task = Task(ty, tx, filter_start(entry_of(pixels.image)), group.x * (TILE_COLUMNS / 4u));
  let slot = slot_of(lane);
  let place = place_of(lane);
  let mine = pixels_from(phase, row + 4u * slot.along, pixels.stop);
  let sizes = vec2<u32>(max(tx.count, 1u), params.co4);
  let step = digits_of(depth4(), sizes);
  var at = digits_of(part.first + slot.k, sizes);
  var next = fetch(task, slot, part.first, part.stop, at, mine);
  for (var k = part.first; k < part.stop; k += depth4()) {
    put(slot, next);
    workgroupBarrier();
    at = sum_of(at, step, sizes);
    if (k + depth4() < part.stop) { next = fetch(task, slot, k + depth4(), part.stop, at, mine); }
    multiply(place);
    workgroupBarrier();
  }
  let base = (group.z / layers) * params.n * params.h * params.w * params.ci4;
  let channel = task.column + place.column;
  let first = row + 4u * place.row;
  let upper = pixels_from(phase, first, pixels.stop);
  store_tile(base, phase, upper, channel, c00);
  if (TILE_COLUMNS > 64u) { store_tile(base, phase, upper, channel + 16u, c01); }
  if (TILE_ROWS > 64u) {
    let lower = pixels_from(phase, first + 64u, pixels.stop);
    store_tile(base, phase, lower, channel, c10);
    if (TILE_COLUMNS > 64u) { store_tile(base, phase, lower, channel + 16u, c11); }
  }
}
