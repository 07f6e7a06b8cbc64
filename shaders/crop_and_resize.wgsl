// Bilinear crops of regions, as TensorFlow's crop_and_resize samples them, and the gradients to image and boxes.
// image [b, h, w, 4 c4]; boxes [r, 4] as y1, x1, y2, x2 over (h - 1, w - 1); crops [r, rows, columns, 4 c4]. Sample i of n is at
//
//   y_i = y1 (h - 1) + i (y2 - y1)(h - 1) / (n - 1),   or the middle of the box when n = 1.
//
// A sample outside the image is `outside`; one within `tolerance` of the border is on it.
struct Params {
  batch: u32, h: u32, w: u32, c4: u32,
  regions: u32, rows: u32, columns: u32, outside: f32,
  tolerance: f32, words: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> boxes: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> box_image: array<i32>;
@group(0) @binding(4) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> result: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> touch: array<u32>;
@group(0) @binding(7) var<storage, read_write> touch_out: array<u32>;

// Where sample i of n lies along an axis of `extent` cells.
fn coordinate(first: f32, last: f32, i: u32, n: u32, extent: u32) -> f32 {
  let span = f32(extent - 1u);
  if (n == 1u) { return 0.5 * (first + last) * span; }
  return first * span + f32(i) * ((last - first) * span / f32(n - 1u));
}

fn sample_at(position: f32, extent: u32) -> Sample {
  let last = f32(extent - 1u);
  if (!(position >= -params.tolerance && position <= last + params.tolerance)) { return NO_SAMPLE; }
  return sample_on_cells(position, extent);
}

fn valid_image(region: u32) -> bool {
  return box_image[region] >= 0 && box_image[region] < i32(params.batch);
}

fn pixel(which: i32, y: u32, x: u32, c: u32) -> vec4<f32> {
  return image[((u32(which) * params.h + y) * params.w + x) * params.c4 + c];
}

// result [r, rows, columns, c4]: one vec4 of channels an invocation.
@compute @workgroup_size(64)
fn crop(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let at = linear_index(id, groups, 64u);
  let cells = params.rows * params.columns;
  if (at >= params.regions * cells * params.c4) { return; }
  let c = at % params.c4;
  let cell = (at / params.c4) % cells;
  let region = at / (params.c4 * cells);
  let bounds = boxes[region];
  let sy = sample_at(coordinate(bounds.x, bounds.z, cell / params.columns, params.rows, params.h), params.h);
  let sx = sample_at(coordinate(bounds.y, bounds.w, cell % params.columns, params.columns, params.w), params.w);
  let valid = checked_index(CROP_AND_RESIZE, box_image[region], params.batch);
  if (!valid || !sy.used || !sx.used) { result[at] = vec4<f32>(params.outside); return; }
  let which = box_image[region];
  let top_left = pixel(which, sy.low, sx.low, c);
  let bottom_left = pixel(which, sy.high, sx.low, c);
  let top = top_left + (pixel(which, sy.low, sx.high, c) - top_left) * sx.part;
  let bottom = bottom_left + (pixel(which, sy.high, sx.high, c) - bottom_left) * sx.part;
  result[at] = top + (bottom - top) * sy.part;
}

// Samples i of n that may touch cell p: those within one cell of it, and a quarter of a sample more for rounding (a sample
// rounding moves across that line has next to no share in the cell).
struct Reach { first: u32, end: u32 }

fn reach(first: f32, last: f32, p: u32, n: u32, extent: u32) -> Reach {
  let start = coordinate(first, last, 0u, n, extent);
  let stop = coordinate(first, last, n - 1u, n, extent);
  let low = f32(p) - 1.0 - params.tolerance;
  let high = f32(p) + 1.0 + params.tolerance;
  if (max(start, stop) < low - 0.01 || min(start, stop) > high + 0.01) { return Reach(0u, 0u); }
  let step = (stop - start) / f32(max(n, 2u) - 1u);
  if (abs(step) < 1e-6) { return Reach(0u, n); }
  let a = (low - start) / step;
  let b = (high - start) / step;
  let from_ = clamp(ceil(min(a, b) - 0.25), 0.0, f32(n));
  let to_ = clamp(floor(max(a, b) + 0.25) + 1.0, 0.0, f32(n));
  return Reach(u32(from_), u32(to_));
}

// Which boxes may reach each row of each image and each column, a bit a box: touch_out [b h + w, words]. Without it every
// pixel and channel would look at every box.
@compute @workgroup_size(64)
fn mark(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let at = linear_index(id, groups, 64u);
  let all_rows = params.batch * params.h;
  if (at >= (all_rows + params.w) * params.words) { return; }
  let line = at / params.words;
  let start = (at % params.words) * 32u;
  var bits = 0u;
  for (var region = start; region < min(start + 32u, params.regions); region++) {
    let bounds = boxes[region];
    var hit = Reach(0u, 0u);
    if (line >= all_rows) {
      hit = reach(bounds.y, bounds.w, line - all_rows, params.columns, params.w);
    } else if (box_image[region] == i32(line / params.h)) {
      hit = reach(bounds.x, bounds.z, line % params.h, params.rows, params.h);
    }
    bits |= select(0u, 1u << (region - start), hit.first < hit.end);
  }
  touch_out[at] = bits;
}

// Add to what the image's gradient has, and multiply by the slope of the activation that gave the image, which is `activated`.
override ADD: bool = false;
override SLOPE: u32 = NONE;
@group(0) @binding(8) var<storage, read> activated: array<vec4<f32>>;

fn put_grad(at: u32, v: vec4<f32>) {
  var total = v;
  if (ADD) { total += result[at]; }
  if (SLOPE != NONE) { total *= slope_of(SLOPE, activated[at]); }
  result[at] = total;
}

// Gradient to the image, result [b, h, w, c4]: an invocation gathers, for one pixel and up to four vec4 of channels, from the
// crops that sampled it, box by box in order. Nothing is added atomically.
@compute @workgroup_size(64)
fn image_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let at = linear_index(id, groups, 64u);
  let lanes = (params.c4 + 3u) / 4u;
  if (at >= params.batch * params.h * params.w * lanes) { return; }
  let c = at % lanes;
  let place = at / lanes;
  let x = place % params.w;
  let y = (place / params.w) % params.h;
  let row_marks = place / params.w * params.words;
  let column_marks = (params.batch * params.h + x) * params.words;
  let c1 = min(c + lanes, params.c4 - 1u);
  let c2 = min(c + 2u * lanes, params.c4 - 1u);
  let c3 = min(c + 3u * lanes, params.c4 - 1u);
  var g0 = vec4<f32>();
  var g1 = vec4<f32>();
  var g2 = vec4<f32>();
  var g3 = vec4<f32>();
  for (var word = 0u; word < params.words; word++) {
    for (var bits = touch[row_marks + word] & touch[column_marks + word]; bits != 0u; bits &= bits - 1u) {
      let region = word * 32u + firstTrailingBit(bits);
      let bounds = boxes[region];
      let rows = reach(bounds.x, bounds.z, y, params.rows, params.h);
      let columns = reach(bounds.y, bounds.w, x, params.columns, params.w);
      for (var i = rows.first; i < rows.end; i++) {
        let sy = sample_at(coordinate(bounds.x, bounds.z, i, params.rows, params.h), params.h);
        let weight_y = share(sy, y);
        if (weight_y == 0.0) { continue; }
        for (var j = columns.first; j < columns.end; j++) {
          let sx = sample_at(coordinate(bounds.y, bounds.w, j, params.columns, params.w), params.w);
          let weight = weight_y * share(sx, x);
          if (weight == 0.0) { continue; }
          let cell = ((region * params.rows + i) * params.columns + j) * params.c4;
          g0 += weight * dy[cell + c];
          g1 += weight * dy[cell + c1];
          g2 += weight * dy[cell + c2];
          g3 += weight * dy[cell + c3];
        }
      }
    }
  }
  let base = place * params.c4;
  put_grad(base + c, g0);
  if (c + lanes < params.c4) { put_grad(base + c + lanes, g1); }
  if (c + 2u * lanes < params.c4) { put_grad(base + c + 2u * lanes, g2); }
  if (c + 3u * lanes < params.c4) { put_grad(base + c + 3u * lanes, g3); }
}

