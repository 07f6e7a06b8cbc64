// Kernel set gpu: a summed axis of `depth` blocks is cut in `parts`, each a multiple of `grain` but the last, so that few outputs
// still fill a GPU. Each part has a result of its own, and split_sum.wgsl adds them up.
struct Part { first: u32, stop: u32 }

fn part_of(depth: u32, part: u32, parts: u32, grain: u32) -> Part {
  let size = (depth + parts * grain - 1u) / (parts * grain) * grain;
  return Part(min(part * size, depth), min((part + 1u) * size, depth));
}
