// Bilinear reads. A place along an axis is the cells around it and how far it lies from the first; where it is not `used`, nothing
// is read there.
struct Sample { low: u32, high: u32, part: f32, used: bool }

const NO_SAMPLE = Sample(0u, 0u, 0.0, false);

// A place on an axis of `size` cells, moved to the nearer end where it lies beyond.
fn sample_within(p: f32, size: u32) -> Sample {
  let q = clamp(p, 0.0, f32(size - 1u));
  let low = u32(floor(q));
  return Sample(low, min(low + 1u, size - 1u), q - floor(q), true);
}

// The same, but that one on a cell has no other: gradients to places see no slope there.
fn sample_on_cells(p: f32, size: u32) -> Sample {
  let s = sample_within(p, size);
  return Sample(s.low, select(s.low, s.high, s.part > 0.0), s.part, true);
}

// The share of cell p in a sample.
fn share(s: Sample, p: u32) -> f32 {
  return select(0.0, select(0.0, 1.0 - s.part, s.low == p) + select(0.0, s.part, s.high == p), s.used);
}

// What lies between four cells.
fn between(top_left: Value, top_right: Value, bottom_left: Value, bottom_right: Value, across: f32, down: f32) -> Value {
  return mix(mix(top_left, top_right, across), mix(bottom_left, bottom_right, across), down);
}
