// All steps of an LSTM layer in one dispatch, forward and back, PyTorch's gates i, f, g, o: for software adapters, where a
// dispatch costs more than the work of a step. Rows are independent, so a workgroup takes eight of them through all steps.
// An invocation has four hidden units, that is a block of four units (the components of a matrix) by twice four rows (its
// columns, a and b) of each gate. `b` rows, `n` units, a multiple of four up to 128; arrays over all steps [steps, b, k].
struct Params { steps: u32, b: u32, n: u32, has_dh: u32, has_dc: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gx: array<vec4<f32>>;              // all steps: x Wx and biases, gates side by side
@group(0) @binding(2) var<storage, read> wh: array<vec4<f32>>;              // [n, 4n]
@group(0) @binding(3) var<storage, read> h0: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> c0: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> states: array<vec4<f32>>;    // all steps: h
@group(0) @binding(6) var<storage, read_write> saved: array<vec4<f32>>;      // all steps: i, f, g, o, tanh c', c side by side
@group(0) @binding(7) var<storage, read_write> last_h: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> last_c: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read> saved_in: array<vec4<f32>>;
@group(0) @binding(10) var<storage, read> wh_t: array<vec4<f32>>;           // [4n, n]
@group(0) @binding(11) var<storage, read> dstates: array<vec4<f32>>;        // all steps: gradient to h from outside
@group(0) @binding(12) var<storage, read> dh: array<vec4<f32>>;             // to the last h
@group(0) @binding(13) var<storage, read> dc: array<vec4<f32>>;             // to the last c
@group(0) @binding(14) var<storage, read_write> dgx: array<vec4<f32>>;      // all steps
@group(0) @binding(15) var<storage, read_write> dh0: array<vec4<f32>>;
@group(0) @binding(16) var<storage, read_write> dc0: array<vec4<f32>>;

override LANES: u32 = 8u;
const MOST = 128u;
var<workgroup> hidden: array<vec4<f32>, 4u * MOST>;   // h before and after a step in turns, of each unit, of rows a and b
var<workgroup> gates: array<vec4<f32>, 8u * MOST>;    // gradient to each gate of each unit, of rows a and b

fn outer(units: vec4<f32>, rows: vec4<f32>) -> mat4x4<f32> {
  return mat4x4(units * rows.x, units * rows.y, units * rows.z, units * rows.w);
}

// First of the group's rows. Where there are fewer than eight left, the last one stands in and is not written.
fn first_row(group: vec3<u32>, groups: vec3<u32>) -> u32 { return 8u * (group.y * groups.x + group.x); }
fn clamped(row: u32) -> u32 { return min(row, params.b - 1u); }

// Four rows of gate g at step t.
fn products(t: u32, row: u32, g: u32, q: u32) -> mat4x4<f32> {
  let n = params.n;
  let at = g * (n / 4u) + q;
  let start = t * params.b;
  return mat4x4(
    gx[(start + clamped(row)) * n + at],
    gx[(start + clamped(row + 1u)) * n + at],
    gx[(start + clamped(row + 2u)) * n + at],
    gx[(start + clamped(row + 3u)) * n + at],
  );
}

struct Cell { h: vec4<f32>, c: vec4<f32> }

// i, f, o = s(.), g = tanh(.), c' = f c + i g, h' = o tanh(c').
fn cell(t: u32, row: u32, q: u32, zi: vec4<f32>, zf: vec4<f32>, zg: vec4<f32>, zo: vec4<f32>, c: vec4<f32>) -> Cell {
  let i = sigmoid(zi);
  let f = sigmoid(zf);
  let g = bounded_tanh(zg);
  let o = sigmoid(zo);
  let next = f * c + i * g;
  let squashed = bounded_tanh(next);
  let h = o * squashed;
  if (row < params.b) {
    let quads = params.n / 4u;
    let at = t * params.b + row;
    states[at * quads + q] = h;
    let k = at * 6u * quads + q;
    saved[k] = i;
    saved[k + quads] = f;
    saved[k + 2u * quads] = g;
    saved[k + 3u * quads] = o;
    saved[k + 4u * quads] = squashed;
    saved[k + 5u * quads] = c;
  }
  return Cell(h, next);
}

// Four rows' values of four units, as rows for each unit, to where they are held: half 0 of rows a, 1 of rows b.
fn hold(at: u32, half: u32, h: mat4x4<f32>) {
  let units = transpose(h);
  for (var u = 0u; u < 4u; u++) { hidden[2u * (at + u) + half] = units[u]; }
}

@compute @workgroup_size(LANES)
fn sequence(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) q: u32,
) {
  let n = params.n;
  let quads = n / 4u;
  let row = first_row(group, groups);
  let live = q < quads;
  var ca = mat4x4<f32>();
  var cb = mat4x4<f32>();
  if (live) {
    var ha = mat4x4<f32>();
    var hb = mat4x4<f32>();
    for (var r = 0u; r < 4u; r++) {
      let a = clamped(row + r) * quads + q;
      let b = clamped(row + 4u + r) * quads + q;
      ha[r] = h0[a];
      hb[r] = h0[b];
      ca[r] = c0[a];
      cb[r] = c0[b];
    }
    hold(4u * q, 0u, ha);
    hold(4u * q, 1u, hb);
  }
  workgroupBarrier();
  for (var t = 0u; t < params.steps; t++) {
    let now = (t % 2u) * MOST;
    let next = MOST - now;
    if (live) {
      var ia = products(t, row, 0u, q);
      var fa = products(t, row, 1u, q);
      var ga = products(t, row, 2u, q);
      var oa = products(t, row, 3u, q);
      var ib = products(t, row + 4u, 0u, q);
      var fb = products(t, row + 4u, 1u, q);
      var gb = products(t, row + 4u, 2u, q);
      var ob = products(t, row + 4u, 3u, q);
      for (var k = 0u; k < n; k++) {
        let a = hidden[2u * (now + k)];
        let b = hidden[2u * (now + k) + 1u];
        let w = k * n + q;
        let wi = wh[w];
        let wf = wh[w + quads];
        let wg = wh[w + 2u * quads];
        let wo = wh[w + 3u * quads];
        ia += outer(wi, a);
        fa += outer(wf, a);
        ga += outer(wg, a);
        oa += outer(wo, a);
        ib += outer(wi, b);
        fb += outer(wf, b);
        gb += outer(wg, b);
        ob += outer(wo, b);
      }
      let a0 = cell(t, row, q, ia[0], fa[0], ga[0], oa[0], ca[0]);
      let a1 = cell(t, row + 1u, q, ia[1], fa[1], ga[1], oa[1], ca[1]);
      let a2 = cell(t, row + 2u, q, ia[2], fa[2], ga[2], oa[2], ca[2]);
      let a3 = cell(t, row + 3u, q, ia[3], fa[3], ga[3], oa[3], ca[3]);
      let b0 = cell(t, row + 4u, q, ib[0], fb[0], gb[0], ob[0], cb[0]);
      let b1 = cell(t, row + 5u, q, ib[1], fb[1], gb[1], ob[1], cb[1]);
      let b2 = cell(t, row + 6u, q, ib[2], fb[2], gb[2], ob[2], cb[2]);
      let b3 = cell(t, row + 7u, q, ib[3], fb[3], gb[3], ob[3], cb[3]);
      ca = mat4x4(a0.c, a1.c, a2.c, a3.c);
      cb = mat4x4(b0.c, b1.c, b2.c, b3.c);
      hold(next + 4u * q, 0u, mat4x4(a0.h, a1.h, a2.h, a3.h));
      hold(next + 4u * q, 1u, mat4x4(b0.h, b1.h, b2.h, b3.h));
    }
    workgroupBarrier();
  }
  if (!live) { return; }
  for (var r = 0u; r < 8u; r++) {
    if (row + r >= params.b) { break; }
    let at = 2u * ((params.steps % 2u) * MOST + 4u * q) + r / 4u;
    last_h[(row + r) * quads + q] = vec4(hidden[at][r % 4u], hidden[at + 2u][r % 4u], hidden[at + 4u][r % 4u], hidden[at + 6u][r % 4u]);
    last_c[(row + r) * quads + q] = select(ca[r % 4u], cb[r % 4u], r >= 4u);
  }
}

