// Rows of a table [rows, width] replaced by updates [picks, width], the last where several are for one row. Rows are of Words,
// and of the Values of their gradients, which `width` and `count` count.
struct Params { count: u32, rows: u32, width: u32, picks: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> indices: array<i32>;
@group(0) @binding(2) var<storage, read> table: array<Word>;
@group(0) @binding(3) var<storage, read> updates: array<Word>;
@group(0) @binding(4) var<storage, read_write> y: array<Word>;
@group(0) @binding(5) var<storage, read> dy: array<Value>;
@group(0) @binding(6) var<storage, read_write> dx: array<Value>;
// The last pick of each row, or -1.
@group(0) @binding(7) var<storage, read_write> found: array<atomic<i32>>;
@group(0) @binding(8) var<storage, read> last: array<i32>;

fn inside(index: i32) -> bool { return index >= 0 && index < i32(params.rows); }

// found [rows] = the largest pick of the row, found being -1 before. A largest number does not depend on any order.
@compute @workgroup_size(64)
fn last_picks(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let pick = linear_index(id, groups, 64u);
  if (pick >= params.picks) { return; }
  let index = indices[pick];
  if (checked_index(SCATTER, index, params.rows)) { atomicMax(&found[index], i32(pick)); }
}

// y [rows, width] = updates[last] where a row was picked, else the table's.
@compute @workgroup_size(64)
fn scatter_set(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let pick = last[i / params.width];
  if (pick >= 0) { y[i] = updates[u32(pick) * params.width + i % params.width]; } else { y[i] = table[i]; }
}

// Gradient to the table: dy where its row was kept.
@compute @workgroup_size(64)
fn table_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  var value = dy[i];
  if (last[i / params.width] >= 0) { value = Value(); }
  dx[i] = value;
}

// Gradient to the updates: the row of dy that an update was the last for, else 0.
@compute @workgroup_size(64)
fn updates_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let pick = i / params.width;
  let index = indices[pick];
  var value = Value();
  if (inside(index)) {
    if (last[index] == i32(pick)) { value = dy[u32(index) * params.width + i % params.width]; }
  }
  dx[i] = value;
}
