// Gradient of a convolution to its input on software adapters: readers of lib/core_registers.wgsl and lib/core_lanes.wgsl.
var<private> phase: Phase;
var<private> column: u32;
var<private> start: u32;
var<private> tap_index: u32;
// Of each four rows: pixels, and the output pixels that the tap links to them.
var<private> pixels: array<Pixels, 4>;
var<private> met: array<vec4<i32>, 4>;

fn begin(down: u32, height: u32, first_column: u32, z: u32) -> bool {
  let covered = span(z);
  let row = covered.first + down * height;
  phase = covered.phase;
  column = first_column;
  start = filter_start(entry_of(covered.image));
  pixels[0] = pixels_from(phase, row, covered.stop);
  pixels[1] = pixels_from(phase, row + 4u, covered.stop);
  pixels[2] = pixels_from(phase, row + 8u, covered.stop);
  pixels[3] = pixels_from(phase, row + 12u, covered.stop);
  return row < covered.stop && column < params.ci4;
}

fn walk(z: u32) {
  // Again from z: what steers the loops must be seen to be the same for all lanes.
  let phase_of_all = span(z).phase;
  for (var ky = 0u; ky < params.kh; ky++) {
    let sy = shift(phase_of_all.y, ky, params.dilation_y, params.top, params.stride_y);
    if (!sy.reached) { continue; }
    for (var kx = 0u; kx < params.kw; kx++) {
      let sx = shift(phase_of_all.x, kx, params.dilation_x, params.left, params.stride_x);
      if (!sx.reached) { continue; }
      met[0] = linked(pixels[0], sy.by, sx.by);
      met[1] = linked(pixels[1], sy.by, sx.by);
      met[2] = linked(pixels[2], sy.by, sx.by);
      met[3] = linked(pixels[3], sy.by, sx.by);
      tap_index = ky * params.kw + kx;
      for (var c = 0u; c < params.co4; c++) { multiply(c); }
    }
  }
}

fn a_block(i: u32, c: u32) -> mat4x4<f32> { return output_block(met[i], c); }
fn b_block(j: u32, c: u32) -> mat4x4<f32> { return filter_block(start, tap_index, c, column + j); }

// Rows of a filter's block, whose transpose the product wants.
fn b_vector(j: u32, vector: u32, c: u32) -> vec4<f32> {
  let channel = min(column + j, params.ci4 - 1u) * 4u + vector;
  return filters[start + (tap_index * params.ci4 * 4u + channel) * params.co4 + c];
}

// Transposed in the product's own function: llvmpipe orders the additions by that.
fn b_times(vectors: mat4x4<f32>, a: mat4x4<f32>) -> mat4x4<f32> { return transpose(vectors) * a; }

fn store(i: u32, j: u32, block: mat4x4<f32>) { put_block(0u, phase, pixels[i / 4u], column + j, block); }
