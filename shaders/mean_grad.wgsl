// Gradient of a mean over the middle axis of x [outer, reduced, inner]: dx = scale * dy, for each of the reduced, multiplied by the slope
// of the activation that gave x, which is `activated`. `inner` counts fours.
override SLOPE: u32 = NONE;
struct Params { count: u32, reduced: u32, inner: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> activated: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<f32>>;

@compute @workgroup_size(64)
fn mean_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  var g = dy[i / (params.reduced * params.inner) * params.inner + i % params.inner] * params.scale;
  if (SLOPE != NONE) { g *= slope_of(SLOPE, activated[i]); }
  dx[i] = g;
}
