// One float to the power of another.
const POW = 0u;

fn result(p: vec4<u32>, q: vec4<u32>) -> vec4<u32> {
  return bitcast<vec4<u32>>(power(bitcast<vec4<f32>>(p), bitcast<vec4<f32>>(q)));
}
