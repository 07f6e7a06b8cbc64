// The first largest or smallest element along the middle axis of x [outer, reduced, inner], of single numbers, or the first NaN:
// its position, and the gradient of an extreme, which goes to it. A column is a row here.
// The smallest is looked for.
override LEAST: bool = false;
struct Params { count: u32, reduced: u32, inner: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> index: array<i32>;

fn first_of(i: u32) -> u32 { return i / params.inner * params.reduced * params.inner + i % params.inner; }
fn length_of(i: u32) -> u32 { return select(0u, params.reduced, i < params.count); }

// NaN is an extreme of either kind.
fn key_of(word: u32) -> u32 {
  if (TYPE == FLOAT) { return rising_word(word ^ select(0u, 0x80000000u, LEAST)); }
  return rising_word(word) ^ select(0u, 0xffffffffu, LEAST);
}

fn first_extreme(i: u32, lane: u32) -> u32 {
  let first = first_of(i);
  let length = length_of(i);
  var best = 0u;
  var largest = 0u;
  for (var r = lane; r < length; r += STRIDE) {
    let key = key_of(x[first + r * params.inner]);
    if (key > largest) { largest = key; best = r; }
  }
  return row_first(lane, best, largest);
}

@compute @workgroup_size(LANES)
fn argmax(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let i = row_of(group, groups, local);
  let lane = lane_of(local);
  let best = first_extreme(i, lane);
  if (lane == 0u && i < params.count) { index[i] = i32(best); }
}

// dy at that element of each column, zero elsewhere.
@compute @workgroup_size(LANES)
fn extreme_grad(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let i = row_of(group, groups, local);
  let lane = lane_of(local);
  let best = first_extreme(i, lane);
  let length = length_of(i);
  let first = first_of(i);
  for (var r = lane; r < length; r += STRIDE) { y[first + r * params.inner] = select(0.0, dy[i], r == best); }
}
