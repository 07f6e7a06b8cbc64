// y = scale * (f0 x0 + f1 x1 + ...), elementwise, of up to eight tensors of one shape, added in this order.
struct Params { count: u32, terms: u32, scale: f32, factor_a: vec4<f32>, factor_b: vec4<f32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x0: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x1: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> x2: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> x3: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> x4: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> x5: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> x6: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read> x7: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(64)
fn weighted_sum(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let a = params.factor_a;
  let b = params.factor_b;
  var total = a.x * x0[i];
  if (params.terms > 1u) { total += a.y * x1[i]; }
  if (params.terms > 2u) { total += a.z * x2[i]; }
  if (params.terms > 3u) { total += a.w * x3[i]; }
  if (params.terms > 4u) { total += b.x * x4[i]; }
  if (params.terms > 5u) { total += b.y * x5[i]; }
  if (params.terms > 6u) { total += b.z * x6[i]; }
  if (params.terms > 7u) { total += b.w * x7[i]; }
  y[i] = total * params.scale;
}
