// Batch normalisation over rows of x [rows, channels] on GPUs, channels in fours: what norm.wgsl computes, with four loads of an
// invocation on their way at once, and statistics in one pass over x. `channels` counts fours.
struct Params { rows: u32, channels: u32, chunks: u32, length: u32, epsilon: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> beta: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> dgamma: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read> dbeta: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read_write> y: array<vec4<f32>>;

// An invocation has a four of channels in four rows, so that it loads what belongs to the channels once.
struct Place { channel: u32, at: u32, left: u32 }

fn place_of(id: vec3<u32>, groups: vec3<u32>) -> Place {
  let i = linear_index(id, groups, 64u);
  let row = i / params.channels * 4u;
  let channel = i % params.channels;
  return Place(channel, row * params.channels + channel, params.rows - min(row, params.rows));
}

fn x_rows(p: Place) -> mat4x4<f32> {
  var v = mat4x4<f32>();
  if (p.left > 0u) { v[0] = x[p.at]; }
  if (p.left > 1u) { v[1] = x[p.at + params.channels]; }
  if (p.left > 2u) { v[2] = x[p.at + 2u * params.channels]; }
  if (p.left > 3u) { v[3] = x[p.at + 3u * params.channels]; }
  return v;
}

fn dy_rows(p: Place) -> mat4x4<f32> {
  var v = mat4x4<f32>();
  if (p.left > 0u) { v[0] = dy[p.at]; }
  if (p.left > 1u) { v[1] = dy[p.at + params.channels]; }
  if (p.left > 2u) { v[2] = dy[p.at + 2u * params.channels]; }
  if (p.left > 3u) { v[3] = dy[p.at + 3u * params.channels]; }
  return v;
}

fn put_rows(p: Place, v: mat4x4<f32>) {
  if (p.left > 0u) { y[p.at] = v[0]; }
  if (p.left > 1u) { y[p.at + params.channels] = v[1]; }
  if (p.left > 2u) { y[p.at + 2u * params.channels] = v[2]; }
  if (p.left > 3u) { y[p.at + 3u * params.channels] = v[3]; }
}

fn inverse_deviation(channel: u32) -> vec4<f32> { return inverseSqrt(variance[channel] + params.epsilon); }

// y = gamma (x - mean) / sqrt(variance + epsilon) + beta
@compute @workgroup_size(64)
fn normalise_fours(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let p = place_of(id, groups);
  if (p.left == 0u) { return; }
  let v = x_rows(p);
  let m = mean[p.channel];
  let g = gamma[p.channel];
  let b = beta[p.channel];
  let s = inverse_deviation(p.channel);
  put_rows(p, mat4x4<f32>(
    g * ((v[0] - m) * s) + b, g * ((v[1] - m) * s) + b, g * ((v[2] - m) * s) + b, g * ((v[3] - m) * s) + b,
  ));
}

// Gradient to x with fixed statistics: dy gamma / sigma.
@compute @workgroup_size(64)
fn frozen_grad_fours(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let p = place_of(id, groups);
  if (p.left == 0u) { return; }
  let v = dy_rows(p);
  let g = gamma[p.channel];
  let s = inverse_deviation(p.channel);
  put_rows(p, mat4x4<f32>(v[0] * g * s, v[1] * g * s, v[2] * g * s, v[3] * g * s));
}

// Gradient to x with the batch's own statistics: gamma / sigma (dy - dbeta / rows - xhat dgamma / rows).
@compute @workgroup_size(64)
fn input_grad_fours(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let p = place_of(id, groups);
  if (p.left == 0u) { return; }
  let v = x_rows(p);
  let d = dy_rows(p);
  let m = mean[p.channel];
  let s = inverse_deviation(p.channel);
  let g = gamma[p.channel] * s;
  let db = dbeta[p.channel];
  let dg = dgamma[p.channel];
  let n = f32(params.rows);
  put_rows(p, mat4x4<f32>(
    g * (d[0] - (db + (v[0] - m) * s * dg) / n), g * (d[1] - (db + (v[1] - m) * s * dg) / n),
    g * (d[2] - (db + (v[2] - m) * s * dg) / n), g * (d[3] - (db + (v[3] - m) * s * dg) / n),
  ));
}
