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

// First of the group's rows, and how many it has.
fn first_row(group: vec3<u32>, groups: vec3<u32>) -> u32 { return 8u * (group.y * groups.x + group.x); }
fn rows_from(row: u32) -> u32 { return min(8u, max(params.b, row) - row); }

// A step's gates before their squashing, of eight rows each: what rows are taken from one by one. Loops over rows are short
// to compile; written out, each access is a branch of its own, and newer drivers take minutes for them.
var<private> z: array<vec4<f32>, 32>;

// i, f, o = s(.), g = tanh(.), c' = f c + i g, h' = o tanh(c') of row r. c lies in last_c between steps.
fn cell(t: u32, row: u32, r: u32, q: u32) -> vec4<f32> {
  let quads = params.n / 4u;
  let own = (row + r) * quads + q;
  let c = last_c[own];
  let i = sigmoid(z[r]);
  let f = sigmoid(z[8u + r]);
  let g = bounded_tanh(z[16u + r]);
  let o = sigmoid(z[24u + r]);
  let next = f * c + i * g;
  let squashed = bounded_tanh(next);
  let h = o * squashed;
  let at = t * params.b + row + r;
  states[at * quads + q] = h;
  let k = at * 6u * quads + q;
  saved[k] = i;
  saved[k + quads] = f;
  saved[k + 2u * quads] = g;
  saved[k + 3u * quads] = o;
  saved[k + 4u * quads] = squashed;
  saved[k + 5u * quads] = c;
  last_c[own] = next;
  last_h[own] = h;
  return h;
}

// Row r's h of four units, as it is held from `at` on.
fn hold(at: u32, r: u32, h: vec4<f32>) {
  for (var u = 0u; u < 4u; u++) { hidden[2u * (at + u) + r / 4u][r % 4u] = h[u]; }
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
  let rows = select(0u, rows_from(row), q < quads);
  for (var r = 0u; r < rows; r++) {
    let own = (row + r) * quads + q;
    last_h[own] = h0[own];
    last_c[own] = c0[own];
    hold(4u * q, r, h0[own]);
  }
  workgroupBarrier();
  for (var t = 0u; t < params.steps; t++) {
    let now = (t % 2u) * MOST;
    let next = MOST - now;
    if (rows > 0u) {
      for (var r = 0u; r < rows; r++) {
        let at = (t * params.b + row + r) * n + q;
        for (var g = 0u; g < 4u; g++) { z[8u * g + r] = gx[at + g * quads]; }
      }
      var ia = mat4x4(z[0], z[1], z[2], z[3]);
      var ib = mat4x4(z[4], z[5], z[6], z[7]);
      var fa = mat4x4(z[8], z[9], z[10], z[11]);
      var fb = mat4x4(z[12], z[13], z[14], z[15]);
      var ga = mat4x4(z[16], z[17], z[18], z[19]);
      var gb = mat4x4(z[20], z[21], z[22], z[23]);
      var oa = mat4x4(z[24], z[25], z[26], z[27]);
      var ob = mat4x4(z[28], z[29], z[30], z[31]);
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
      for (var r = 0u; r < 4u; r++) {
        z[r] = ia[r];
        z[4u + r] = ib[r];
        z[8u + r] = fa[r];
        z[12u + r] = fb[r];
        z[16u + r] = ga[r];
        z[20u + r] = gb[r];
        z[24u + r] = oa[r];
        z[28u + r] = ob[r];
      }
      for (var r = 0u; r < rows; r++) { hold(next + 4u * q, r, cell(t, row, r, q)); }
    }
    workgroupBarrier();
  }
}

// Row r's value of four units of a gate, as it is held.
fn hold_gate(gate: u32, q: u32, r: u32, d: vec4<f32>) {
  let at = gate * params.n + 4u * q;
  for (var u = 0u; u < 4u; u++) { gates[2u * (at + u) + r / 4u][r % 4u] = d[u]; }
}

// Gradients to row r's gates before their squashing and to c, from those to h' and c', which lie in dh0 and dc0 between steps.
fn cell_grad(t: u32, row: u32, r: u32, q: u32) {
  let quads = params.n / 4u;
  let own = (row + r) * quads + q;
  let at = t * params.b + row + r;
  let k = at * 6u * quads + q;
  let i = saved_in[k];
  let f = saved_in[k + quads];
  let g = saved_in[k + 2u * quads];
  let o = saved_in[k + 3u * quads];
  let squashed = saved_in[k + 4u * quads];
  let upstream = dh0[own] + dstates[at * quads + q];
  let d = dc0[own] + upstream * o * (1.0 - squashed * squashed);
  let to_i = d * g * i * (1.0 - i);
  let to_f = d * saved_in[k + 5u * quads] * f * (1.0 - f);
  let to_g = d * i * (1.0 - g * g);
  let to_o = upstream * squashed * o * (1.0 - o);
  dc0[own] = d * f;
  let x = at * params.n + q;
  dgx[x] = to_i;
  dgx[x + quads] = to_f;
  dgx[x + 2u * quads] = to_g;
  dgx[x + 3u * quads] = to_o;
  hold_gate(0u, q, r, to_i);
  hold_gate(1u, q, r, to_f);
  hold_gate(2u, q, r, to_g);
  hold_gate(3u, q, r, to_o);
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
  let rows = rows_from(row);
  let p = 2u * lane;
  let end = min(p + 2u, quads);
  for (var q = p; q < end; q++) {
    for (var r = 0u; r < rows; r++) {
      let own = (row + r) * quads + q;
      dh0[own] = vec4<f32>();
      dc0[own] = vec4<f32>();
      if (params.has_dh != 0u) { dh0[own] = dh[own]; }
      if (params.has_dc != 0u) { dc0[own] = dc[own]; }
    }
  }
  for (var t = params.steps; t > 0u; t--) {
    for (var q = p; q < end; q++) {
      for (var r = 0u; r < rows; r++) { cell_grad(t - 1u, row, r, q); }
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
        let wq = wh_t[j * quads + end - 1u];
        pa += outer(wp, a);
        pb += outer(wp, b);
        qa += outer(wq, a);
        qb += outer(wq, b);
      }
      for (var r = 0u; r < 4u; r++) {
        z[r] = pa[r];
        z[4u + r] = pb[r];
        z[8u + r] = qa[r];
        z[12u + r] = qb[r];
      }
      for (var q = p; q < end; q++) {
        for (var r = 0u; r < rows; r++) { dh0[(row + r) * quads + q] = z[8u * (q - p) + r]; }
      }
    }
    workgroupBarrier();
  }
}
