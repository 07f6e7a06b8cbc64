// Indices out of range, noted for the next reading: for each op whether there was one, one of them, and how many entries there
// were. Which of several is noted depends on timing; what is computed does not.
const GATHER = 0u;
const SCATTER = 1u;
const CROSS_ENTROPY = 2u;
const CROP_AND_RESIZE = 3u;
const ROI_ALIGN = 4u;
@group(0) @binding(15) var<storage, read_write> index_faults: array<atomic<u32>, 15>;

fn note_fault(op: u32, index: i32, entries: u32) {
  if (atomicExchange(&index_faults[3u * op], 1u) != 0u) { return; }
  atomicStore(&index_faults[3u * op + 1u], bitcast<u32>(index));
  atomicStore(&index_faults[3u * op + 2u], entries);
}

// True for one of `entries`; of others all but -1, which stands for none, are noted.
fn checked_index(op: u32, index: i32, entries: u32) -> bool {
  if (index >= 0 && u32(index) < entries) { return true; }
  if (index != -1) { note_fault(op, index, entries); }
  return false;
}
