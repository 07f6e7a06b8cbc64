// Prelude of kernels that walk along rows: an invocation has a row to itself. lib/row_group.wgsl is its twin, by which a workgroup
// shares a row out. Either way lane l walks from l in strides; row_max, row_sum and their like then put together what its lanes
// found, and all of them must call these.
const LANES = 64u;
const STRIDE = 1u;

// The row of an invocation, and its lane among those that share the row.
fn row_of(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 { return (group.x + group.y * groups.x) * LANES + local; }
fn lane_of(local: u32) -> u32 { return 0u; }

fn row_max(lane: u32, v: Value) -> Value { return v; }
fn row_sum(lane: u32, v: Value) -> Value { return v; }
fn row_product(lane: u32, v: Value) -> Value { return v; }

// Sum of the values of this lane and those before it; and of all lanes, from what that gave.
fn row_scan(lane: u32, v: Value) -> Value { return v; }
fn row_total(scanned: Value) -> Value { return scanned; }

// Place of the largest of the lanes' keys, the first where several are.
fn row_first(lane: u32, at: u32, key: u32) -> u32 { return at; }
