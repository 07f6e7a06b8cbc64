// Profile cpu: blocks of ROWS x COLUMNS of a matrix product in the registers of each of eight lanes. ACROSS lanes lie along
// the columns and the others along the rows, so that few columns fill them too. Indices are those of blocks.
// ROWS: 4, 8 or 16; COLUMNS: 4 or 8.
override ROWS: u32 = 16u;
override COLUMNS: u32 = 8u;
override ACROSS: u32 = 8u;
struct Block { row: u32, column: u32 }

fn block_of(id: vec3<u32>) -> Block {
  let lane = id.x % 8u;
  return Block(id.y * (8u / ACROSS) + lane / ACROSS, (id.x / 8u) * ACROSS + lane % ACROSS);
}
