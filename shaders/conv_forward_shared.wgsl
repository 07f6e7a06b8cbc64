// Convolution forward with filters that the lanes share; see conv_forward.wgsl for the product and lib/shared.wgsl for lanes.

// What a lane loads of input channels 4c..4c+3 of the tap, for output channels from 4 column.
fn filter_share(start: u32, tap_index: u32, c: u32, column: u32, share: Share) -> vec4<f32> {
  let co4 = params.co4;
  return filters[start + ((tap_index * params.ci4 + c) * 4u + share.vector) * co4 + min(column + share.block, co4 - 1u)];
}

@compute @workgroup_size(8)
fn conv_forward_shared(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let share = share_of(lane);
  let column = group.x * QUADS;
  let pixels = span(group.z);
  let row = pixels.first + (group.y * 8u + lane) * 8u;
  let entry = entry_of(group.z);
  let start = filter_start(entry);
  let p0 = pixels_from(row, pixels.stop);
  let p1 = pixels_from(row + 4u, pixels.stop);
  var y00 = mat4x4<f32>(); var y01 = mat4x4<f32>(); var y02 = mat4x4<f32>();
  var y03 = mat4x4<f32>(); var y04 = mat4x4<f32>(); var y05 = mat4x4<f32>();
  var y10 = mat4x4<f32>(); var y11 = mat4x4<f32>(); var y12 = mat4x4<f32>();
  var y13 = mat4x4<f32>(); var y14 = mat4x4<f32>(); var y15 = mat4x4<f32>();
  for (var ky = 0u; ky < params.kh; ky++) {
    for (var kx = 0u; kx < params.kw; kx++) {
      let t0 = tap(p0, ky, kx);
      let t1 = tap(p1, ky, kx);
      let tap_index = ky * params.kw + kx;
      for (var c = 0u; c < params.ci4; c++) {
        let x0 = input_block(t0, c);
        let x1 = input_block(t1, c);
        let w01 = filter_share(start, tap_index, c, column, share);
        let f0 = first_block(w01); y00 += f0 * x0; y10 += f0 * x1;
        let f1 = second_block(w01); y01 += f1 * x0; y11 += f1 * x1;
        let w23 = filter_share(start, tap_index, c, column + 2u, share);
        let f2 = first_block(w23); y02 += f2 * x0; y12 += f2 * x1;
        if (QUADS > 3u) { let f3 = second_block(w23); y03 += f3 * x0; y13 += f3 * x1; }
        if (QUADS > 4u) {
          let w45 = filter_share(start, tap_index, c, column + 4u, share);
          let f4 = first_block(w45); y04 += f4 * x0; y14 += f4 * x1;
          let f5 = second_block(w45); y05 += f5 * x0; y15 += f5 * x1;
        }
      }
    }
  }
  let stop = pixels.stop;
  store(row, stop, entry, column, y00); store(row + 4u, stop, entry, column, y10);
  store(row, stop, entry, column + 1u, y01); store(row + 4u, stop, entry, column + 1u, y11);
  store(row, stop, entry, column + 2u, y02); store(row + 4u, stop, entry, column + 2u, y12);
  if (QUADS > 3u) { store(row, stop, entry, column + 3u, y03); store(row + 4u, stop, entry, column + 3u, y13); }
  if (QUADS > 4u) {
    store(row, stop, entry, column + 4u, y04); store(row + 4u, stop, entry, column + 4u, y14);
    store(row, stop, entry, column + 5u, y05); store(row + 4u, stop, entry, column + 5u, y15);
  }
}
