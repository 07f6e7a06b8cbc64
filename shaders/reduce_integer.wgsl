// Reductions of integers x [outer, reduced, inner] over the middle axis, as words, in chunks: each takes elements that are
// `chunks` apart, so that neighbours read neighbours. Sums and products wrap; the order makes no difference to any of them.
const SUM = 0u;
const MAX = 1u;
const PROD = 2u;
override OP: u32 = SUM;
// Bits that are flipped so that the largest of the words as u32 is what is looked for.
override FLIP: u32 = 0u;
struct Params { count: u32, reduced: u32, inner: u32, chunks: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn reduce(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let column = i % params.inner;
  let chunk = (i / params.inner) % params.chunks;
  let row = i / (params.inner * params.chunks);
  var acc = select(0u, 1u, OP == PROD);
  for (var r = chunk; r < params.reduced; r += params.chunks) {
    let word = x[(row * params.reduced + r) * params.inner + column];
    switch OP {
      case SUM: { acc += word; }
      case PROD: { acc *= word; }
      default: { acc = max(acc, word ^ FLIP); }
    }
  }
  y[i] = acc ^ FLIP;
}
