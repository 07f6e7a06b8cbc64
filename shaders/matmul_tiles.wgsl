// C = act(op(A) op(B) * scale + bias + residual), batched, for profile gpu; or, with several parts, parts of op(A) op(B). Tiles:
// see lib/tile.wgsl. z counts batch entries, then parts.
fn fetch(slot: Slot, k: u32, stop: u32, batch: u32, row: u32, column: u32) -> mat4x4<f32> {
  let at = k + slot.k;
  if (at >= stop || !slot.used) { return mat4x4<f32>(); }
  if (slot.is_a) { return transpose(load_a(batch * params.stride_a, row + 4u * slot.along, at)); }
  return load_b(batch * params.stride_b, at, column + slot.along);
}

fn store_row(base: u32, row: u32, column: u32, v: vec4<f32>) {
  if (row >= params.m || column >= params.n4) { return; }
  let at = base + row * params.n4 + column;
  let out = epilogue(v, column, at);
  if (ADD) { c[at] += out; } else { c[at] = out; }
}

fn store(base: u32, row: u32, column: u32, block: mat4x4<f32>) {
  store_row(base, row, column, block[0]);
  store_row(base, row + 1u, column, block[1]);
  store_row(base, row + 2u, column, block[2]);
  store_row(base, row + 3u, column, block[3]);
}

@compute @workgroup_size(256)
fn matmul_tiles(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let batch = group.z % params.batches + params.first_batch;
  let part = part_of(params.k4, group.z / params.batches, params.parts, depth4());
  let row = group.y * TILE_ROWS;
  let column = group.x * (TILE_COLUMNS / 4u);
  let slot = slot_of(lane);
  let place = place_of(lane);
  var next = fetch(slot, part.first, part.stop, batch, row, column);
  for (var k = part.first; k < part.stop; k += depth4()) {
    put(slot, next);
    workgroupBarrier();
    if (k + depth4() < part.stop) { next = fetch(slot, k + depth4(), part.stop, batch, row, column); }
    multiply(place);
    workgroupBarrier();
  }
  let base = (group.z + params.first_batch) * params.stride_c;
  let y = row + 4u * place.row;
  let x = column + place.column;
  store(base, y, x, c00);
  if (TILE_COLUMNS > 64u) { store(base, y, x + 16u, c01); }
  if (TILE_ROWS > 64u) { store(base, y + 64u, x, c10); }
  if (TILE_ROWS > 64u && TILE_COLUMNS > 64u) { store(base, y + 64u, x + 16u, c11); }
}
