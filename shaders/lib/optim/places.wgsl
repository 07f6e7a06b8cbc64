// Places of seven parameters in one dispatch. Each has workgroups of its own, from `first` of Params on; the vector fields of Params
// hold one value a parameter: `a` the first four, `b` the others.
// The parameter that workgroup `at` belongs to.
fn owner(at: u32) -> u32 {
  let a = vec4<u32>(vec4<u32>(at) >= params.first_a);
  let b = vec3<u32>(vec3<u32>(at) >= params.first_b.xyz);
  return a.x + a.y + a.z + a.w + b.x + b.y + b.z - 1u;
}

fn whole_of(which: u32, a: vec4<u32>, b: vec4<u32>) -> u32 { return select(b[which & 3u], a[which & 3u], which < 4u); }

// The parameter that an invocation has, which four of its elements, and how many there are.
struct Place { which: u32, element: u32, size: u32 }

fn place_of(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> Place {
  let at = group.x + group.y * groups.x;
  let which = owner(at);
  let element = (at - whole_of(which, params.first_a, params.first_b)) * 64u + lane;
  return Place(which, element, whole_of(which, params.size_a, params.size_b));
}
