// Reductions of reduce.wgsl on GPUs: TEAM invocations of a workgroup share a column, or a row of neighbours, so that few of them are
// enough to keep memory busy without a second pass. Four loads of an invocation are on their way at once; each number is loaded
// once. Numbers are folded in an order that depends on TEAM alone, so that zeros behind a sum change no bit of it; rows of fours are
// folded as rows of single numbers are by teams that are four times as large.
override TEAM: u32 = 32u;
// Whether a team's invocations lie along a row of neighbours, else along the reduced axis, with neighbouring columns beside them.
override ALONG: bool = false;
const LANES_OF_TEAMS = 256u;

var<workgroup> found: array<Value, LANES_OF_TEAMS>;

// The column of an invocation, and its place in the team.
struct Member { i: u32, own: u32, step: u32 }

fn member_of(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> Member {
  let abreast = LANES_OF_TEAMS / TEAM;
  let first = (group.x + group.y * groups.x) * abreast;
  if (ALONG) { return Member(first + lane / TEAM, lane % TEAM, 1u); }
  return Member(first + lane % abreast, lane / abreast, abreast);
}

fn merged(p: Value, q: Value) -> Value {
  switch OP {
    case SUM: { return p + q; }
    case PROD: { return p * q; }
    case MIN: { return -larger(-p, -q); }
    default: { return larger(p, q); }
  }
}

// Fold of what a member has of its column.
fn walked(member: Member) -> Value {
  let inside = member.i < params.count;
  let i = select(0u, member.i, inside);
  let chunk = i / params.inner % params.chunks;
  let first = i / (params.inner * params.chunks) * params.reduced * params.inner + i % params.inner;
  let end = select(0u, min((chunk + 1u) * params.length, params.reduced), inside);
  var acc = start(Value());
  if (OP == MAX || OP == MIN) { acc = x[first]; }
  var widest = Word(0u);
  for (var r = chunk * params.length + member.own; r < end; r += 4u * TEAM) {
    let at = first + r * params.inner;
    let step = TEAM * params.inner;
    let left = end - r;
    let a = x[at];
    var b: Value; var c: Value; var d: Value;
    if (left > TEAM) { b = x[at + step]; }
    if (left > 2u * TEAM) { c = x[at + 2u * step]; }
    if (left > 3u * TEAM) { d = x[at + 3u * step]; }
    acc = fold(acc, a);
    widest = seen(widest, a);
    if (left > TEAM) { acc = fold(acc, b); widest = seen(widest, b); }
    if (left > 2u * TEAM) { acc = fold(acc, c); widest = seen(widest, c); }
    if (left > 3u * TEAM) { acc = fold(acc, d); widest = seen(widest, d); }
  }
  return or_nan(acc, bitcast<Value>(widest));
}

// Fold of a column, for its first member.
fn gathered(member: Member, lane: u32, v: Value) -> Value {
  found[lane] = v;
  for (var step = TEAM / 2u; step > 0u; step = step / 2u) {
    workgroupBarrier();
    if (member.own < step) { found[lane] = merged(found[lane], found[lane + step * member.step]); }
  }
  return found[lane];
}

@compute @workgroup_size(LANES_OF_TEAMS)
fn reduce_teams(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32,
) {
  let member = member_of(group, groups, lane);
  let total = gathered(member, lane, walked(member)) * params.scale;
  if (member.own > 0u || member.i >= params.count) { return; }
  if (ADD) { y[member.i] += total; } else { y[member.i] = total; }
}

// The four of a member, as single numbers' teams end.
fn joined(v: vec4<f32>) -> f32 {
  switch OP {
    case SUM: { return (v.x + v.z) + (v.y + v.w); }
    case PROD: { return (v.x * v.z) * (v.y * v.w); }
    default: { return across(v); }
  }
}

// inner = 1 and rows of whole fours, which `reduced` and `length` count.
@compute @workgroup_size(LANES_OF_TEAMS)
fn reduce_row_teams(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32,
) {
  let member = member_of(group, groups, lane);
  let total = joined(widened(gathered(member, lane, walked(member)))) * params.scale;
  if (member.own > 0u || member.i >= params.count) { return; }
  if (ADD) { totals[member.i] += total; } else { totals[member.i] = total; }
}
