// Matrix products on software adapters where eight lanes are a subgroup: a lane has eight rows and all lanes the same 4 QUADS
// columns. Vectors that every lane needs are loaded by one of them each and handed round, because there a load costs more than the
// arithmetic on what it loads. Readers are those of lib/core_registers.wgsl, but for columns:
//
//   b_vector(j, vector, k)  what lies in b_block(j, k) there, as one of four vectors
//   b_times(vectors, a)     that block, from its vectors, times a
//
// QUADS: 3, 4, 6 or 8.
override QUADS: u32 = 4u;

// The vector a lane loads for a pair of blocks of columns: `block` of the pair, and which `vector` of that block.
var<private> share_block: u32;
var<private> share_vector: u32;

// The vectors of the first and of the second block of the pair, from what the lanes loaded.
fn first_block(own: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    subgroupBroadcast(own, 0u), subgroupBroadcast(own, 1u), subgroupBroadcast(own, 2u), subgroupBroadcast(own, 3u),
  );
}

fn second_block(own: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    subgroupBroadcast(own, 4u), subgroupBroadcast(own, 5u), subgroupBroadcast(own, 6u), subgroupBroadcast(own, 7u),
  );
}

fn b_shared(j: u32, k: u32) -> vec4<f32> { return b_vector(j + share_block, share_vector, k); }

var<private> s00: mat4x4<f32>; var<private> s01: mat4x4<f32>; var<private> s02: mat4x4<f32>;
var<private> s03: mat4x4<f32>; var<private> s04: mat4x4<f32>; var<private> s05: mat4x4<f32>;
var<private> s06: mat4x4<f32>; var<private> s07: mat4x4<f32>;
var<private> s10: mat4x4<f32>; var<private> s11: mat4x4<f32>; var<private> s12: mat4x4<f32>;
var<private> s13: mat4x4<f32>; var<private> s14: mat4x4<f32>; var<private> s15: mat4x4<f32>;
var<private> s16: mat4x4<f32>; var<private> s17: mat4x4<f32>;

fn multiply(k: u32) {
  let a0 = a_block(0u, k);
  let a1 = a_block(1u, k);
  let b01 = b_shared(0u, k);
  let b0 = first_block(b01); s00 += b_times(b0, a0); s10 += b_times(b0, a1);
  let b1 = second_block(b01); s01 += b_times(b1, a0); s11 += b_times(b1, a1);
  let b23 = b_shared(2u, k);
  let b2 = first_block(b23); s02 += b_times(b2, a0); s12 += b_times(b2, a1);
  if (QUADS > 3u) { let b3 = second_block(b23); s03 += b_times(b3, a0); s13 += b_times(b3, a1); }
  if (QUADS > 4u) {
    let b45 = b_shared(4u, k);
    let b4 = first_block(b45); s04 += b_times(b4, a0); s14 += b_times(b4, a1);
    let b5 = second_block(b45); s05 += b_times(b5, a0); s15 += b_times(b5, a1);
  }
  if (QUADS > 6u) {
    let b67 = b_shared(6u, k);
    let b6 = first_block(b67); s06 += b_times(b6, a0); s16 += b_times(b6, a1);
    let b7 = second_block(b67); s07 += b_times(b7, a0); s17 += b_times(b7, a1);
  }
}

// The blocks in column j of those that a lane has.
fn upper_of(j: u32) -> mat4x4<f32> {
  var block = s00;
  if (j == 1u) { block = s01; }
  if (j == 2u) { block = s02; }
  if (j == 3u) { block = s03; }
  if (j == 4u) { block = s04; }
  if (j == 5u) { block = s05; }
  if (j == 6u) { block = s06; }
  if (j == 7u) { block = s07; }
  return block;
}

fn lower_of(j: u32) -> mat4x4<f32> {
  var block = s10;
  if (j == 1u) { block = s11; }
  if (j == 2u) { block = s12; }
  if (j == 3u) { block = s13; }
  if (j == 4u) { block = s14; }
  if (j == 5u) { block = s15; }
  if (j == 6u) { block = s16; }
  if (j == 7u) { block = s17; }
  return block;
}

@compute @workgroup_size(8)
fn lanes(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  share_block = lane / 4u;
  share_vector = lane % 4u;
  let used = begin(group.y * 8u + lane, 8u, group.x * QUADS, group.z);
  walk(group.z);
  if (!used) { return; }
  // A loop that compilers cannot write out, as they do not know where it begins: each place that stores is a hundred branches.
  for (var at = column; at < min(column + QUADS, columns()); at++) {
    let j = at - column;
    store(0u, j, upper_of(j));
    store(4u, j, lower_of(j));
  }
}
