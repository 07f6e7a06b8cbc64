// Places of sums of B's columns, for lib/matrix.wgsl.
@group(0) @binding(12) var<storage, read_write> sums: array<vec4<f32>>;

fn put_column_sums(base: u32, column: u32, v: vec4<f32>) {
  if (column >= params.n4) { return; }
  if (SUMS_BEHIND) { c[base + params.m * params.n4 + column] = v; } else if (ADD_SUMS) { sums[column] += v; } else { sums[column] = v; }
}
