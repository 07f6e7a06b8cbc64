// Patches of regions written back onto maps, averaged where they overlap, and the gradient to the patches.
// patches [r, rows, columns, 4 c4]; boxes [r, 4] as y1, x1, y2, x2 in cells of the map; maps [images, h, w, 4 c4], of which each
// gets as many regions, one map's after another's. A cell at y within [y1, y2] reads the patch at (rows - 1)(y - y1) / (y2 - y1),
// bilinearly; a cell outside the box gets nothing from it.
struct Params { images: u32, h: u32, w: u32, c4: u32, regions: u32, rows: u32, columns: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> patches: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> boxes: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> count_out: array<f32>;
@group(0) @binding(4) var<storage, read> count: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> result: array<vec4<f32>>;

const LANES = 4u;

fn inside(bounds: vec4<f32>, y: f32, x: f32) -> bool {
  return y >= bounds.x && y <= bounds.z && x >= bounds.y && x <= bounds.w;
}

// Where along a patch's n samples the cell at p lies, first <= p <= last.
fn place(p: f32, first: f32, last: f32, n: u32) -> f32 {
  let span = f32(n - 1u);
  return clamp(span * ((p - first) / max(last - first, 1e-14)), 0.0, span);
}

// A cell of all maps: its place in its own, and the regions of that one.
struct Cell { y: f32, x: f32, first: u32, end: u32 }

fn cell_of(i: u32) -> Cell {
  let own = i % (params.h * params.w);
  let first = i / (params.h * params.w) * params.regions;
  return Cell(f32(own / params.w), f32(own % params.w), first, first + params.regions);
}

// count_out [images h, w]: how many boxes hold each cell.
@compute @workgroup_size(64)
fn cover(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let cell = linear_index(id, groups, 64u);
  if (cell >= params.images * params.h * params.w) { return; }
  let here = cell_of(cell);
  var total = 0.0;
  for (var r = here.first; r < here.end; r++) {
    total += select(0.0, 1.0, inside(boxes[r], here.y, here.x));
  }
  count_out[cell] = total;
}

// Where cell (y, x) is sampled in patch r: offsets of the four cells around, and how far between them.
struct Sampled { corners: vec4<u32>, across: f32, down: f32 }

fn sampled(r: u32, y: f32, x: f32) -> Sampled {
  let bounds = boxes[r];
  let sy = sample_on_cells(place(y, bounds.x, bounds.z, params.rows), params.rows);
  let sx = sample_on_cells(place(x, bounds.y, bounds.w, params.columns), params.columns);
  let top = (r * params.rows + sy.low) * params.columns;
  let bottom = (r * params.rows + sy.high) * params.columns;
  let across = vec2<u32>(sx.low, sx.high);
  return Sampled(vec4<u32>(top + across, bottom + across) * params.c4, sx.part, sy.part);
}

fn value_of(s: Sampled, c: u32) -> vec4<f32> {
  let at = s.corners + c;
  return between(patches[at.x], patches[at.y], patches[at.z], patches[at.w], s.across, s.down);
}

// result [images, h, w, c4]: one cell and up to 16 channels an invocation.
@compute @workgroup_size(64)
fn paste(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let at = linear_index(id, groups, 64u);
  let chunks = (params.c4 + LANES - 1u) / LANES;
  if (at >= params.images * params.h * params.w * chunks) { return; }
  let first = (at % chunks) * LANES;
  let lanes = min(LANES, params.c4 - first);
  let cell = at / chunks;
  let here = cell_of(cell);
  var total = array<vec4<f32>, LANES>();
  if (count[cell] > 0.0) {
    for (var r = here.first; r < here.end; r++) {
      if (!inside(boxes[r], here.y, here.x)) { continue; }
      let cells = sampled(r, here.y, here.x);
      for (var l = 0u; l < lanes; l++) { total[l] += value_of(cells, first + l); }
    }
  }
  for (var l = 0u; l < lanes; l++) {
    result[cell * params.c4 + first + l] = total[l] / max(count[cell], 1.0);
  }
}

// The same for GPUs: neighbours take neighbouring channels, and what they add up stays in registers.
@compute @workgroup_size(64)
fn paste_striding(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let at = linear_index(id, groups, 64u);
  let lanes = (params.c4 + 3u) / 4u;
  if (at >= params.images * params.h * params.w * lanes) { return; }
  let c = at % lanes;
  let c1 = min(c + lanes, params.c4 - 1u);
  let c2 = min(c + 2u * lanes, params.c4 - 1u);
  let c3 = min(c + 3u * lanes, params.c4 - 1u);
  let cell = at / lanes;
  let here = cell_of(cell);
  var t0 = vec4<f32>();
  var t1 = vec4<f32>();
  var t2 = vec4<f32>();
  var t3 = vec4<f32>();
  if (count[cell] > 0.0) {
    for (var r = here.first; r < here.end; r++) {
      if (!inside(boxes[r], here.y, here.x)) { continue; }
      let cells = sampled(r, here.y, here.x);
      t0 += value_of(cells, c);
      t1 += value_of(cells, c1);
      t2 += value_of(cells, c2);
      t3 += value_of(cells, c3);
    }
  }
  let boxes_here = max(count[cell], 1.0);
  let base = cell * params.c4;
  result[base + c] = t0 / boxes_here;
  if (c + lanes < params.c4) { result[base + c1] = t1 / boxes_here; }
  if (c + 2u * lanes < params.c4) { result[base + c2] = t2 / boxes_here; }
  if (c + 3u * lanes < params.c4) { result[base + c3] = t3 / boxes_here; }
}

// Cells whose sample may touch patch row i of n: a range a little too wide, cut to the map.
fn reach(i: u32, first: f32, last: f32, n: u32, extent: u32) -> vec2<i32> {
  var low = first;
  var high = last;
  if (n > 1u) {
    let step = (last - first) / f32(n - 1u);
    low = max(low, first + (f32(i) - 1.0) * step - 0.01);
    high = min(high, first + (f32(i) + 1.0) * step + 0.01);
  }
  let end = f32(extent) - 1.0;
  return vec2<i32>(i32(ceil(clamp(low, 0.0, end + 1.0))), i32(floor(clamp(high, -1.0, end))));
}

// result [r, rows, columns, c4] = the weights of paste, transposed: one vec4 of channels an invocation.
@compute @workgroup_size(64)
fn paste_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let at = linear_index(id, groups, 64u);
  let cells = params.rows * params.columns;
  if (at >= params.images * params.regions * cells * params.c4) { return; }
  let c = at % params.c4;
  let i = (at / params.c4) % cells / params.columns;
  let j = (at / params.c4) % params.columns;
  let region = at / (params.c4 * cells);
  let bounds = boxes[region];
  let map = region / params.regions * params.h;
  let ys = reach(i, bounds.x, bounds.z, params.rows, params.h);
  let xs = reach(j, bounds.y, bounds.w, params.columns, params.w);
  var total = vec4<f32>();
  for (var y = ys.x; y <= ys.y; y++) {
    let wy = 1.0 - abs(place(f32(y), bounds.x, bounds.z, params.rows) - f32(i));
    for (var x = xs.x; x <= xs.y; x++) {
      if (!inside(bounds, f32(y), f32(x))) { continue; }
      let wx = 1.0 - abs(place(f32(x), bounds.y, bounds.w, params.columns) - f32(j));
      if (wy <= 0.0 || wx <= 0.0) { continue; }
      let cell = (map + u32(y)) * params.w + u32(x);
      total += wy * wx / count[cell] * dy[cell * params.c4 + c];
    }
  }
  result[at] = total;
}
