// The error function by a quotient of polynomials (Eigen's): within 6 roundings of 2^-23 with WGSL's division.
fn erf(v: vec4<f32>) -> vec4<f32> {
  // Beyond 4 it is 1 in float32.
  let x = clamp(v, vec4<f32>(-4.0), vec4<f32>(4.0));
  let z = x * x;
  var above = z * -2.72614225801306e-10 + 2.77068142495902e-8;
  above = above * z - 2.10102402082508e-6;
  above = above * z - 5.69250639462346e-5;
  above = above * z - 7.34990630326855e-4;
  above = above * z - 2.95459980854025e-3;
  above = above * z - 1.60960333262415e-2;
  var below = z * -1.45660718464996e-5 - 2.13374055278905e-4;
  below = below * z - 1.68282697438203e-3;
  below = below * z - 7.37332916720468e-3;
  below = below * z - 1.42647390514189e-2;
  return or_nan(x * above / below, v);
}
