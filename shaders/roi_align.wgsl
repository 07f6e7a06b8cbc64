// RoIAlign (He et al., Mask R-CNN, 2017) with torchvision's conventions. image [b, h, w, c]; boxes [r, 4] as y1, x1, y2, x2 in
// pixels of the network's input; y [r, rows, columns, c]. Each bin averages samples x samples bilinear reads at fixed places.
struct Params {
  batch: u32, h: u32, w: u32, c: u32,
  regions: u32, rows: u32, columns: u32, samples: u32,
  spatial_scale: f32, shift: f32, smallest: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<f32>;
@group(0) @binding(2) var<storage, read> boxes: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> box_image: array<i32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

struct Span { start: f32, step: f32 }

// Where a box starts along an axis, and how far apart its samples are.
fn span(first: f32, last: f32, bins: u32) -> Span {
  let start = first * params.spatial_scale - params.shift;
  let extent = max(last * params.spatial_scale - params.shift - start, params.smallest);
  return Span(start, extent / f32(bins));
}

// A read at p along an axis of `size` cells: nothing beyond one cell outside, clamped within.
fn sample_at(p: f32, size: u32) -> Sample {
  if (p < -1.0 || p > f32(size)) { return NO_SAMPLE; }
  return sample_within(p, size);
}

fn place(s: Span, bin: u32, k: u32) -> f32 {
  return s.start + f32(bin) * s.step + (f32(k) + 0.5) * s.step / f32(params.samples);
}

@compute @workgroup_size(64)
fn roi_align(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  let cells = params.rows * params.columns;
  if (i >= params.regions * cells * params.c) { return; }
  let c = i % params.c;
  let cell = (i / params.c) % cells;
  let region = i / (params.c * cells);
  let which = box_image[region];
  y[i] = 0.0;
  if (!checked_index(ROI_ALIGN, which, params.batch)) { return; }
  let base = u32(which) * params.h;
  let down = span(boxes[region].x, boxes[region].z, params.rows);
  let across = span(boxes[region].y, boxes[region].w, params.columns);
  var total = 0.0;
  for (var ky = 0u; ky < params.samples; ky++) {
    let sy = sample_at(place(down, cell / params.columns, ky), params.h);
    for (var kx = 0u; kx < params.samples; kx++) {
      let sx = sample_at(place(across, cell % params.columns, kx), params.w);
      if (sy.used && sx.used) {
        let top = (base + sy.low) * params.w;
        let bottom = (base + sy.high) * params.w;
        total += between(
          image[(top + sx.low) * params.c + c], image[(top + sx.high) * params.c + c],
          image[(bottom + sx.low) * params.c + c], image[(bottom + sx.high) * params.c + c], sx.part, sy.part,
        );
      }
    }
  }
  y[i] = total / f32(params.samples * params.samples);
}

struct Reach { first: u32, end: u32 }

// Bins that may read cell p, and one more on either side; the border cells also serve reads clamped from outside.
fn reach(s: Span, p: u32, bins: u32, size: u32) -> Reach {
  if (s.step <= 1e-6) { return Reach(0u, bins); }
  let low = select(f32(p) - 1.0, -1.0, p == 0u);
  let high = select(f32(p) + 1.0, f32(size), p == size - 1u);
  let first = clamp(floor((low - s.start) / s.step) - 1.0, 0.0, f32(bins));
  let end = clamp(ceil((high - s.start) / s.step) + 1.0, 0.0, f32(bins));
  return Reach(u32(first), u32(max(end, first)));
}

// y [b, h, w, c] = gradient to the image of dy (in image, [r, rows, columns, c]), gathered region by region.
@compute @workgroup_size(64)
fn roi_align_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.batch * params.h * params.w * params.c) { return; }
  let c = i % params.c;
  let px = (i / params.c) % params.w;
  let py = (i / (params.c * params.w)) % params.h;
  let which = i32(i / (params.c * params.w * params.h));
  var total = 0.0;
  for (var region = 0u; region < params.regions; region++) {
    if (box_image[region] != which) { continue; }
    let down = span(boxes[region].x, boxes[region].z, params.rows);
    let across = span(boxes[region].y, boxes[region].w, params.columns);
    let rows = reach(down, py, params.rows, params.h);
    let columns = reach(across, px, params.columns, params.w);
    for (var row = rows.first; row < rows.end; row++) {
      var weight_y = 0.0;
      for (var k = 0u; k < params.samples; k++) { weight_y += share(sample_at(place(down, row, k), params.h), py); }
      if (weight_y == 0.0) { continue; }
      for (var column = columns.first; column < columns.end; column++) {
        var weight_x = 0.0;
        for (var k = 0u; k < params.samples; k++) { weight_x += share(sample_at(place(across, column, k), params.w), px); }
        total += weight_y * weight_x * image[((region * params.rows + row) * params.columns + column) * params.c + c];
      }
    }
  }
  y[i] = total / f32(params.samples * params.samples);
}
