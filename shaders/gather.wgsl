// Rows of a table [rows, width] picked by index, one-hot vectors, and the gradient of picking. Rows are of Values, or of the
// Words that are as long, which `width` and `count` count.
struct Params { count: u32, rows: u32, width: u32, picks: u32 }
@group(0) @binding(0) var<uniform> params: Params;
// Numbers of any type are picked: their bits.
@group(0) @binding(1) var<storage, read> table: array<Word>;
@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<storage, read> dy: array<Value>;
@group(0) @binding(4) var<storage, read_write> y: array<Value>;
@group(0) @binding(5) var<storage, read_write> picked: array<Word>;

fn inside(index: i32) -> bool { return index >= 0 && index < i32(params.rows); }

// picked [picks, width] = table[indices]; -1 gives zeros, and so does an index out of range, which is noted.
@compute @workgroup_size(64)
fn gather(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let index = indices[i / params.width];
  var words = Word();
  if (checked_index(GATHER, index, params.rows)) { words = table[u32(index) * params.width + i % params.width]; }
  picked[i] = words;
}

// ONTO: rows are added to what y holds, as scatter does; else this is the gradient of gather, which has looked at the indices.
override ONTO: bool = false;

fn known(index: i32) -> bool {
  if (ONTO) { return checked_index(SCATTER, index, params.rows); }
  return inside(index);
}

// y [rows, width] += dy into the picked rows: an invocation owns a column and walks the picks in order, so
// equal indices add up in a fixed order without atomics.
@compute @workgroup_size(64)
fn gather_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let column = linear_index(id, groups, 64u);
  if (column >= params.width) { return; }
  for (var p = 0u; p < params.picks; p++) {
    let index = indices[p];
    if (known(index)) { y[u32(index) * params.width + column] += dy[p * params.width + column]; }
  }
}

// The same for GPUs: an invocation owns a column of a row and looks for the picks of that row, in order. Without ONTO it begins
// at zero, whatever y held.
@compute @workgroup_size(64)
fn gather_grad_rows(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let row = i32(i / params.width);
  var total = Value();
  if (ONTO) {
    total = y[i];
    for (var p = i; p < params.picks; p += params.count) { _ = known(indices[p]); }
  }
  for (var p = 0u; p < params.picks; p++) {
    if (indices[p] == row) { total += dy[p * params.width + i % params.width]; }
  }
  y[i] = total;
}

// y [picks, width] = 1 where the column is the index, else 0. For single numbers alone.
@compute @workgroup_size(64)
fn one_hot(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  y[i] = Value(select(0.0, 1.0, indices[i / params.width] == i32(i % params.width)));
}
