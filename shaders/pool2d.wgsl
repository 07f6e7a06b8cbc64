// Max and average pooling of x [n, h, w, c] to y [n, ho, wo, c], and their gradients by gather: an invocation owns one
// element of the result, so nothing is added atomically and the order is fixed.
struct Params {
  n: u32, h: u32, w: u32, c: u32,
  ho: u32, wo: u32, size_y: u32, size_x: u32,
  stride_y: u32, stride_x: u32, top: i32, left: i32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> winner_in: array<i32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> winner: array<i32>;

const LOWEST = -3.402823466e38;

struct Cell { image: u32, row: i32, column: i32, channel: u32 }

// The element `i` of a tensor [n, rows, columns, c].
fn cell(i: u32, rows: u32, columns: u32) -> Cell {
  let channel = i % params.c;
  let pixel = i / params.c;
  return Cell(pixel / (rows * columns), i32((pixel / columns) % rows), i32(pixel % columns), channel);
}

// y = largest in the window, the first in row-major order, or the first NaN; winner = its pixel within the image. Padding never
// wins.
@compute @workgroup_size(64)
fn max_pool(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.n * params.ho * params.wo * params.c) { return; }
  let at = cell(i, params.ho, params.wo);
  let y0 = at.row * i32(params.stride_y) - params.top;
  let x0 = at.column * i32(params.stride_x) - params.left;
  var best = LOWEST;
  var place = -1;
  var largest = 0u;
  for (var row = max(y0, 0); row < min(y0 + i32(params.size_y), i32(params.h)); row++) {
    for (var column = max(x0, 0); column < min(x0 + i32(params.size_x), i32(params.w)); column++) {
      let pixel = row * i32(params.w) + column;
      let v = x[(at.image * params.h * params.w + u32(pixel)) * params.c + at.channel];
      let key = rising(v);
      if (key > largest) { best = v; largest = key; place = pixel; }
    }
  }
  y[i] = best;
  winner[i] = place;
}

struct Range { first: i32, last: i32 }

// Output cells whose window of `size` covers position `p`.
fn covering(p: i32, size: u32, stride: u32, before: i32, cells: u32) -> Range {
  let s = i32(stride);
  let first = max(0, (p + before - i32(size) + s) / s);
  return Range(select(first, 0, p + before - i32(size) + 1 <= 0), min(i32(cells) - 1, (p + before) / s));
}

// dx (in y) = sum of dy over the windows this element won.
// Add to what y holds, and multiply by the slope of the activation that gave x, which is `activated`.
override ADD: bool = false;
override SLOPE: u32 = NONE;
@group(0) @binding(6) var<storage, read> activated: array<f32>;

fn put_grad(at: u32, v: f32) {
  var total = v;
  if (ADD) { total += y[at]; }
  if (SLOPE != NONE) { total *= slope_of(SLOPE, activated[at]); }
  y[at] = total;
}

@compute @workgroup_size(64)
fn max_pool_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.n * params.h * params.w * params.c) { return; }
  let at = cell(i, params.h, params.w);
  let pixel = at.row * i32(params.w) + at.column;
  let rows = covering(at.row, params.size_y, params.stride_y, params.top, params.ho);
  let columns = covering(at.column, params.size_x, params.stride_x, params.left, params.wo);
  var total = 0.0;
  for (var oy = rows.first; oy <= rows.last; oy++) {
    for (var ox = columns.first; ox <= columns.last; ox++) {
      let o = ((at.image * params.ho + u32(oy)) * params.wo + u32(ox)) * params.c + at.channel;
      if (winner_in[o] == pixel) { total += dy[o]; }
    }
  }
  put_grad(i, total);
}

// Cells of the window at output position `o` that lie inside the image, along one axis.
fn inside(o: i32, size: u32, stride: u32, before: i32, extent: u32) -> i32 {
  let start = o * i32(stride) - before;
  return max(0, min(start + i32(size), i32(extent)) - max(start, 0));
}

// y = mean over the cells of the window that lie inside the image.
@compute @workgroup_size(64)
fn average_pool(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.n * params.ho * params.wo * params.c) { return; }
  let at = cell(i, params.ho, params.wo);
  let y0 = at.row * i32(params.stride_y) - params.top;
  let x0 = at.column * i32(params.stride_x) - params.left;
  var total = 0.0;
  for (var row = max(y0, 0); row < min(y0 + i32(params.size_y), i32(params.h)); row++) {
    for (var column = max(x0, 0); column < min(x0 + i32(params.size_x), i32(params.w)); column++) {
      total += x[((at.image * params.h + u32(row)) * params.w + u32(column)) * params.c + at.channel];
    }
  }
  let count = inside(at.row, params.size_y, params.stride_y, params.top, params.h) *
    inside(at.column, params.size_x, params.stride_x, params.left, params.w);
  y[i] = total / f32(max(count, 1));
}

// dx (in y) = sum over the windows that cover this element of dy / cells of that window.
@compute @workgroup_size(64)
fn average_pool_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.n * params.h * params.w * params.c) { return; }
  let at = cell(i, params.h, params.w);
  let rows = covering(at.row, params.size_y, params.stride_y, params.top, params.ho);
  let columns = covering(at.column, params.size_x, params.stride_x, params.left, params.wo);
  var total = 0.0;
  for (var oy = rows.first; oy <= rows.last; oy++) {
    let high = inside(oy, params.size_y, params.stride_y, params.top, params.h);
    for (var ox = columns.first; ox <= columns.last; ox++) {
      let wide = inside(ox, params.size_x, params.stride_x, params.left, params.w);
      let o = ((at.image * params.ho + u32(oy)) * params.wo + u32(ox)) * params.c + at.channel;
      total += dy[o] / f32(max(high * wide, 1));
    }
  }
  y[i] = total;
}
