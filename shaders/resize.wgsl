// Bilinear resizing of x [n, h, w, c] to y [n, ho, wo, c] and its gradient by gather. Channels are Values. MODE says where output
// cell i lies; positions are clamped to the image.
const ASYMMETRIC = 0u;     // i s
const HALF_PIXEL = 1u;     // (i + 0.5) s - 0.5
const ALIGN_CORNERS = 2u;  // i (h - 1) / (ho - 1)
override MODE: u32 = ASYMMETRIC;
struct Params { n: u32, h: u32, w: u32, c: u32, ho: u32, wo: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read_write> y: array<Value>;

fn sample_at(i: u32, size: u32, cells: u32) -> Sample {
  var p = 0.0;
  switch MODE {
    case ASYMMETRIC: { p = f32(i) * (f32(size) / f32(cells)); }
    case HALF_PIXEL: { p = (f32(i) + 0.5) * (f32(size) / f32(cells)) - 0.5; }
    default: { if (cells > 1u) { p = f32(i) * (f32(size - 1u) / f32(cells - 1u)); } }
  }
  return sample_within(p, size);
}

// Where output cell `place` lies: its four neighbours' places in the input, and their shares.
struct Around { top: vec2<u32>, bottom: vec2<u32>, across: f32, down: f32 }

fn around(place: u32) -> Around {
  let sy = sample_at((place / params.wo) % params.ho, params.h, params.ho);
  let sx = sample_at(place % params.wo, params.w, params.wo);
  let image = place / (params.wo * params.ho) * params.h;
  let columns = vec2(sx.low, sx.high);
  return Around((image + sy.low) * params.w + columns, (image + sy.high) * params.w + columns, sx.part, sy.part);
}

@compute @workgroup_size(64)
fn resize(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.n * params.ho * params.wo * params.c) { return; }
  let c = i % params.c;
  let a = around(i / params.c);
  y[i] = between(
    x[a.top.x * params.c + c], x[a.top.y * params.c + c], x[a.bottom.x * params.c + c], x[a.bottom.y * params.c + c],
    a.across, a.down,
  );
}

// First output cell that may touch input cell p: positions rise with i, so the scan starts a little before the inverse.
fn first_touching(p: u32, size: u32, cells: u32) -> u32 {
  let inverse = (f32(p) - 1.5) * (f32(cells) / f32(size)) - 2.0;
  return u32(clamp(inverse, 0.0, f32(cells)));
}

// y = gradient to the input of dy (in x, [n, ho, wo, c]); y [n, h, w, c].
@compute @workgroup_size(64)
fn resize_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.n * params.h * params.w * params.c) { return; }
  let c = i % params.c;
  let place = i / params.c;
  let px = place % params.w;
  let py = (place / params.w) % params.h;
  let image = place / (params.w * params.h);
  var total = Value();
  for (var oy = first_touching(py, params.h, params.ho); oy < params.ho; oy++) {
    let sy = sample_at(oy, params.h, params.ho);
    if (sy.low > py) { break; }
    let weight = share(sy, py);
    if (weight == 0.0) { continue; }
    for (var ox = first_touching(px, params.w, params.wo); ox < params.wo; ox++) {
      let sx = sample_at(ox, params.w, params.wo);
      if (sx.low > px) { break; }
      let part = weight * share(sx, px);
      if (part != 0.0) { total += part * x[((image * params.ho + oy) * params.wo + ox) * params.c + c]; }
    }
  }
  y[i] = total;
}
