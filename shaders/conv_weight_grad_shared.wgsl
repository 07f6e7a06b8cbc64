// Gradient of a convolution to its filter with output gradients that the lanes share; see conv_weight_grad.wgsl for the
// product and lib/shared.wgsl for lanes.

// What a lane loads of output pixels (line, ox..ox+3), for output channels from 4 column.
fn output_share(line: u32, ox: u32, column: u32, share: Share) -> vec4<f32> {
  let across = ox + share.vector;
  let at = (line * params.wo + min(across, params.wo - 1u)) * params.co4 + min(column + share.block, params.co4 - 1u);
  return select(vec4<f32>(0.0), dy[at], across < params.wo);
}

// Rows count (tap, eight input channels), z chunks.
@compute @workgroup_size(8)
fn conv_weight_grad_shared(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let share = share_of(lane);
  let column = group.x * QUADS;
  let row = group.y * 8u + lane;
  let per_tap = (params.ci4 + 1u) / 2u;
  let taps = params.kh * params.kw;
  let tap_index = min(row / per_tap, taps - 1u);
  let channel = (row % per_tap) * 2u;
  let ky = tap_index / params.kw;
  let kx = tap_index % params.kw;
  let lines = lines_of(group.z);
  var w00 = mat4x4<f32>(); var w01 = mat4x4<f32>(); var w02 = mat4x4<f32>();
  var w03 = mat4x4<f32>(); var w04 = mat4x4<f32>(); var w05 = mat4x4<f32>();
  var w10 = mat4x4<f32>(); var w11 = mat4x4<f32>(); var w12 = mat4x4<f32>();
  var w13 = mat4x4<f32>(); var w14 = mat4x4<f32>(); var w15 = mat4x4<f32>();
  for (var line = lines.first; line < lines.stop; line++) {
    for (var ox = 0u; ox < params.wo; ox += 4u) {
      let at = input_at(line, ox, ky, kx);
      let x0 = input_block(at, channel);
      let x1 = input_block(at, channel + 1u);
      let s01 = output_share(line, ox, column, share);
      let g0 = first_block(s01); w00 += g0 * x0; w10 += g0 * x1;
      let g1 = second_block(s01); w01 += g1 * x0; w11 += g1 * x1;
      let s23 = output_share(line, ox, column + 2u, share);
      let g2 = first_block(s23); w02 += g2 * x0; w12 += g2 * x1;
      if (QUADS > 3u) { let g3 = second_block(s23); w03 += g3 * x0; w13 += g3 * x1; }
      if (QUADS > 4u) {
        let s45 = output_share(line, ox, column + 4u, share);
        let g4 = first_block(s45); w04 += g4 * x0; w14 += g4 * x1;
        let g5 = second_block(s45); w05 += g5 * x0; w15 += g5 * x1;
      }
    }
  }
  if (row >= taps * per_tap) { return; }
  let z = group.z;
  store(z, tap_index, channel, column, w00); store(z, tap_index, channel + 1u, column, w10);
  store(z, tap_index, channel, column + 1u, w01); store(z, tap_index, channel + 1u, column + 1u, w11);
  store(z, tap_index, channel, column + 2u, w02); store(z, tap_index, channel + 1u, column + 2u, w12);
  if (QUADS > 3u) { store(z, tap_index, channel, column + 3u, w03); store(z, tap_index, channel + 1u, column + 3u, w13); }
  if (QUADS > 4u) {
    store(z, tap_index, channel, column + 4u, w04); store(z, tap_index, channel + 1u, column + 4u, w14);
    store(z, tap_index, channel, column + 5u, w05); store(z, tap_index, channel + 1u, column + 5u, w15);
  }
}
