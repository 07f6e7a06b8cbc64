// Counts each parameter's updates, and says what its moments are multiplied by at the update about to be made.
// `used_place` is that of the first count in `used`.
struct Params { count: u32, used_place: u32, momentum: f32, beta2: f32 }
@group(0) @binding(0) var<uniform> params: Params;
// Not 0 where the step gives the parameter a gradient: a mark, or how many gradients a sum holds, as a real number.
@group(0) @binding(1) var<storage, read> used: array<u32>;
@group(0) @binding(2) var<storage, read_write> updates: array<f32>;
@group(0) @binding(3) var<storage, read_write> correction: array<vec2<f32>>;
// For each count: 0, or 1 more than the steps since its parameter stopped being finite.
@group(0) @binding(4) var<storage, read_write> fault: array<u32>;

// Once used, a parameter is updated at every step, by a gradient of zero where it has none.
override GOES_ON: bool = true;
// Moments start at zero and are corrected for it.
override CORRECTS: bool = false;

// 1 - beta^steps. The power itself is so near 1 at first that its difference from 1 would have few digits left; the
// differences of powers follow from one another by sums of positive terms: 1 - ab = (1 - a) + a (1 - b).
fn lost(beta: f32, steps: u32) -> f32 {
  var total = 0.0;
  var square = 1.0 - beta;
  for (var rest = steps; rest > 0u; rest >>= 1u) {
    if ((rest & 1u) == 1u) { total += (1.0 - total) * square; }
    square += (1.0 - square) * square;
  }
  return total;
}

@compute @workgroup_size(64)
fn count_updates(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  if (fault[i] > 0u) { fault[i]++; }
  if (used[params.used_place + i] == 0u && !(GOES_ON && updates[i] > 0.0)) {
    correction[i] = vec2<f32>();
    return;
  }
  let t = updates[i] + 1.0;
  updates[i] = t;
  correction[i] = vec2<f32>(1.0);
  if (CORRECTS) { correction[i] = 1.0 / vec2<f32>(lost(params.momentum, u32(t)), lost(params.beta2, u32(t))); }
}
