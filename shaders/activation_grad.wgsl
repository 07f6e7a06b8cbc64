// dz = dy * act'(z) * scale, the slope taken from the output y = act(z) of lib/activation.wgsl.
override HAS_SCALE: bool = false;
struct Params { count: u32, channels4: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> scale: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dz: array<vec4<f32>>;

@compute @workgroup_size(64)
fn activation_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  var g = dy[i];
  if (ACTIVATION != NONE) { g *= slope_of(ACTIVATION, y[i]); }
  if (HAS_SCALE) { g *= scale[i % params.channels4]; }
  dz[i] = g;
}
