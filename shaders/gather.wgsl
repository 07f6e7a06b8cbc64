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

// Picks of the row that a workgroup owns, among 1024 that it looks through at once: a bit each.
var<workgroup> marks: array<atomic<u32>, 32>;

// The same for GPUs: a workgroup owns 128 columns of a row and looks for the picks of that row, each invocation among some of them;
// then all add those, in order. Without ONTO it begins at zero, whatever y held.
@compute @workgroup_size(128)
fn gather_grad_rows(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32,
) {
  let across = (params.width + 127u) / 128u;
  let own = group.x + group.y * groups.x;
  let row = own / across;
  let column = own % across * 128u + lane;
  let inside = row < params.rows && column < params.width;
  let at = row * params.width + column;
  var total = Value();
  if (ONTO && inside) { total = y[at]; }
  for (var first = 0u; first < params.picks; first += 1024u) {
    if (lane < 32u) { atomicStore(&marks[lane], 0u); }
    workgroupBarrier();
    for (var i = lane; i < min(1024u, params.picks - first); i += 128u) {
      let index = indices[first + i];
      // Looked at by the first workgroup for all of them.
      if (ONTO && own == 0u) { _ = known(index); }
      if (index == i32(row)) { atomicOr(&marks[i / 32u], 1u << (i % 32u)); }
    }
    workgroupBarrier();
    for (var word = 0u; word < 32u; word++) {
      var left = select(0u, atomicLoad(&marks[word]), inside);
      while (left != 0u) {
        // Two rows are on their way at once.
        let p = first + 32u * word + countTrailingZeros(left);
        left &= left - 1u;
        let q = first + 32u * word + countTrailingZeros(left);
        let a = dy[p * params.width + column];
        var b: Value;
        if (left != 0u) { b = dy[q * params.width + column]; }
        total += a;
        if (left != 0u) { total += b; }
        left &= left - 1u;
      }
    }
    workgroupBarrier();
  }
  if (inside) { y[at] = total; }
}

// y [picks, width] = 1 where the column is the index, else 0. For single numbers alone.
@compute @workgroup_size(64)
fn one_hot(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  y[i] = Value(select(0.0, 1.0, indices[i / params.width] == i32(i % params.width)));
}
