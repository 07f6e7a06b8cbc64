// Gradient of a product along the middle axis of x [outer, reduced, inner]: dy times the product of the others. A column is a row
// here.
struct Params { count: u32, reduced: u32, inner: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

// From the product of those that are not 0, and the number of zeros.
fn others(v: f32, product: f32, zeros: f32) -> f32 {
  if (zeros == 0.0) { return product / v; }
  return select(0.0, product, zeros == 1.0 && v == 0.0);
}

@compute @workgroup_size(LANES)
fn prod_grad(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let i = row_of(group, groups, local);
  let lane = lane_of(local);
  let first = i / params.inner * params.reduced * params.inner + i % params.inner;
  let length = select(0u, params.reduced, i < params.count);
  var product = 1.0;
  var zeros = 0.0;
  for (var r = lane; r < length; r += STRIDE) {
    let v = x[first + r * params.inner];
    if (v == 0.0) { zeros += 1.0; } else { product *= v; }
  }
  product = row_product(lane, product);
  zeros = row_sum(lane, zeros);
  for (var r = lane; r < length; r += STRIDE) {
    let at = first + r * params.inner;
    y[at] = dy[i] * others(x[at], product, zeros);
  }
}
