// Sums that batch normalisation takes over rows of x [rows, channels], on GPUs, channels in fours: TEAM invocations of a workgroup share the
// rows of a four of channels, neighbouring channels beside them, and the rows are cut in `chunks` of `length` where channels are few.
// Bindings and parameters are those of norm_fours.wgsl; results of chunks are [chunks, channels].
override TEAM: u32 = 32u;
const LANES = 256u;
@group(0) @binding(10) var<storage, read_write> means: array<vec4<f32>>;
@group(0) @binding(11) var<storage, read_write> squares: array<vec4<f32>>;

var<workgroup> first_found: array<vec4<f32>, LANES>;
var<workgroup> second_found: array<vec4<f32>, LANES>;
var<workgroup> count_found: array<f32, LANES>;

// The sum of a chunk's column that an invocation has a part in: which, its rows, and its place in the team.
struct Member { i: u32, channel: u32, first: u32, end: u32, own: u32 }

fn member_of(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> Member {
  let abreast = LANES / TEAM;
  let i = (group.x + group.y * groups.x) * abreast + lane % abreast;
  let chunk = i / params.channels;
  let own = lane / abreast;
  let stop = min((chunk + 1u) * params.length, params.rows);
  return Member(i, i % params.channels, chunk * params.length + own, select(0u, stop, chunk < params.chunks), own);
}

// Mean of so many numbers, and the sum of their squared distances from it.
struct Moments { count: f32, mean: vec4<f32>, squares: vec4<f32> }

// Those of two sets of numbers together (Chan, Golub and LeVeque, 1983).
fn together(p: Moments, q: Moments) -> Moments {
  if (q.count == 0.0) { return p; }
  let n = p.count + q.count;
  let d = q.mean - p.mean;
  let share = q.count / n;
  return Moments(n, p.mean + d * share, p.squares + q.squares + d * d * (p.count * share));
}

fn row_of(v: vec4<f32>, there: bool) -> Moments { return Moments(select(0.0, 1.0, there), v, vec4<f32>()); }

// Mean and variance of each channel, or of chunks the mean and the sum of squared distances from it.
@compute @workgroup_size(LANES)
fn moments(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32,
) {
  let m = member_of(group, groups, lane);
  var all = Moments();
  for (var r = m.first; r < m.end; r += 4u * TEAM) {
    let left = m.end - r;
    let at = r * params.channels + m.channel;
    let step = TEAM * params.channels;
    let a = x[at];
    var b: vec4<f32>; var c: vec4<f32>; var d: vec4<f32>;
    if (left > TEAM) { b = x[at + step]; }
    if (left > 2u * TEAM) { c = x[at + 2u * step]; }
    if (left > 3u * TEAM) { d = x[at + 3u * step]; }
    let low = together(row_of(a, true), row_of(b, left > TEAM));
    let high = together(row_of(c, left > 2u * TEAM), row_of(d, left > 3u * TEAM));
    all = together(all, together(low, high));
  }
  first_found[lane] = all.mean;
  second_found[lane] = all.squares;
  count_found[lane] = all.count;
  for (var step = TEAM / 2u; step > 0u; step = step / 2u) {
    workgroupBarrier();
    if (m.own < step) {
      let other = lane + step * (LANES / TEAM);
      all = together(all, Moments(count_found[other], first_found[other], second_found[other]));
      first_found[lane] = all.mean;
      second_found[lane] = all.squares;
      count_found[lane] = all.count;
    }
  }
  if (m.own > 0u || m.i >= params.chunks * params.channels) { return; }
  means[m.i] = all.mean;
  squares[m.i] = select(all.squares, all.squares / all.count, params.chunks == 1u);
}

// Mean and variance of each channel from those of its chunks (mean, variance), whose lengths follow from the parameters.
@compute @workgroup_size(64)
fn merge_moments(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let channel = linear_index(id, groups, 64u);
  if (channel >= params.channels) { return; }
  var all = Moments();
  for (var chunk = 0u; chunk < params.chunks; chunk++) {
    let first = min(chunk * params.length, params.rows);
    let count = min(params.length, params.rows - first);
    let at = chunk * params.channels + channel;
    all = together(all, Moments(f32(count), mean[at], variance[at]));
  }
  means[channel] = all.mean;
  squares[channel] = all.squares / all.count;
}

// Sums of dy (x - mean) / sqrt(variance + epsilon) and of dy: the gradients to gamma and to beta, in means and in squares.
@compute @workgroup_size(LANES)
fn norm_sums(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32,
) {
  let m = member_of(group, groups, lane);
  var gammas = vec4<f32>();
  var betas = vec4<f32>();
  let average = mean[m.channel];
  let s = inverse_deviation(m.channel);
  for (var r = m.first; r < m.end; r += 2u * TEAM) {
    let at = r * params.channels + m.channel;
    let step = TEAM * params.channels;
    let more = m.end - r > TEAM;
    let a = x[at];
    let da = dy[at];
    var b: vec4<f32>; var db: vec4<f32>;
    if (more) { b = x[at + step]; db = dy[at + step]; }
    gammas += da * ((a - average) * s);
    betas += da;
    if (more) { gammas += db * ((b - average) * s); betas += db; }
  }
  first_found[lane] = gammas;
  second_found[lane] = betas;
  for (var step = TEAM / 2u; step > 0u; step = step / 2u) {
    workgroupBarrier();
    if (m.own < step) {
      let other = lane + step * (LANES / TEAM);
      first_found[lane] += first_found[other];
      second_found[lane] += second_found[other];
    }
  }
  if (m.own > 0u || m.i >= params.chunks * params.channels) { return; }
  means[m.i] = first_found[lane];
  squares[m.i] = second_found[lane];
}
