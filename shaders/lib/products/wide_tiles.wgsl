// Matrix products on GPUs by tiles as lib/core_tiles.wgsl has them, with its readers, whose invocations compute 8 x 8 numbers each whatever
// the tile: 64, 128 or 256 of them share one. They read half as much of the tiles for a multiplication as those that compute 4 x 4.
// Eight numbers of the summed axis pass at a time. With two BUFFERS the next ones are stored while others still multiply the ones
// before, so that a step has one barrier and not two.
override LANES: u32 = 64u; // TILE_ROWS TILE_COLUMNS / 64
override BUFFERS: u32 = 2u;

fn depth4() -> u32 { return 2u; }

// [buffer][depth][rows / 4] of A and [buffer][depth][columns / 4] of B, in lines of 32 vec4 as in lib/core_tiles.wgsl.
var<workgroup> tile_a: array<array<array<vec4<f32>, 32>, 8>, 2>;
var<workgroup> tile_b: array<array<array<vec4<f32>, 32>, 8>, 2>;

fn put_in_tile(slot: Slot, block: mat4x4<f32>, buffer: u32) {
  if (!slot.used) { return; }
  let width = select(TILE_COLUMNS, TILE_ROWS, slot.is_a) / 4u;
  let at = 4u * slot.k * width + slot.along;
  if (slot.is_a) {
    tile_a[buffer][at / 32u][at % 32u] = block[0];
    tile_a[buffer][(at + width) / 32u][(at + width) % 32u] = block[1];
    tile_a[buffer][(at + 2u * width) / 32u][(at + 2u * width) % 32u] = block[2];
    tile_a[buffer][(at + 3u * width) / 32u][(at + 3u * width) % 32u] = block[3];
  } else {
    tile_b[buffer][at / 32u][at % 32u] = block[0];
    tile_b[buffer][(at + width) / 32u][(at + width) % 32u] = block[1];
    tile_b[buffer][(at + 2u * width) / 32u][(at + 2u * width) % 32u] = block[2];
    tile_b[buffer][(at + 3u * width) / 32u][(at + 3u * width) % 32u] = block[3];
  }
}

// Where an invocation's first block of C lies in the tile, in blocks; the others are half a tile further. 32 neighbours make 4 x 8
// blocks, which read least of the tiles.
struct Place { row: u32, column: u32 }

fn place_of(lane: u32) -> Place {
  let across = TILE_COLUMNS / 8u;
  return Place(lane / 8u % 4u + lane / (4u * across) * 4u, lane % 8u + lane / 32u % (across / 8u) * 8u);
}

fn advance(buffer: u32, k: u32, at: Place) {
  let ka = k * TILE_ROWS / 4u;
  let kb = k * TILE_COLUMNS / 4u;
  let a0 = tile_a[buffer][ka / 32u][ka % 32u + at.row];
  let a1 = tile_a[buffer][ka / 32u][ka % 32u + TILE_ROWS / 8u + at.row];
  let b0 = tile_b[buffer][kb / 32u][kb % 32u + at.column];
  let b1 = tile_b[buffer][kb / 32u][kb % 32u + TILE_COLUMNS / 8u + at.column];
  c00 = grown(c00, a0, b0);
  c01 = grown(c01, a0, b1);
  c10 = grown(c10, a1, b0);
  c11 = grown(c11, a1, b1);
}

fn multiply(buffer: u32, at: Place) {
  if (!UNROLLED) {
    for (var k = 0u; k < 4u * depth4(); k++) { advance(buffer, k, at); }
    return;
  }
  advance(buffer, 0u, at); advance(buffer, 1u, at); advance(buffer, 2u, at); advance(buffer, 3u, at);
  advance(buffer, 4u, at); advance(buffer, 5u, at); advance(buffer, 6u, at); advance(buffer, 7u, at);
}

fn finish_sums(slot: Slot, lane: u32, first_rows: bool) {
  if (!SUMS) { return; }
  workgroupBarrier();
  if (slot.used && !slot.is_a) { tile_b[0][slot.k][slot.along] = passed; }
  workgroupBarrier();
  if (!first_rows || lane >= TILE_COLUMNS / 4u) { return; }
  put_sums(lane, tile_b[0][0][lane] + tile_b[0][1][lane]);
}

@compute @workgroup_size(LANES)
fn wide_tiles(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let part = summed(group);
  let slot = slot_of(lane);
  let place = place_of(lane);
  begin(group, slot, part.first);
  var next: mat4x4<f32>;
  var buffer = 0u;
  var k = part.first;
  loop {
    if (k < part.stop) {
      next = fetch(slot, k, part.stop);
      pass_by(slot, next);
    }
    if (k > part.first) {
      multiply((buffer + BUFFERS - 1u) % BUFFERS, place);
      if (BUFFERS == 1u) { workgroupBarrier(); }
    }
    if (k >= part.stop) { break; }
    put_in_tile(slot, next, buffer);
    workgroupBarrier();
    forward();
    buffer = (buffer + 1u) % BUFFERS;
    k += depth4();
  }
  finish_sums(slot, lane, group.y == 0u);
  let row = 4u * place.row;
  if (!UNROLLED) {
    // Compilers cannot write out the inner loop, as they do not know where it begins.
    for (var i = 0u; i < 2u; i++) {
      for (var at = column; at < min(column + 2u, columns()); at++) {
        let j = at - column;
        store(row + TILE_ROWS / 2u * i, place.column + TILE_COLUMNS / 8u * j, block_of(i, j));
      }
    }
    return;
  }
  store(row, place.column, c00);
  store(row, place.column + TILE_COLUMNS / 8u, c01);
  store(row + TILE_ROWS / 2u, place.column, c10);
  store(row + TILE_ROWS / 2u, place.column + TILE_COLUMNS / 8u, c11);
}
