// Gradient of a convolution to its input with filters that the lanes share; see conv_data_grad.wgsl for the product and
// lib/shared.wgsl for lanes.

// What a lane loads of output channels 4c..4c+3 of the tap, for input channels from 4 column: rows of a filter's block, whose
// transposes the product wants.
fn filter_share(start: u32, tap_index: u32, c: u32, column: u32, share: Share) -> vec4<f32> {
  let channel = min(column + share.block, params.ci4 - 1u) * 4u + share.vector;
  return filters[start + (tap_index * params.ci4 * 4u + channel) * params.co4 + c];
}

@compute @workgroup_size(8)
fn conv_data_grad_shared(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let share = share_of(lane);
  let column = group.x * QUADS;
  let pixels = span(group.z);
  let phase = pixels.phase;
  let row = pixels.first + (group.y * 8u + lane) * 8u;
  let start = filter_start(entry_of(pixels.image));
  let p0 = pixels_from(phase, row, pixels.stop);
  let p1 = pixels_from(phase, row + 4u, pixels.stop);
  var d00 = mat4x4<f32>(); var d01 = mat4x4<f32>(); var d02 = mat4x4<f32>();
  var d03 = mat4x4<f32>(); var d04 = mat4x4<f32>(); var d05 = mat4x4<f32>();
  var d10 = mat4x4<f32>(); var d11 = mat4x4<f32>(); var d12 = mat4x4<f32>();
  var d13 = mat4x4<f32>(); var d14 = mat4x4<f32>(); var d15 = mat4x4<f32>();
  for (var ky = 0u; ky < params.kh; ky++) {
    let sy = shift(phase.y, ky, params.dilation_y, params.top, params.stride_y);
    if (!sy.reached) { continue; }
    for (var kx = 0u; kx < params.kw; kx++) {
      let sx = shift(phase.x, kx, params.dilation_x, params.left, params.stride_x);
      if (!sx.reached) { continue; }
      let t0 = linked(p0, sy.by, sx.by);
      let t1 = linked(p1, sy.by, sx.by);
      let tap_index = ky * params.kw + kx;
      for (var c = 0u; c < params.co4; c++) {
        let g0 = output_block(t0, c);
        let g1 = output_block(t1, c);
        let w01 = filter_share(start, tap_index, c, column, share);
        let f0 = transpose(first_block(w01)); d00 += f0 * g0; d10 += f0 * g1;
        let f1 = transpose(second_block(w01)); d01 += f1 * g0; d11 += f1 * g1;
        let w23 = filter_share(start, tap_index, c, column + 2u, share);
        let f2 = transpose(first_block(w23)); d02 += f2 * g0; d12 += f2 * g1;
        if (QUADS > 3u) { let f3 = transpose(second_block(w23)); d03 += f3 * g0; d13 += f3 * g1; }
        if (QUADS > 4u) {
          let w45 = filter_share(start, tap_index, c, column + 4u, share);
          let f4 = transpose(first_block(w45)); d04 += f4 * g0; d14 += f4 * g1;
          let f5 = transpose(second_block(w45)); d05 += f5 * g0; d15 += f5 * g1;
        }
      }
    }
  }
  store(phase, p0, column, d00); store(phase, p1, column, d10);
  store(phase, p0, column + 1u, d01); store(phase, p1, column + 1u, d11);
  store(phase, p0, column + 2u, d02); store(phase, p1, column + 2u, d12);
  if (QUADS > 3u) { store(phase, p0, column + 3u, d03); store(phase, p1, column + 3u, d13); }
  if (QUADS > 4u) {
    store(phase, p0, column + 4u, d04); store(phase, p1, column + 4u, d14);
    store(phase, p0, column + 5u, d05); store(phase, p1, column + 5u, d15);
  }
}
