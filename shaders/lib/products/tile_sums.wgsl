// Parts that the cores of products by tiles (lib/core_tiles.wgsl, lib/products/wide_tiles.wgsl) have in common: which block an invocation
// fetches, and its sums. A block is 4 x 4 numbers as mat4x4<f32>; `depth4()` blocks along the summed axis pass at a time.
override TILE_ROWS: u32 = 64u;
override TILE_COLUMNS: u32 = 64u;
// Whether what repeats is written out, as GPUs like it. Drivers on CPUs compile loops several times as fast: there each place that
// reads or writes memory is a hundred branches.
override UNROLLED: bool = true;

// Block (k, along) of A's tile or of B's that an invocation fetches. Eight neighbours lie along rows or columns, so that they
// write 128 bytes in one go; the next eight along the summed axis.
struct Slot { is_a: bool, used: bool, k: u32, along: u32 }

fn slot_of(lane: u32) -> Slot {
  let of_a = TILE_ROWS / 4u * depth4();
  let is_a = lane < of_a;
  let i = select(lane - of_a, lane, is_a);
  let along = i % 8u + 8u * (i / (8u * depth4()));
  return Slot(is_a, is_a || along < TILE_COLUMNS / 4u, (i / 8u) % depth4(), along);
}

// Sums of an invocation; columns are rows of C.
var<private> c00: mat4x4<f32>; var<private> c01: mat4x4<f32>;
var<private> c10: mat4x4<f32>; var<private> c11: mat4x4<f32>;

fn grown(c: mat4x4<f32>, a: vec4<f32>, b: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    fma(vec4<f32>(a.x), b, c[0]), fma(vec4<f32>(a.y), b, c[1]), fma(vec4<f32>(a.z), b, c[2]), fma(vec4<f32>(a.w), b, c[3]),
  );
}

// Sums of the columns of the blocks of B that an invocation fetched, put together by workgroups of the first rows.
override SUMS: bool = false;
var<private> passed: vec4<f32>;

fn pass_by(slot: Slot, block: mat4x4<f32>) {
  if (SUMS && slot.used && !slot.is_a) { passed += (block[0] + block[1]) + (block[2] + block[3]); }
}

fn block_of(i: u32, j: u32) -> mat4x4<f32> {
  var block = c00;
  if (i == 0u && j == 1u) { block = c01; }
  if (i == 1u && j == 0u) { block = c10; }
  if (i == 1u && j == 1u) { block = c11; }
  return block;
}
