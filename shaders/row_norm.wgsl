// Normalisation of rows by their own mean and variance, in two passes over a row: layer normalisation (Ba et al., 2016), whose
// rows are the last axes of x, and group normalisation (Wu and He, 2018) with channels last, where a row is a sample's cells
// with `run` neighbouring channels of each, one of `groups`.
//
//   y = gamma xhat + beta, xhat = (x - mean) scale, scale = 1 / sqrt(variance + epsilon)
override GROUPED: bool = false;
override HAS_GAMMA: bool = false;
override HAS_BETA: bool = false;
struct Params { rows: u32, length: u32, groups: u32, run: u32, epsilon: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gamma: array<f32>;
@group(0) @binding(3) var<storage, read> beta: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read> means: array<f32>;
@group(0) @binding(6) var<storage, read> scales: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;
@group(0) @binding(8) var<storage, read_write> row_mean: array<f32>;
@group(0) @binding(9) var<storage, read_write> row_scale: array<f32>;

// Place in x of element e of a row.
fn at(row: u32, e: u32) -> u32 {
  if (!GROUPED) { return row * params.length + e; }
  let cell = row / params.groups * (params.length / params.run) + e / params.run;
  return (cell * params.groups + row % params.groups) * params.run + e % params.run;
}

// The row of the element at a place in x.
fn row_at(i: u32) -> u32 {
  if (!GROUPED) { return i / params.length; }
  return i / (params.length * params.groups) * params.groups + i / params.run % params.groups;
}

// Place in gamma and beta of element e of a row.
fn channel(row: u32, e: u32) -> u32 {
  if (!GROUPED) { return e; }
  return row % params.groups * params.run + e % params.run;
}

fn factor(row: u32, e: u32) -> f32 {
  if (HAS_GAMMA) { return gamma[channel(row, e)]; }
  return 1.0;
}

fn shift(row: u32, e: u32) -> f32 {
  if (HAS_BETA) { return beta[channel(row, e)]; }
  return 0.0;
}

@compute @workgroup_size(LANES)
fn normalise_rows(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let row = row_of(group, groups, local);
  let lane = lane_of(local);
  let length = select(0u, params.length, row < params.rows);
  var total = 0.0;
  for (var e = lane; e < length; e += STRIDE) { total += x[at(row, e)]; }
  let mean = row_sum(lane, total) / f32(params.length);
  var squares = 0.0;
  for (var e = lane; e < length; e += STRIDE) {
    let d = x[at(row, e)] - mean;
    squares += d * d;
  }
  let scale = inverseSqrt(row_sum(lane, squares) / f32(params.length) + params.epsilon);
  for (var e = lane; e < length; e += STRIDE) {
    let i = at(row, e);
    y[i] = factor(row, e) * ((x[i] - mean) * scale) + shift(row, e);
  }
  if (lane > 0u || row >= params.rows) { return; }
  row_mean[row] = mean;
  row_scale[row] = scale;
}

fn normalised(i: u32, row: u32) -> f32 { return (x[i] - means[row]) * scales[row]; }

// Gradient to x: scale (g - mean g - xhat mean (g xhat)), g = gamma dy.
@compute @workgroup_size(LANES)
fn rows_grad(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let row = row_of(group, groups, local);
  let lane = lane_of(local);
  let length = select(0u, params.length, row < params.rows);
  var total = 0.0;
  var product = 0.0;
  for (var e = lane; e < length; e += STRIDE) {
    let i = at(row, e);
    let g = factor(row, e) * dy[i];
    total += g;
    product += g * normalised(i, row);
  }
  total = row_sum(lane, total);
  product = row_sum(lane, product);
  for (var e = lane; e < length; e += STRIDE) {
    let i = at(row, e);
    y[i] = scales[row] * (factor(row, e) * dy[i] - (total + normalised(i, row) * product) / f32(params.length));
  }
}

// y = dy xhat, an element an invocation: summed over the rows, the gradient to gamma.
@compute @workgroup_size(64)
fn gamma_terms(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i < params.rows * params.length) { y[i] = dy[i] * normalised(i, row_at(i)); }
}
