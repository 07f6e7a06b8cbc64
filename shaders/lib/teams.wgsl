// A workgroup of 256 invocations in teams of TEAM neighbours: the largest of what a team's members have, and its sum, in a tree whose
// order TEAM fixes. All invocations must call these.
override TEAM: u32 = 32u;
const LANES_OF_TEAMS = 256u;

var<workgroup> found: array<f32, LANES_OF_TEAMS>;

fn team_max(lane: u32, v: f32) -> f32 {
  workgroupBarrier();
  found[lane] = v;
  for (var step = TEAM / 2u; step > 0u; step = step / 2u) {
    workgroupBarrier();
    if (lane % TEAM < step) { found[lane] = widened(larger(Value(found[lane]), Value(found[lane + step]))).x; }
  }
  workgroupBarrier();
  return found[lane - lane % TEAM];
}

fn team_sum(lane: u32, v: f32) -> f32 {
  workgroupBarrier();
  found[lane] = v;
  for (var step = TEAM / 2u; step > 0u; step = step / 2u) {
    workgroupBarrier();
    if (lane % TEAM < step) { found[lane] += found[lane + step]; }
  }
  workgroupBarrier();
  return found[lane - lane % TEAM];
}
