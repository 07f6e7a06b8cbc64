// Gradients to the gates of conv_gru_joined.wgsl, whose parameters and bindings these are: the lanes of a workgroup share a cell.
var<workgroup> sums: array<vec2<f32>, 64>;

fn put_gate(cell: u32, number: u32, v: f32) {
  djoined[cell * (params.d + params.wide) + params.d + number] = v;
  dgates[cell * params.wide + number] = v;
}

// Gradients of both gates before their sigmoids, summed over the channels that share one; adds to ds. A workgroup has a cell.
@compute @workgroup_size(64)
fn gates_grad(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let cell = group.x + group.y * groups.x;
  let channels = select(0u, params.d, cell < params.cells);
  var total = vec2<f32>();
  for (var channel = lane; channel < channels; channel += 64u) {
    let i = cell * params.d + channel;
    let reset = gates[cell * params.wide + number_of(0u, channel)];
    let update = gates[cell * params.wide + number_of(1u, channel)];
    let own = vec2<f32>(
      dmixed[i] * s[i] * reset * (1.0 - reset), dy[i] * (candidate[i] - s[i]) * update * (1.0 - update),
    );
    ds[i] += dmixed[i] * reset;
    if (params.g > 1u) {
      put_gate(cell, channel, own.x);
      put_gate(cell, params.g + channel, own.y);
    }
    total += own;
  }
  sums[lane] = total;
  for (var step = 32u; step > 0u; step = step / 2u) {
    workgroupBarrier();
    if (lane < step) { sums[lane] += sums[lane + step]; }
  }
  workgroupBarrier();
  if (cell >= params.cells || lane >= params.wide) { return; }
  if (params.g == 1u && lane < 2u) { put_gate(cell, lane, select(sums[0].x, sums[0].y, lane == 1u)); }
  for (var number = lane; number < params.wide; number += 64u) {
    if (number >= 2u * params.g) { put_gate(cell, number, 0.0); }
  }
}
