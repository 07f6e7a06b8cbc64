// Prelude of kernels that walk along rows, for GPUs: a workgroup has a row, which must be of single numbers. See
// lib/row_alone.wgsl. What lanes found is put together in a tree, whose order the number of lanes fixes.
const LANES = 128u;
const STRIDE = LANES;

fn row_of(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 { return group.x + group.y * groups.x; }
fn lane_of(local: u32) -> u32 { return local; }

var<workgroup> partial: array<f32, LANES>;
var<workgroup> place: array<u32, LANES>;
var<workgroup> keys: array<u32, LANES>;

fn row_max(lane: u32, v: f32) -> f32 {
  workgroupBarrier();
  partial[lane] = v;
  for (var step = LANES / 2u; step > 0u; step = step / 2u) {
    workgroupBarrier();
    if (lane < step) { partial[lane] = larger(partial[lane], partial[lane + step]); }
  }
  workgroupBarrier();
  return partial[0];
}

fn row_sum(lane: u32, v: f32) -> f32 {
  workgroupBarrier();
  partial[lane] = v;
  for (var step = LANES / 2u; step > 0u; step = step / 2u) {
    workgroupBarrier();
    if (lane < step) { partial[lane] += partial[lane + step]; }
  }
  workgroupBarrier();
  return partial[0];
}

fn row_product(lane: u32, v: f32) -> f32 {
  workgroupBarrier();
  partial[lane] = v;
  for (var step = LANES / 2u; step > 0u; step = step / 2u) {
    workgroupBarrier();
    if (lane < step) { partial[lane] *= partial[lane + step]; }
  }
  workgroupBarrier();
  return partial[0];
}

// Hillis and Steele's scan: after each step a lane has the sum of twice as many.
fn row_scan(lane: u32, v: f32) -> f32 {
  workgroupBarrier();
  partial[lane] = v;
  for (var step = 1u; step < LANES; step = step * 2u) {
    workgroupBarrier();
    var before = 0.0;
    if (lane >= step) { before = partial[lane - step]; }
    workgroupBarrier();
    partial[lane] += before;
  }
  workgroupBarrier();
  return partial[lane];
}

fn row_total(scanned: f32) -> f32 { return partial[LANES - 1u]; }

fn row_first(lane: u32, at: u32, key: u32) -> u32 {
  workgroupBarrier();
  keys[lane] = key;
  place[lane] = at;
  for (var step = LANES / 2u; step > 0u; step = step / 2u) {
    workgroupBarrier();
    if (lane < step) {
      let other = lane + step;
      let first = keys[other] == keys[lane] && place[other] < place[lane];
      if (keys[other] > keys[lane] || first) { keys[lane] = keys[other]; place[lane] = place[other]; }
    }
  }
  workgroupBarrier();
  return place[0];
}
