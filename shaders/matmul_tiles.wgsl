// C = act(op(A) op(B) * scale + bias + residual), batched, on GPUs: readers of lib/core_tiles.wgsl; or, with several parts, parts
// of op(A) op(B). z counts batch entries, then parts.
var<private> base_a: u32;
var<private> base_b: u32;
var<private> base_c: u32;
var<private> row: u32;
var<private> column: u32;

fn summed(group: vec3<u32>) -> Part { return part_of(params.k4, group.z / params.batches, params.parts, depth4()); }

fn begin(group: vec3<u32>, slot: Slot, first: u32) {
  let batch = group.z % params.batches + params.first_batch;
  base_a = batch * params.stride_a;
  base_b = batch * params.stride_b;
  base_c = (group.z + params.first_batch) * params.stride_c;
  row = group.y * TILE_ROWS;
  column = group.x * (TILE_COLUMNS / 4u);
}

fn forward() {}

fn fetch(slot: Slot, k: u32, stop: u32) -> mat4x4<f32> {
  let at = k + slot.k;
  if (at >= stop || !slot.used) { return mat4x4<f32>(); }
  if (slot.is_a) { return transpose(load_a(base_a, row + 4u * slot.along, at)); }
  return load_b(base_b, at, column + slot.along);
}

fn store(i: u32, j: u32, block: mat4x4<f32>) { put_block(base_c, row + i, column + j, block); }

// Behind C where there are parts, which are still to be added up, else by themselves, added to what is there or not.
override SUMS_BEHIND: bool = false;
override ADD_SUMS: bool = false;

fn put_sums(j: u32, v: vec4<f32>) { put_column_sums(base_c, column + j, v); }
