// Places of sums of B's columns, for lib/matrix_single.wgsl.
@group(0) @binding(12) var<storage, read_write> sums: array<f32>;

fn put_column_sums(base: u32, column: u32, v: vec4<f32>) {
  for (var i = 0u; i < min(4u, params.n - min(4u * column, params.n)); i++) {
    let at = 4u * column + i;
    if (SUMS_BEHIND) { c[base + params.m * params.n + at] = v[i]; } else if (ADD_SUMS) { sums[at] += v[i]; } else { sums[at] = v[i]; }
  }
}
