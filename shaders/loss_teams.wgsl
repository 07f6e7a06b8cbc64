// Losses of few rows in one dispatch, for kernel set gpu: one workgroup, in which teams (lib/teams.wgsl) share rows. Bindings, parameters
// and a row's loss are those of softmax.wgsl.
// Of 32 invocations, as TEAM is where nothing else is asked for.
const TEAMS = 8u;

fn sum_of_all(lane: u32, v: f32) -> f32 {
  workgroupBarrier();
  found[lane] = v;
  for (var step = LANES_OF_TEAMS / 2u; step > 0u; step = step / 2u) {
    workgroupBarrier();
    if (lane < step) { found[lane] += found[lane + step]; }
  }
  workgroupBarrier();
  return found[0];
}

// y[0] = scale * sum of the rows' losses; lse is kept for the gradient.
@compute @workgroup_size(256)
fn cross_entropy_total(@builtin(local_invocation_index) lane: u32) {
  var losses = 0.0;
  for (var first = 0u; first < params.rows; first += TEAMS) {
    let row = first + lane / TEAM;
    let base = row * params.columns;
    let columns = select(0u, params.columns, row < params.rows);
    var largest = LOWEST;
    for (var c = lane % TEAM; c < columns; c += TEAM) { largest = max(largest, x[base + c]); }
    largest = team_max(lane, largest);
    var total = 0.0;
    var sum = 0.0;
    for (var c = lane % TEAM; c < columns; c += TEAM) {
      total += exp(x[base + c] - largest);
      sum += x[base + c];
    }
    total = team_sum(lane, total);
    sum = team_sum(lane, sum);
    if (lane % TEAM == 0u && row < params.rows) {
      let log_total = largest + log(total);
      lse[row] = log_total;
      losses += row_loss(row, log_total, sum / f32(params.columns));
    }
  }
  let all = sum_of_all(lane, losses);
  if (lane == 0u) { y[0] = all * params.scale; }
}

// y[row] = max(1 - p, scale) * weights[row], divided by the sum of all, where p is the probability of the row's label; 0 for a
// label out of range.
@compute @workgroup_size(256)
fn example_weights(@builtin(local_invocation_index) lane: u32) {
  var mine = 0.0;
  for (var first = 0u; first < params.rows; first += TEAMS) {
    let row = first + lane / TEAM;
    let base = row * params.columns;
    let columns = select(0u, params.columns, row < params.rows);
    var largest = LOWEST;
    for (var c = lane % TEAM; c < columns; c += TEAM) { largest = max(largest, x[base + c]); }
    largest = team_max(lane, largest);
    var total = 0.0;
    for (var c = lane % TEAM; c < columns; c += TEAM) { total += exp(x[base + c] - largest); }
    total = team_sum(lane, total);
    if (lane % TEAM == 0u && row < params.rows) {
      let label = labels[row];
      var p = 0.0;
      if (label >= 0 && u32(label) < params.columns) { p = exp(x[base + u32(label)] - largest) / total; }
      var weight = larger(1.0 - p, params.scale);
      if (params.has_weights != 0u) { weight *= weights[row]; }
      y[row] = weight;
      mine += weight;
    }
  }
  let all = larger(sum_of_all(lane, mine), 1e-14);
  // Each lane divides what it wrote itself.
  for (var first = 0u; first < params.rows; first += TEAMS) {
    let row = first + lane / TEAM;
    if (lane % TEAM == 0u && row < params.rows) { y[row] = y[row] / all; }
  }
}
