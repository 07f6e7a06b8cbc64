// Gradient of a convolution to its filter on software adapters: readers of lib/core_registers.wgsl and lib/core_lanes.wgsl. Rows
// count (tap, input channels), and no block crosses a tap; z counts chunks.
var<private> chunk: u32;
var<private> tap_index: u32;
var<private> channel: u32;
var<private> column: u32;
// The output row, and where four of its pixels lie in dy and under the tap in x.
var<private> line: u32;
var<private> at_x: vec4<i32>;
var<private> at_y: vec4<i32>;

fn begin(down: u32, height: u32, first_column: u32, z: u32) -> bool {
  let taps = params.kh * params.kw;
  let per_tap = (params.ci4 * 4u + height - 1u) / height;
  chunk = z;
  tap_index = min(down / per_tap, taps - 1u);
  channel = (down % per_tap) * (height / 4u);
  column = first_column;
  return down < taps * per_tap && column < params.co4;
}

fn walk(z: u32) {
  let ky = tap_index / params.kw;
  let kx = tap_index % params.kw;
  // What steers the loops must be seen to be the same for all lanes: z is, a private variable is not.
  let lines = lines_of(z);
  for (var each = lines.first; each < lines.stop; each++) {
    line = each;
    for (var ox = 0u; ox < params.wo; ox += 4u) {
      at_x = input_at(line, ox, ky, kx);
      at_y = output_at(line, ox);
      multiply(ox);
    }
  }
}

fn a_block(i: u32, ox: u32) -> mat4x4<f32> { return input_block(at_x, channel + i); }
fn b_block(j: u32, ox: u32) -> mat4x4<f32> { return output_block(at_y, column + j); }

fn b_vector(j: u32, vector: u32, ox: u32) -> vec4<f32> {
  let across = ox + vector;
  let at = (line * params.wo + min(across, params.wo - 1u)) * params.co4 + min(column + j, params.co4 - 1u);
  return select(vec4<f32>(0.0), dy[at], across < params.wo);
}

fn b_times(vectors: mat4x4<f32>, a: mat4x4<f32>) -> mat4x4<f32> { return vectors * a; }

fn store(i: u32, j: u32, block: mat4x4<f32>) {
  if (channel + i / 4u >= params.ci4) { return; }
  put_block(part_of_chunk(chunk), (tap_index * params.ci4 + channel) * 4u + i, column + j, block);
}
