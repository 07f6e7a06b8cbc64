// Copies on GPUs, of words of any type: each is loaded once and stored once, in lines of 128 bytes and more.
struct Params { count: u32, rows: u32, columns: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> fours: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> copied: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> x: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

// Fours that an invocation copies: its loads are all on their way before it stores, neighbours' lie side by side.
const EACH = 4u;

@compute @workgroup_size(64)
fn copy_fours(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * (64u * EACH) + lane;
  let last = params.count - 1u;
  let a = fours[min(i, last)];
  let b = fours[min(i + 64u, last)];
  let c = fours[min(i + 128u, last)];
  let d = fours[min(i + 192u, last)];
  if (i < params.count) { copied[i] = a; }
  if (i + 64u < params.count) { copied[i + 64u] = b; }
  if (i + 128u < params.count) { copied[i + 128u] = c; }
  if (i + 192u < params.count) { copied[i + 192u] = d; }
}

// A tile of 32 x 32 words; lines are one longer, so that a column's words lie in different banks.
var<workgroup> tile: array<array<u32, 33>, 32>;

// y [batch, columns, rows] = x [batch, rows, columns], tile by tile: four words a lane, in lines of x and then of y. z counts the
// batch.
@compute @workgroup_size(32, 8)
fn transpose_tiles(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) lane: vec3<u32>) {
  let base = group.z * params.rows * params.columns;
  let column = group.x * 32u + lane.x;
  let first_row = group.y * 32u;
  for (var i = lane.y; i < 32u; i += 8u) {
    let row = first_row + i;
    if (row < params.rows && column < params.columns) { tile[i][lane.x] = x[base + row * params.columns + column]; }
  }
  workgroupBarrier();
  let row = first_row + lane.x;
  for (var i = lane.y; i < 32u; i += 8u) {
    let across = group.x * 32u + i;
    if (row < params.rows && across < params.columns) { y[base + across * params.rows + row] = tile[lane.x][i]; }
  }
}

// A tile of 64 x 64 words in fours; which of a line's fours is turned by the line, so that neither side meets one bank.
var<workgroup> fours_of_tile: array<array<vec4<u32>, 16>, 64>;

// The same where rows and columns are whole fours, which they count: a lane loads four fours at once, turns them in registers and
// stores four, in lines of 256 bytes.
@compute @workgroup_size(256)
fn transpose_fours(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let base = group.z * 4u * params.rows * params.columns;
  let down = lane / 16u;
  let across = lane % 16u;
  let row = group.y * 16u + down;
  let column = group.x * 16u + across;
  if (row < params.rows && column < params.columns) {
    let at = base + 4u * row * params.columns + column;
    let a = fours[at];
    let b = fours[at + params.columns];
    let c = fours[at + 2u * params.columns];
    let d = fours[at + 3u * params.columns];
    let turned = down ^ across;
    fours_of_tile[4u * across][turned] = vec4<u32>(a.x, b.x, c.x, d.x);
    fours_of_tile[4u * across + 1u][turned] = vec4<u32>(a.y, b.y, c.y, d.y);
    fours_of_tile[4u * across + 2u][turned] = vec4<u32>(a.z, b.z, c.z, d.z);
    fours_of_tile[4u * across + 3u][turned] = vec4<u32>(a.w, b.w, c.w, d.w);
  }
  workgroupBarrier();
  let to = group.y * 16u + across;
  for (var line = down; line < 64u; line += 16u) {
    let place = group.x * 64u + line;
    if (place < 4u * params.columns && to < params.rows) {
      copied[base + place * params.rows + to] = fours_of_tile[line][across ^ (line / 4u)];
    }
  }
}
