// Sums of gradients: those of seven parameters, or of one, are added to their places in one long row of numbers, and a count of
// gradients for each parameter behind them. The vector fields of Params hold one value a parameter: `a` the first four, `b` the
// others; `place` is that of a parameter's first four numbers in the sum.
struct Params {
  first_a: vec4<u32>, first_b: vec4<u32>,
  size_a: vec4<u32>, size_b: vec4<u32>,
  place_a: vec4<u32>, place_b: vec4<u32>,
  // Factor of all gradients.
  weight: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient0: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> gradient1: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> gradient2: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> gradient3: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> gradient4: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> gradient5: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> gradient6: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> total: array<vec4<f32>>;
// 1 for each count whose parameter has a gradient, else 0.
@group(0) @binding(9) var<storage, read> used: array<u32>;
@group(0) @binding(10) var<storage, read_write> counts: array<f32>;

// Behind a parameter's last number stays zero.
fn add(place: u32, i: u32, size: u32, gradient: vec4<f32>) {
  total[place + i] += select(vec4<f32>(), params.weight * gradient, inside(i, size));
}

@compute @workgroup_size(64)
fn add_gradient(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (4u * i >= params.size_a.x) { return; }
  add(params.place_a.x, i, params.size_a.x, gradient0[i]);
}

@compute @workgroup_size(64)
fn add_gradients(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let own = place_of(group, groups, lane);
  if (4u * own.element >= own.size) { return; }
  let i = own.element;
  var g: vec4<f32>;
  switch own.which {
    case 0u: { g = gradient0[i]; }
    case 1u: { g = gradient1[i]; }
    case 2u: { g = gradient2[i]; }
    case 3u: { g = gradient3[i]; }
    case 4u: { g = gradient4[i]; }
    case 5u: { g = gradient5[i]; }
    default: { g = gradient6[i]; }
  }
  add(whole_of(own.which, params.place_a, params.place_b), i, own.size, g);
}

// As real numbers, so that a sum of several sums is one of these too.
@compute @workgroup_size(64)
fn count_gradients(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.size_a.x) { return; }
  counts[params.place_a.x + i] += f32(used[i]);
}
