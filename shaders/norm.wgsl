// Batch normalisation over rows of x [rows, channels] (Ioffe and Szegedy, 2015). Statistics come from column sums computed
// by reduce.wgsl; these kernels do the elementwise parts.
struct Params { count: u32, channels: u32, rows: f32, epsilon: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gamma: array<f32>;
@group(0) @binding(3) var<storage, read> beta: array<f32>;
@group(0) @binding(4) var<storage, read> mean: array<f32>;
@group(0) @binding(5) var<storage, read> variance: array<f32>;
@group(0) @binding(6) var<storage, read> dy: array<f32>;
@group(0) @binding(7) var<storage, read> dgamma: array<f32>;
@group(0) @binding(8) var<storage, read> dbeta: array<f32>;
@group(0) @binding(9) var<storage, read_write> y: array<f32>;

fn normalised(i: u32, c: u32) -> f32 { return (x[i] - mean[c]) * inverseSqrt(variance[c] + params.epsilon); }

// y = gamma (x - mean) / sqrt(variance + epsilon) + beta
@compute @workgroup_size(64)
fn normalise(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let c = i % params.channels;
  y[i] = gamma[c] * normalised(i, c) + beta[c];
}

// y = (x - mean)^2, whose column means are the variance.
@compute @workgroup_size(64)
fn squared_deviation(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let d = x[i] - mean[i % params.channels];
  y[i] = d * d;
}

// y = dy * (x - mean) / sqrt(variance + epsilon), whose column sums are the gradient to gamma.
@compute @workgroup_size(64)
fn gamma_terms(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  y[i] = dy[i] * normalised(i, i % params.channels);
}

// Gradient to x with the batch's own statistics: gamma / sigma (dy - dbeta / rows - xhat dgamma / rows).
@compute @workgroup_size(64)
fn input_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let c = i % params.channels;
  let centred = dy[i] - (dbeta[c] + normalised(i, c) * dgamma[c]) / params.rows;
  y[i] = gamma[c] * inverseSqrt(variance[c] + params.epsilon) * centred;
}

// Gradient to x with fixed statistics: dy gamma / sigma.
@compute @workgroup_size(64)
fn input_grad_frozen(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let c = i % params.channels;
  y[i] = dy[i] * gamma[c] * inverseSqrt(variance[c] + params.epsilon);
}
