// Softmax and log-softmax over rows of x [rows, columns], and cross-entropy with its gradient.
// LOG: write the logarithm instead.
override LOG: bool = false;
struct Params { rows: u32, columns: u32, has_weights: u32, per_row: u32, scale: f32, smoothing: f32, ignored: i32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<i32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read> lse_in: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;
@group(0) @binding(7) var<storage, read_write> lse: array<f32>;

const LOWEST = -3.402823466e38;

fn normalised(v: f32, largest: f32, total: f32) -> f32 {
  if (LOG) { return v - largest - log(total); }
  return exp(v - largest) / total;
}

@compute @workgroup_size(LANES)
fn softmax_rows(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let row = row_of(group, groups, local);
  let lane = lane_of(local);
  let base = row * params.columns;
  let columns = select(0u, params.columns, row < params.rows);
  var largest = LOWEST;
  for (var c = lane; c < columns; c += STRIDE) { largest = max(largest, x[base + c]); }
  largest = row_max(lane, largest);
  var total = 0.0;
  for (var c = lane; c < columns; c += STRIDE) { total += exp(x[base + c] - largest); }
  total = row_sum(lane, total);
  for (var c = lane; c < columns; c += STRIDE) { y[base + c] = normalised(x[base + c], largest, total); }
}

// Gradient from the output s (in x): s (dy - sum s dy), or for the logarithm dy - exp(s) sum dy.
fn input_grad(c: u32, total: f32) -> f32 { return select(x[c] * (dy[c] - total), dy[c] - exp(x[c]) * total, LOG); }

@compute @workgroup_size(LANES)
fn softmax_grad(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let row = row_of(group, groups, local);
  let lane = lane_of(local);
  let base = row * params.columns;
  let columns = select(0u, params.columns, row < params.rows);
  var total = 0.0;
  for (var c = base + lane; c < base + columns; c += STRIDE) { total += select(x[c], 1.0, LOG) * dy[c]; }
  total = row_sum(lane, total);
  for (var c = base + lane; c < base + columns; c += STRIDE) { y[c] = input_grad(c, total); }
}

// weight (log sum exp x - (1 - s) x[label] - s mean x) with smoothing s. The ignored label costs nothing; nor does
// one outside 0..columns-1, which is noted.
fn row_loss(row: u32, log_total: f32, mean: f32) -> f32 {
  let label = labels[row];
  if (label == params.ignored) { return 0.0; }
  if (label < 0 || u32(label) >= params.columns) {
    note_fault(CROSS_ENTROPY, label, params.columns);
    return 0.0;
  }
  var weight = 1.0;
  if (params.has_weights != 0u) { weight = weights[row]; }
  var aim = x[row * params.columns + u32(label)];
  // Not without smoothing: a class ruled out by -inf would make the mean's share a NaN.
  if (params.smoothing > 0.0) { aim = mix(aim, mean, params.smoothing); }
  return weight * (log_total - aim);
}

// y[row] = row_loss; lse[row] is kept for the gradient.
@compute @workgroup_size(LANES)
fn cross_entropy(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let row = row_of(group, groups, local);
  let lane = lane_of(local);
  let base = row * params.columns;
  let columns = select(0u, params.columns, row < params.rows);
  var largest = LOWEST;
  for (var c = lane; c < columns; c += STRIDE) { largest = max(largest, x[base + c]); }
  largest = row_max(lane, largest);
  var total = 0.0;
  var sum = 0.0;
  for (var c = lane; c < columns; c += STRIDE) {
    total += exp(x[base + c] - largest);
    sum += x[base + c];
  }
  total = row_sum(lane, total);
  sum = row_sum(lane, sum);
  if (lane > 0u || row >= params.rows) { return; }
  let log_total = largest + log(total);
  lse[row] = log_total;
  y[row] = row_loss(row, log_total, sum / f32(params.columns));
}

// dx = (softmax x - target) * weight * scale * dy, one element an invocation; dy is one number, or one a row. The target
// has 1 - s at the label and s / columns everywhere.
@compute @workgroup_size(64)
fn cross_entropy_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.rows * params.columns) { return; }
  let row = i / params.columns;
  let label = labels[row];
  if (label == params.ignored || label < 0 || u32(label) >= params.columns) { y[i] = 0.0; return; }
  var weight = params.scale * dy[select(0u, row, params.per_row != 0u)];
  if (params.has_weights != 0u) { weight *= weights[row]; }
  let hit = select(0.0, 1.0, u32(label) == i % params.columns);
  y[i] = (exp(x[i] - lse_in[row]) - mix(hit, 1.0 / f32(params.columns), params.smoothing)) * weight;
}
