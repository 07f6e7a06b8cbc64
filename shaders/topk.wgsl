// The k largest or smallest elements along the middle axis of x [outer, reduced, inner], in order, with their places: k walks, of
// which each finds what comes next. A column is a row here. Elements are words, of numbers of TYPE.
override LEAST: bool = false;
struct Params { count: u32, reduced: u32, inner: u32, k: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<u32>;
@group(0) @binding(3) var<storage, read> index: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;
@group(0) @binding(5) var<storage, read_write> places: array<u32>;

const NOWHERE = 0xffffffffu;

fn column_of(i: u32, extent: u32) -> u32 { return i / params.inner * extent * params.inner + i % params.inner; }

fn key_of(word: u32) -> u32 { return rising_word(word) ^ select(0u, 0xffffffffu, LEAST); }

@compute @workgroup_size(LANES)
fn topk(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let i = row_of(group, groups, local);
  let lane = lane_of(local);
  let length = select(0u, params.reduced, i < params.count);
  let first = column_of(i, params.reduced);
  var last = NOWHERE;
  var last_key = NOWHERE;
  for (var rank = 0u; rank < params.k; rank++) {
    var best = NOWHERE;
    var largest = 0u;
    for (var r = lane; r < length; r += STRIDE) {
      let key = key_of(x[first + r * params.inner]);
      let left = rank == 0u || key < last_key || (key == last_key && r > last);
      if (left && (best == NOWHERE || key > largest)) {
        best = r;
        largest = key;
      }
    }
    last = row_first(lane, best, largest);
    if (last < length) { last_key = key_of(x[first + last * params.inner]); }
    if (lane == 0u && i < params.count) {
      let to = column_of(i, params.k) + rank * params.inner;
      y[to] = x[first + last * params.inner];
      places[to] = last;
    }
  }
}

// y = dy at the places taken, y zero before.
@compute @workgroup_size(64)
fn topk_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count * params.k) { return; }
  let outer = i / (params.k * params.inner);
  y[(outer * params.reduced + index[i]) * params.inner + i % params.inner] = dy[i];
}
