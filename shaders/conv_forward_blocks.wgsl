// Convolution forward on software adapters: readers of lib/core_registers.wgsl and lib/core_lanes.wgsl.
var<private> row: u32;
var<private> stop: u32;
var<private> column: u32;
var<private> entry: u32;
var<private> start: u32;
var<private> tap_index: u32;
// Of each four rows: pixels, and where the tap meets them.
var<private> pixels: array<Pixels, 4>;
var<private> met: array<vec4<i32>, 4>;

fn begin(down: u32, height: u32, first_column: u32, z: u32) -> bool {
  let covered = span(z);
  row = covered.first + down * height;
  stop = covered.stop;
  column = first_column;
  entry = entry_of(z);
  start = filter_start(entry);
  pixels[0] = pixels_from(row, stop);
  pixels[1] = pixels_from(row + 4u, stop);
  pixels[2] = pixels_from(row + 8u, stop);
  pixels[3] = pixels_from(row + 12u, stop);
  return row < stop && column < params.co4;
}

fn walk(z: u32) {
  for (var ky = 0u; ky < params.kh; ky++) {
    for (var kx = 0u; kx < params.kw; kx++) {
      met[0] = tap(pixels[0], ky, kx);
      met[1] = tap(pixels[1], ky, kx);
      met[2] = tap(pixels[2], ky, kx);
      met[3] = tap(pixels[3], ky, kx);
      tap_index = ky * params.kw + kx;
      for (var c = 0u; c < params.ci4; c++) { multiply(c); }
    }
  }
}

fn a_block(i: u32, c: u32) -> mat4x4<f32> { return input_block(met[i], c); }
fn b_block(j: u32, c: u32) -> mat4x4<f32> { return filter_block(start, tap_index, c, column + j); }

fn b_vector(j: u32, vector: u32, c: u32) -> vec4<f32> {
  let co4 = params.co4;
  return filters[start + ((tap_index * params.ci4 + c) * 4u + vector) * co4 + min(column + j, co4 - 1u)];
}

fn b_times(vectors: mat4x4<f32>, a: mat4x4<f32>) -> mat4x4<f32> { return vectors * a; }

fn store(i: u32, j: u32, block: mat4x4<f32>) { put_block(0u, row + i, stop, entry, column + j, block); }