struct CellGrad { i: vec4<f32>, f: vec4<f32>, g: vec4<f32>, o: vec4<f32>, c: vec4<f32> }

// Gradients to a row's gates before their squashing and to c, from those to h' and c'.
fn cell_grad(t: u32, row: u32, q: u32, d_hidden: vec4<f32>, d_next: vec4<f32>) -> CellGrad {
  let quads = params.n / 4u;
  let at = t * params.b + clamped(row);
  let k = at * 6u * quads + q;
  let i = saved_in[k];
  let f = saved_in[k + quads];
  let g = saved_in[k + 2u * quads];
  let o = saved_in[k + 3u * quads];
  let squashed = saved_in[k + 4u * quads];
  let upstream = d_hidden + dstates[at * quads + q];
  let d = d_next + upstream * o * (1.0 - squashed * squashed);
  let to = CellGrad(
    d * g * i * (1.0 - i),
    d * saved_in[k + 5u * quads] * f * (1.0 - f),
    d * i * (1.0 - g * g),
    upstream * squashed * o * (1.0 - o),
    d * f,
  );
  if (row < params.b) {
    let x = at * params.n + q;
    dgx[x] = to.i;
    dgx[x + quads] = to.f;
    dgx[x + 2u * quads] = to.g;
    dgx[x + 3u * quads] = to.o;
  }
  return to;
}

