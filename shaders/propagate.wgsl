// Sparse message passing over several relations. Relation e links row r to the columns col_index[row_start[e][r]..], each with
// a value; row_start is [relations, rows + 1]. The dense half, a product with the relations' weights, is matmul.wgsl's.
struct Params { count: u32, rows: u32, relations: u32, width4: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> row_start: array<u32>;
@group(0) @binding(2) var<storage, read> col_index: array<u32>;
@group(0) @binding(3) var<storage, read> values: array<f32>;
@group(0) @binding(4) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>;

// y [rows, relations, width4] = sum over the row's edges of value * x [col, width4]
@compute @workgroup_size(64)
fn collect(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let lane = i % params.width4;
  let relation = (i / params.width4) % params.relations;
  let row = i / (params.width4 * params.relations);
  let start = relation * (params.rows + 1u) + row;
  var total = vec4<f32>();
  for (var e = row_start[start]; e < row_start[start + 1u]; e++) {
    total += values[e] * x[col_index[e] * params.width4 + lane];
  }
  y[i] = total;
}

// Add to what y holds, and multiply by the slope of the activation that gave what was sent, which is `activated`.
override ADD: bool = false;
override SLOPE: u32 = NONE;
@group(0) @binding(8) var<storage, read> activated: array<vec4<f32>>;

fn put_grad(at: u32, v: vec4<f32>) {
  var total = v;
  if (ADD) { total += y[at]; }
  if (SLOPE != NONE) { total *= slope_of(SLOPE, activated[at]); }
  y[at] = total;
}

// The transpose: y [rows, width4] = sum over relations and the row's edges of value * x [col, relation, width4]
@compute @workgroup_size(64)
fn spread(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let lane = i % params.width4;
  let row = i / params.width4;
  var total = vec4<f32>();
  for (var relation = 0u; relation < params.relations; relation++) {
    let start = relation * (params.rows + 1u) + row;
    for (var e = row_start[start]; e < row_start[start + 1u]; e++) {
      total += values[e] * x[(col_index[e] * params.relations + relation) * params.width4 + lane];
    }
  }
  put_grad(i, total);
}

// Rows with many edges are cut into parts (first edge, end, relation), so that none keeps the others waiting; part_start tells
// which parts make up each sum.
@group(0) @binding(6) var<storage, read> parts: array<vec4<u32>>;
@group(0) @binding(7) var<storage, read> part_start: array<u32>;

// y [parts, width4]: collect's sum over a part.
@compute @workgroup_size(64)
fn collect_parts(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let lane = i % params.width4;
  let part = parts[i / params.width4];
  var total = vec4<f32>();
  for (var e = part.x; e < part.y; e++) { total += values[e] * x[col_index[e] * params.width4 + lane]; }
  y[i] = total;
}

// y [parts, width4]: spread's sum over a part.
@compute @workgroup_size(64)
fn spread_parts(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let lane = i % params.width4;
  let part = parts[i / params.width4];
  var total = vec4<f32>();
  for (var e = part.x; e < part.y; e++) {
    total += values[e] * x[(col_index[e] * params.relations + part.z) * params.width4 + lane];
  }
  y[i] = total;
}

// y [sums, width4] = sum over each one's parts x [parts, width4]
@compute @workgroup_size(64)
fn sum_parts(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let lane = i % params.width4;
  let row = i / params.width4;
  var total = vec4<f32>();
  for (var p = part_start[row]; p < part_start[row + 1u]; p++) { total += x[p * params.width4 + lane]; }
  put_grad(i, total);
}
