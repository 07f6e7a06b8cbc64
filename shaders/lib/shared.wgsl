// Profile cpu, where eight lanes are a subgroup: a lane has eight rows of a product and all lanes the same 4 QUADS columns.
// Vectors that every lane needs are loaded by one of them each and handed round, because there a load costs more than the
// arithmetic on what it loads.
// QUADS: 3, 4 or 6.
override QUADS: u32 = 4u;

// The vector a lane loads for a pair of blocks of columns: `block` of the pair, and which `vector` of that block.
struct Share { block: u32, vector: u32 }

fn share_of(lane: u32) -> Share { return Share(lane / 4u, lane % 4u); }

// The first and the second block of the pair, from what the lanes loaded.
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
