// The pointwise half of a GRU's step, PyTorch's gates r, z, n. The matrix products are done before; one invocation handles one
// hidden unit of one row. `count` units in all rows, n of them a row.
struct Params { count: u32, n: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gx: array<f32>;      // x Wx + bx, gates side by side
@group(0) @binding(2) var<storage, read> gh: array<f32>;      // h Wh + bh, likewise
@group(0) @binding(3) var<storage, read> before: array<f32>;  // h before the step
@group(0) @binding(4) var<storage, read_write> hidden: array<f32>;
@group(0) @binding(5) var<storage, read_write> saved: array<f32>; // four numbers a unit, for the gradient
@group(0) @binding(6) var<storage, read> saved_in: array<f32>;
@group(0) @binding(7) var<storage, read> dh: array<f32>;
@group(0) @binding(8) var<storage, read_write> dgx: array<f32>;
@group(0) @binding(9) var<storage, read_write> dgh: array<f32>;
@group(0) @binding(10) var<storage, read_write> dbefore: array<f32>;

// r = s(x_r + h_r), z = s(x_z + h_z), n = tanh(x_n + r h_n), h' = (1 - z) n + z h. Kept: r, z, n, h_n.
@compute @workgroup_size(64)
fn gru(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let n = params.n;
  let g = (i / n) * 3u * n + i % n;
  let reset = sigmoid(gx[g] + gh[g]);
  let update = sigmoid(gx[g + n] + gh[g + n]);
  let candidate = bounded_tanh(gx[g + 2u * n] + reset * gh[g + 2u * n]);
  hidden[i] = (1.0 - update) * candidate + update * before[i];
  saved[4u * i] = reset;
  saved[4u * i + 1u] = update;
  saved[4u * i + 2u] = candidate;
  saved[4u * i + 3u] = gh[g + 2u * n];
}

@compute @workgroup_size(64)
fn gru_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let n = params.n;
  let g = (i / n) * 3u * n + i % n;
  let reset = saved_in[4u * i];
  let update = saved_in[4u * i + 1u];
  let candidate = saved_in[4u * i + 2u];
  let d_candidate = dh[i] * (1.0 - update) * (1.0 - candidate * candidate);
  let d_reset = d_candidate * saved_in[4u * i + 3u] * reset * (1.0 - reset);
  let d_update = dh[i] * (before[i] - candidate) * update * (1.0 - update);
  dgx[g] = d_reset;
  dgx[g + n] = d_update;
  dgx[g + 2u * n] = d_candidate;
  dgh[g] = d_reset;
  dgh[g + n] = d_update;
  dgh[g + 2u * n] = d_candidate * reset;
  dbefore[i] = dh[i] * update;
}