// Derivatives of sample i's position with respect to the box's two edges along an axis of `extent` cells.
fn edge_slopes(i: u32, n: u32, extent: u32) -> vec2<f32> {
  let span = f32(extent - 1u);
  if (n == 1u) { return vec2<f32>(0.5 * span); }
  let ratio = f32(i) * (span / f32(n - 1u));
  return vec2<f32>(span - ratio, ratio);
}

// Gradient to the boxes, one crop cell an invocation: result [r, rows * columns] of (y1, x1, y2, x2), summed afterwards.
@compute @workgroup_size(64)
fn box_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let at = linear_index(id, groups, 64u);
  let cells = params.rows * params.columns;
  if (at >= params.regions * cells) { return; }
  let region = at / cells;
  let i = (at % cells) / params.columns;
  let j = at % params.columns;
  let bounds = boxes[region];
  let sy = sample_at(coordinate(bounds.x, bounds.z, i, params.rows, params.h), params.h);
  let sx = sample_at(coordinate(bounds.y, bounds.w, j, params.columns, params.w), params.w);
  if (!valid_image(region) || !sy.used || !sx.used) { result[at] = vec4<f32>(); return; }
  let which = box_image[region];
  var along_y = 0.0;
  var along_x = 0.0;
  for (var c = 0u; c < params.c4; c++) {
    let tl = pixel(which, sy.low, sx.low, c);
    let tr = pixel(which, sy.low, sx.high, c);
    let bl = pixel(which, sy.high, sx.low, c);
    let br = pixel(which, sy.high, sx.high, c);
    let g = dy[at * params.c4 + c];
    along_y += dot(g, (1.0 - sx.part) * (bl - tl) + sx.part * (br - tr));
    along_x += dot(g, (1.0 - sy.part) * (tr - tl) + sy.part * (br - bl));
  }
  let slopes_y = edge_slopes(i, params.rows, params.h);
  let slopes_x = edge_slopes(j, params.columns, params.w);
  result[at] = vec4<f32>(along_y * slopes_y.x, along_x * slopes_x.x, along_y * slopes_y.y, along_x * slopes_x.y);
}
