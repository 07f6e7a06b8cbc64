// Up to eight tensors side by side along an axis as one, or one cut into as many, in one dispatch, for kernel set gpu. The axis
// and what lies within it are the columns here; `stop` has the column at which each tensor ends. Words of any type.
struct Params { count: u32, stop_a: vec4<u32>, stop_b: vec4<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> part0: array<u32>;
@group(0) @binding(2) var<storage, read> part1: array<u32>;
@group(0) @binding(3) var<storage, read> part2: array<u32>;
@group(0) @binding(4) var<storage, read> part3: array<u32>;
@group(0) @binding(5) var<storage, read> part4: array<u32>;
@group(0) @binding(6) var<storage, read> part5: array<u32>;
@group(0) @binding(7) var<storage, read> part6: array<u32>;
@group(0) @binding(8) var<storage, read> part7: array<u32>;
@group(0) @binding(9) var<storage, read_write> joined: array<u32>;
@group(0) @binding(10) var<storage, read> whole: array<u32>;
@group(0) @binding(11) var<storage, read_write> piece0: array<u32>;
@group(0) @binding(12) var<storage, read_write> piece1: array<u32>;
@group(0) @binding(13) var<storage, read_write> piece2: array<u32>;
@group(0) @binding(14) var<storage, read_write> piece3: array<u32>;
@group(0) @binding(15) var<storage, read_write> piece4: array<u32>;
@group(0) @binding(16) var<storage, read_write> piece5: array<u32>;
@group(0) @binding(17) var<storage, read_write> piece6: array<u32>;
@group(0) @binding(18) var<storage, read_write> piece7: array<u32>;

// The tensor that word i of the whole is in, and its place there.
struct Place { which: u32, at: u32 }

fn stop_of(which: u32) -> u32 { return select(params.stop_b[which & 3u], params.stop_a[which & 3u], which < 4u); }

fn place_of(i: u32) -> Place {
  let width = params.stop_b.w;
  let column = i % width;
  let a = vec4<u32>(vec4<u32>(column) >= params.stop_a);
  let b = vec4<u32>(vec4<u32>(column) >= params.stop_b);
  let which = a.x + a.y + a.z + a.w + b.x + b.y + b.z + b.w;
  var first = 0u;
  if (which > 0u) { first = stop_of(which - 1u); }
  return Place(which, (i / width) * (stop_of(which) - first) + column - first);
}

@compute @workgroup_size(64)
fn join(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let place = place_of(i);
  var word: u32;
  switch place.which {
    case 0u: { word = part0[place.at]; }
    case 1u: { word = part1[place.at]; }
    case 2u: { word = part2[place.at]; }
    case 3u: { word = part3[place.at]; }
    case 4u: { word = part4[place.at]; }
    case 5u: { word = part5[place.at]; }
    case 6u: { word = part6[place.at]; }
    default: { word = part7[place.at]; }
  }
  joined[i] = word;
}

@compute @workgroup_size(64)
fn part(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let place = place_of(i);
  let word = whole[i];
  switch place.which {
    case 0u: { piece0[place.at] = word; }
    case 1u: { piece1[place.at] = word; }
    case 2u: { piece2[place.at] = word; }
    case 3u: { piece3[place.at] = word; }
    case 4u: { piece4[place.at] = word; }
    case 5u: { piece5[place.at] = word; }
    case 6u: { piece6[place.at] = word; }
    default: { piece7[place.at] = word; }
  }
}
