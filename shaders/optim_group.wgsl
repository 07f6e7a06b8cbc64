// Optimiser updates of seven parameters in one dispatch. Each parameter has workgroups of its own, from `first` on. The vector
// fields of Params hold one value a parameter: `a` the first four, `b` the others. `gradient` is the place of a parameter's first
// four numbers in what is bound as its gradient: 0, or its place in a sum of gradients that is bound for all.
struct Params {
  first_a: vec4<u32>, first_b: vec4<u32>,
  size_a: vec4<u32>, size_b: vec4<u32>,
  gradient_a: vec4<u32>, gradient_b: vec4<u32>,
  entry_a: vec4<u32>, entry_b: vec4<u32>,
  decay_a: vec4<f32>, decay_b: vec4<f32>,
  rate_factor_a: vec4<f32>, rate_factor_b: vec4<f32>,
  momentum: f32, beta2: f32, epsilon: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rate: array<f32>;
@group(0) @binding(2) var<storage, read> clip: array<f32>;
@group(0) @binding(3) var<storage, read> correction: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> gradient0: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> gradient1: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> gradient2: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> gradient3: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read> gradient4: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read> gradient5: array<vec4<f32>>;
@group(0) @binding(10) var<storage, read> gradient6: array<vec4<f32>>;
@group(0) @binding(11) var<storage, read_write> weight0: array<vec4<f32>>;
@group(0) @binding(12) var<storage, read_write> weight1: array<vec4<f32>>;
@group(0) @binding(13) var<storage, read_write> weight2: array<vec4<f32>>;
@group(0) @binding(14) var<storage, read_write> weight3: array<vec4<f32>>;
@group(0) @binding(15) var<storage, read_write> weight4: array<vec4<f32>>;
@group(0) @binding(16) var<storage, read_write> weight5: array<vec4<f32>>;
@group(0) @binding(17) var<storage, read_write> weight6: array<vec4<f32>>;
@group(0) @binding(18) var<storage, read_write> velocity0: array<vec4<f32>>;
@group(0) @binding(19) var<storage, read_write> velocity1: array<vec4<f32>>;
@group(0) @binding(20) var<storage, read_write> velocity2: array<vec4<f32>>;
@group(0) @binding(21) var<storage, read_write> velocity3: array<vec4<f32>>;
@group(0) @binding(22) var<storage, read_write> velocity4: array<vec4<f32>>;
@group(0) @binding(23) var<storage, read_write> velocity5: array<vec4<f32>>;
@group(0) @binding(24) var<storage, read_write> velocity6: array<vec4<f32>>;
@group(0) @binding(25) var<storage, read_write> second0: array<vec4<f32>>;
@group(0) @binding(26) var<storage, read_write> second1: array<vec4<f32>>;
@group(0) @binding(27) var<storage, read_write> second2: array<vec4<f32>>;
@group(0) @binding(28) var<storage, read_write> second3: array<vec4<f32>>;
@group(0) @binding(29) var<storage, read_write> second4: array<vec4<f32>>;
@group(0) @binding(30) var<storage, read_write> second5: array<vec4<f32>>;
@group(0) @binding(31) var<storage, read_write> second6: array<vec4<f32>>;
@group(0) @binding(32) var<storage, read_write> fault: array<atomic<u32>>;

fn real_of(which: u32, a: vec4<f32>, b: vec4<f32>) -> f32 { return select(b[which & 3u], a[which & 3u], which < 4u); }

fn hyper(which: u32) -> Hyper {
  return Hyper(
    real_of(which, params.decay_a, params.decay_b),
    real_of(which, params.rate_factor_a, params.rate_factor_b),
    params.momentum, params.beta2, params.epsilon,
  );
}

@compute @workgroup_size(64)
fn sgd_group(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let place = place_of(group, groups, lane);
  if (4u * place.element >= place.size) { return; }
  let h = hyper(place.which);
  let entry = whole_of(place.which, params.entry_a, params.entry_b);
  let c = correction_of(entry, 1u, place.element);
  let i = place.element;
  let g = i + whole_of(place.which, params.gradient_a, params.gradient_b);
  var s: State;
  switch place.which {
    case 0u: { s = sgd_step(h, c, gradient0[g], weight0[i], velocity0[i]); weight0[i] = s.w; velocity0[i] = s.v; }
    case 1u: { s = sgd_step(h, c, gradient1[g], weight1[i], velocity1[i]); weight1[i] = s.w; velocity1[i] = s.v; }
    case 2u: { s = sgd_step(h, c, gradient2[g], weight2[i], velocity2[i]); weight2[i] = s.w; velocity2[i] = s.v; }
    case 3u: { s = sgd_step(h, c, gradient3[g], weight3[i], velocity3[i]); weight3[i] = s.w; velocity3[i] = s.v; }
    case 4u: { s = sgd_step(h, c, gradient4[g], weight4[i], velocity4[i]); weight4[i] = s.w; velocity4[i] = s.v; }
    case 5u: { s = sgd_step(h, c, gradient5[g], weight5[i], velocity5[i]); weight5[i] = s.w; velocity5[i] = s.v; }
    default: { s = sgd_step(h, c, gradient6[g], weight6[i], velocity6[i]); weight6[i] = s.w; velocity6[i] = s.v; }
  }
  watch(entry, inside(i, place.size), s);
}

@compute @workgroup_size(64)
fn adam_group(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let place = place_of(group, groups, lane);
  if (4u * place.element >= place.size) { return; }
  let h = hyper(place.which);
  let entry = whole_of(place.which, params.entry_a, params.entry_b);
  let c = correction_of(entry, 1u, place.element);
  let i = place.element;
  let g = i + whole_of(place.which, params.gradient_a, params.gradient_b);
  var s: State;
  switch place.which {
    case 0u: {
      s = adam_step(h, c, gradient0[g], weight0[i], velocity0[i], second0[i]);
      weight0[i] = s.w; velocity0[i] = s.v; second0[i] = s.s;
    }
    case 1u: {
      s = adam_step(h, c, gradient1[g], weight1[i], velocity1[i], second1[i]);
      weight1[i] = s.w; velocity1[i] = s.v; second1[i] = s.s;
    }
    case 2u: {
      s = adam_step(h, c, gradient2[g], weight2[i], velocity2[i], second2[i]);
      weight2[i] = s.w; velocity2[i] = s.v; second2[i] = s.s;
    }
    case 3u: {
      s = adam_step(h, c, gradient3[g], weight3[i], velocity3[i], second3[i]);
      weight3[i] = s.w; velocity3[i] = s.v; second3[i] = s.s;
    }
    case 4u: {
      s = adam_step(h, c, gradient4[g], weight4[i], velocity4[i], second4[i]);
      weight4[i] = s.w; velocity4[i] = s.v; second4[i] = s.s;
    }
    case 5u: {
      s = adam_step(h, c, gradient5[g], weight5[i], velocity5[i], second5[i]);
      weight5[i] = s.w; velocity5[i] = s.v; second5[i] = s.s;
    }
    default: {
      s = adam_step(h, c, gradient6[g], weight6[i], velocity6[i], second6[i]);
      weight6[i] = s.w; velocity6[i] = s.v; second6[i] = s.s;
    }
  }
  watch(entry, inside(i, place.size), s);
}