fn hold_gate(at: u32, half: u32, gate: mat4x4<f32>) {
  let units = transpose(gate);
  for (var u = 0u; u < 4u; u++) { gates[2u * (at + u) + half] = units[u]; }
}

// Four rows' gates; returns what goes to their c.
fn four_grads(t: u32, row: u32, q: u32, half: u32, d_hidden: mat4x4<f32>, d_cell: mat4x4<f32>) -> mat4x4<f32> {
  let n = params.n;
  let r0 = cell_grad(t, row, q, d_hidden[0], d_cell[0]);
  let r1 = cell_grad(t, row + 1u, q, d_hidden[1], d_cell[1]);
  let r2 = cell_grad(t, row + 2u, q, d_hidden[2], d_cell[2]);
  let r3 = cell_grad(t, row + 3u, q, d_hidden[3], d_cell[3]);
  hold_gate(4u * q, half, mat4x4(r0.i, r1.i, r2.i, r3.i));
  hold_gate(n + 4u * q, half, mat4x4(r0.f, r1.f, r2.f, r3.f));
  hold_gate(2u * n + 4u * q, half, mat4x4(r0.g, r1.g, r2.g, r3.g));
  hold_gate(3u * n + 4u * q, half, mat4x4(r0.o, r1.o, r2.o, r3.o));
  return mat4x4(r0.c, r1.c, r2.c, r3.c);
}

// Gradients that leave a step backwards, of four units: to h and c of rows a and b.
struct Carried { ha: mat4x4<f32>, hb: mat4x4<f32>, ca: mat4x4<f32>, cb: mat4x4<f32> }

fn carried_from(row: u32, q: u32) -> Carried {
  let quads = params.n / 4u;
  var from_end = Carried();
  for (var r = 0u; r < 4u && q < quads; r++) {
    let a = clamped(row + r) * quads + q;
    let b = clamped(row + 4u + r) * quads + q;
    if (params.has_dh != 0u) {
      from_end.ha[r] = dh[a];
      from_end.hb[r] = dh[b];
    }
    if (params.has_dc != 0u) {
      from_end.ca[r] = dc[a];
      from_end.cb[r] = dc[b];
    }
  }
  return from_end;
}

fn store_first(row: u32, q: u32, d: Carried) {
  let quads = params.n / 4u;
  for (var r = 0u; r < 8u && q < quads; r++) {
    if (row + r >= params.b) { break; }
    let at = (row + r) * quads + q;
    dh0[at] = select(d.ha[r % 4u], d.hb[r % 4u], r >= 4u);
    dc0[at] = select(d.ca[r % 4u], d.cb[r % 4u], r >= 4u);
  }
}

// Here an invocation has eight units, which share what it loads of the gates.
@compute @workgroup_size(LANES)
fn sequence_grad(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = params.n;
  let quads = n / 4u;
  let row = first_row(group, groups);
  let p = 2u * lane;
  let q = 2u * lane + 1u;
  let last = quads - 1u;
  var dp = carried_from(row, p);
  var dq = carried_from(row, q);
  for (var t = params.steps; t > 0u; t--) {
    if (p < quads) {
      dp.ca = four_grads(t - 1u, row, p, 0u, dp.ha, dp.ca);
      dp.cb = four_grads(t - 1u, row + 4u, p, 1u, dp.hb, dp.cb);
    }
    if (q < quads) {
      dq.ca = four_grads(t - 1u, row, q, 0u, dq.ha, dq.ca);
      dq.cb = four_grads(t - 1u, row + 4u, q, 1u, dq.hb, dq.cb);
    }
    workgroupBarrier();
    if (p < quads) {
      var pa = mat4x4<f32>();
      var pb = mat4x4<f32>();
      var qa = mat4x4<f32>();
      var qb = mat4x4<f32>();
      for (var j = 0u; j < 4u * n; j++) {
        let a = gates[2u * j];
        let b = gates[2u * j + 1u];
        let wp = wh_t[j * quads + p];
        let wq = wh_t[j * quads + min(q, last)];
        pa += outer(wp, a);
        pb += outer(wp, b);
        qa += outer(wq, a);
        qb += outer(wq, b);
      }
      dp.ha = pa;
      dp.hb = pb;
      dq.ha = qa;
      dq.hb = qb;
    }
    workgroupBarrier();
  }
  store_first(row, p, dp);
  store_first(row, q, dq);
}
