// 3 x 3 convolutions of stride 1 by minimal filtering (Winograd, 1980; Lavin and Gray, 2016; docs/papers/winograd.md#minimal-filtering).
// An image is cut in tiles of OUTPUTS x OUTPUTS pixels of y. A line d of a tile's inputs, g of a filter and y of the tile's outputs
// are linked by
//
//   y = A' (G g * B' d)
//
// with a product point by point, and so are columns. Summed over channels, the products of a point are, for all tiles, a matrix
// product, which the cores of lib/core_*.wgsl compute. y is linear in g, so the gradient to g is G' (A dy * B' d), summed over
// tiles; that to x is a convolution of dy with the filter turned round. These kernels lead tiles to points and back:
//
//   image [n, h, w, c] <-> planes [points * points, tiles, c]        filters [3, 3, ci, co] <-> planes [points * points, ci, co]
//
// An invocation has one tile of one channel, or of four. Planes are numbered across wherever they are.
struct Params {
  h: u32, w: u32, channels: u32,
  // Tiles down and across an image, and all places of a plane: tiles x channels, or input x output channels.
  down: u32, across: u32, count: u32,
  // Pixels that a tile's inputs begin before its outputs.
  top: i32, left: i32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read_write> y: array<Value>;
// The filter turned round: its gradient to the input.
override TURNED: bool = false;

alias Taps = array<Value, 3>;

// A tile in its image: the first of its pixels, and the index of the image's own.
struct Place { y: i32, x: i32, image: u32, channel: u32 }

fn place_of(i: u32, top: i32, left: i32) -> Place {
  let tile = i / params.channels;
  let line = tile / params.across;
  return Place(
    i32(line % params.down * OUTPUTS) - top, i32(tile % params.across * OUTPUTS) - left,
    line / params.down * params.h * params.w, i % params.channels,
  );
}

// Pixel (down, across) of a tile, zero outside the image.
fn pixel(p: Place, down: u32, across: u32) -> Value {
  let row = p.y + i32(down);
  let col = p.x + i32(across);
  let inside = row >= 0 && row < i32(params.h) && col >= 0 && col < i32(params.w);
  let at = p.image + u32(select(0, row * i32(params.w) + col, inside));
  return select(Value(0.0), x[at * params.channels + p.channel], inside);
}

fn put_pixel(p: Place, down: u32, across: u32, v: Value) {
  let row = u32(p.y) + down;
  let col = u32(p.x) + across;
  if (row >= params.h || col >= params.w) { return; }
  let at = (p.image + row * params.w + col) * params.channels + p.channel;
  y[at] = epilogue(v, channel_of(p.channel), at);
}

fn plane(k: u32, i: u32) -> Value { return x[k * params.count + i]; }
fn put_plane(k: u32, i: u32, v: Value) { y[k * params.count + i] = v; }

fn tap(k: u32, i: u32) -> Value { return plane(select(k, 8u - k, TURNED), i); }
fn taps(k: u32, i: u32) -> Taps { return Taps(tap(k, i), tap(k + 1u, i), tap(k + 2u, i)); }

fn put_tap(k: u32, i: u32, v: Value) {
  let at = k * params.count + i;
  if (ADD) { y[at] += v; } else { y[at] = v; }
}

fn put_taps(k: u32, i: u32, v: Taps) {
  put_tap(k, i, v[0]);
  put_tap(k + 1u, i, v[1]);
  put_tap(k + 2u, i, v[2]);
}

@compute @workgroup_size(64)
fn inputs(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  put_planes(i, input_tile(inputs_of(place_of(i, params.top, params.left))));
}

@compute @workgroup_size(64)
fn filters(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  put_planes(i, filter_tile(array<Taps, 3>(taps(0u, i), taps(3u, i), taps(6u, i))));
}

@compute @workgroup_size(64)
fn outputs(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  put_outputs(place_of(i, 0, 0), output_tile(planes_of(i)));
}

@compute @workgroup_size(64)
fn output_grads(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  put_planes(i, output_grad_tile(outputs_of(place_of(i, 0, 0))));
}

@compute @workgroup_size(64)
fn filter_grads(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let g = filter_grad_tile(planes_of(i));
  put_taps(0u, i, g[0]);
  put_taps(3u, i, g[1]);
  put_taps(6u, i, g[2]);
}
