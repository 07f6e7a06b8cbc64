// Matrix products on GPUs, by tiles that pass through workgroup memory. 256 invocations share a tile of the product of TILE_ROWS x
// TILE_COLUMNS, 64 or 128 each; of the summed axis as much passes at a time as 8 KiB hold of the longer side. A block is 4 x 4
// numbers as mat4x4<f32>, whose columns run along the summed axis. An invocation fetches one block at a time (`Slot`), and the
// next one before it multiplies what lies in the tile, so that memory answers meanwhile; its sums are those of lib/products/tile_sums.wgsl.
// Readers:
//
//   summed(group)                the part of the summed axis that a workgroup adds up, in blocks
//   begin(group, slot, first)    where the workgroup's tile lies; fetching starts at `first`
//   fetch(slot, k, stop)         block k + slot.k of A's tile or of B's, zero from `stop` on
//   forward()                    called before k grows by depth4()
//   columns(), column            blocks of columns that C has, and those before the tile
//   store(i, j, block)           i and j within the tile
//   put_sums(j, v)               four sums of columns of B, where SUMS asks for them; j within the tile

// Blocks along the summed axis that pass at a time: 4 or 8.
fn depth4() -> u32 { return 512u / max(TILE_ROWS, TILE_COLUMNS); }

// [depth][rows / 4] of A and [depth][columns / 4] of B, in lines of 32 vec4: which line is known when a step is unrolled, and
// where in the line does not change from step to step, so that addresses cost nothing.
var<workgroup> tile_a: array<array<vec4<f32>, 32>, 16>;
var<workgroup> tile_b: array<array<vec4<f32>, 32>, 16>;

fn put_in_tile(slot: Slot, block: mat4x4<f32>) {
  if (!slot.used) { return; }
  let width = select(TILE_COLUMNS, TILE_ROWS, slot.is_a) / 4u;
  let at = 4u * slot.k * width + slot.along;
  if (slot.is_a) {
    tile_a[at / 32u][at % 32u] = block[0];
    tile_a[(at + width) / 32u][(at + width) % 32u] = block[1];
    tile_a[(at + 2u * width) / 32u][(at + 2u * width) % 32u] = block[2];
    tile_a[(at + 3u * width) / 32u][(at + 3u * width) % 32u] = block[3];
  } else {
    tile_b[at / 32u][at % 32u] = block[0];
    tile_b[(at + width) / 32u][(at + width) % 32u] = block[1];
    tile_b[(at + 2u * width) / 32u][(at + 2u * width) % 32u] = block[2];
    tile_b[(at + 3u * width) / 32u][(at + 3u * width) % 32u] = block[3];
  }
}

// Where an invocation's blocks of C lie in the tile, in blocks: this one, and 16 further where the tile is 128 long. 32
// neighbours make 4 x 8 blocks, which read least of the tiles.
struct Place { row: u32, column: u32 }

fn place_of(lane: u32) -> Place {
  return Place(lane / 8u % 4u + lane / 64u * 4u, lane % 8u + lane / 32u % 2u * 8u);
}

fn advance(k: u32, at: Place) {
  let ka = k * TILE_ROWS / 4u;
  let kb = k * TILE_COLUMNS / 4u;
  let a0 = tile_a[ka / 32u][ka % 32u + at.row];
  let b0 = tile_b[kb / 32u][kb % 32u + at.column];
  c00 = grown(c00, a0, b0);
  if (TILE_COLUMNS > 64u) {
    let b1 = tile_b[kb / 32u][16u + at.column];
    c01 = grown(c01, a0, b1);
    if (TILE_ROWS > 64u) { c11 = grown(c11, tile_a[ka / 32u][16u + at.row], b1); }
  }
  if (TILE_ROWS > 64u) { c10 = grown(c10, tile_a[ka / 32u][16u + at.row], b0); }
}

fn steps(k: u32, at: Place) {
  advance(k, at); advance(k + 1u, at); advance(k + 2u, at); advance(k + 3u, at);
  advance(k + 4u, at); advance(k + 5u, at); advance(k + 6u, at); advance(k + 7u, at);
}

fn multiply(at: Place) {
  if (!UNROLLED) {
    for (var k = 0u; k < 4u * depth4(); k++) { advance(k, at); }
    return;
  }
  steps(0u, at);
  steps(8u, at);
  if (depth4() == 4u) { return; }
  steps(16u, at);
  steps(24u, at);
}

fn finish_sums(slot: Slot, lane: u32, first_rows: bool) {
  if (!SUMS) { return; }
  if (slot.used && !slot.is_a) { tile_b[slot.k][slot.along] = passed; }
  workgroupBarrier();
  if (!first_rows || lane >= TILE_COLUMNS / 4u) { return; }
  var total = tile_b[0][lane];
  for (var k = 1u; k < depth4(); k++) { total += tile_b[k][lane]; }
  put_sums(lane, total);
}

@compute @workgroup_size(256)
fn tiles(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let part = summed(group);
  let slot = slot_of(lane);
  let place = place_of(lane);
  begin(group, slot, part.first);
  var next: mat4x4<f32>;
  var k = part.first;
  loop {
    if (k < part.stop) {
      next = fetch(slot, k, part.stop);
      pass_by(slot, next);
    }
    if (k > part.first) {
      multiply(place);
      workgroupBarrier();
    }
    if (k >= part.stop) { break; }
    put_in_tile(slot, next);
    workgroupBarrier();
    forward();
    k += depth4();
  }
  finish_sums(slot, lane, group.y == 0u);
  let row = 4u * place.row;
  if (!UNROLLED) {
    // Compilers cannot write out the inner loop, as they do not know where it begins.
    for (var i = 0u; i < TILE_ROWS / 64u; i++) {
      for (var at = column; at < min(column + TILE_COLUMNS / 64u, columns()); at++) {
        let j = at - column;
        store(row + 64u * i, place.column + 16u * j, block_of(i, j));
      }
    }
    return;
  }
  store(row, place.column, c00);
  if (TILE_COLUMNS > 64u) { store(row, place.column + 16u, c01); }
  if (TILE_ROWS > 64u) { store(row + 64u, place.column, c10); }
  if (TILE_ROWS > 64u && TILE_COLUMNS > 64u) { store(row + 64u, place.column + 16u, c11); }
}
