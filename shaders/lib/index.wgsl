// Linear index of an invocation in a one-dimensional dispatch that may be folded into rows, because one axis of a dispatch
// holds at most 65,535 workgroups. `groups` is num_workgroups, `width` the workgroup's size along x.
fn linear_index(id: vec3<u32>, groups: vec3<u32>, width: u32) -> u32 {
  return id.x + id.y * (groups.x * width);
}
