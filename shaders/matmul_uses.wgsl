// Gradients to a weight that was used several times, and to its bias, on GPUs: C = A0^T B0 + A1^T B1 + A2^T B2 and sums of the columns of
// all B, or parts of them. Readers of lib/core_tiles.wgsl: the uses follow each other along the summed axis, each filled up with
// zeros to a whole number of steps. Rows of A [k, m] and B [k, n] are read by lib/products/uses.wgsl or lib/products/uses_single.wgsl.
override ADD: bool = false;
override SUMS_BEHIND: bool = false;
override ADD_SUMS: bool = false;
// m, n and k in numbers; n4 in fours; `blocks` of four rows that a use has, `uses` of them, the summed axis cut in `parts`.
struct Params { m: u32, n: u32, k: u32, n4: u32, blocks: u32, uses: u32, parts: u32 }
@group(0) @binding(0) var<uniform> params: Params;

var<private> part: u32;
var<private> row: u32;
var<private> column: u32;

fn summed(group: vec3<u32>) -> Part { return part_of(params.uses * params.blocks, group.z, params.parts, depth4()); }

fn begin(group: vec3<u32>, slot: Slot, first: u32) {
  part = group.z;
  row = group.y * (TILE_ROWS / 4u);
  column = group.x * (TILE_COLUMNS / 4u);
}

fn forward() {}
fn columns() -> u32 { return params.n4; }

// Four numbers of row k of a use's A or B; zero from row params.k on.
fn four(is_a: bool, use_: u32, k: u32, at: u32) -> vec4<f32> {
  let there = min(k, params.k - 1u);
  var v: vec4<f32>;
  if (is_a) { v = a_four(use_, there, at); } else { v = b_four(use_, there, at); }
  return select(vec4<f32>(), v, k < params.k);
}

fn fetch(slot: Slot, k: u32, stop: u32) -> mat4x4<f32> {
  let block = k + slot.k;
  if (block >= stop || !slot.used) { return mat4x4<f32>(); }
  let use_ = block / params.blocks;
  let first = 4u * (block % params.blocks);
  let at = select(column, row, slot.is_a) + slot.along;
  return mat4x4<f32>(
    four(slot.is_a, use_, first, at), four(slot.is_a, use_, first + 1u, at),
    four(slot.is_a, use_, first + 2u, at), four(slot.is_a, use_, first + 3u, at),
  );
}

// Numbers that a part has before its row: all rows of C, and one more where sums lie behind.
fn place(at_row: u32) -> u32 { return part * (params.m + select(0u, 1u, SUMS_BEHIND)) + at_row; }

fn store(i: u32, j: u32, block: mat4x4<f32>) {
  if (column + j >= params.n4) { return; }
  for (var r = 0u; r < min(4u, params.m - min(4u * row + i, params.m)); r++) {
    put(place(4u * row + i + r), column + j, block[r]);
  }
}

fn put_sums(j: u32, v: vec4<f32>) {
  if (column + j >= params.n4) { return; }
  if (SUMS_BEHIND) { put(place(params.m), column + j, v); } else { put_sum(column + j, v); }
}
