// One step of an LSTM over a whole sequence, forward and back, PyTorch's gates i, f, g, o. The products with the weights are
// done outside: of all steps at once for x, of this step for h. One invocation handles one hidden unit of one row. `count`
// units in all rows, n of them a row; arrays over all steps [T, count · k] are read and written at `step`.
struct Params { count: u32, n: u32, step: u32, has_dh: u32, has_dc: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gx: array<f32>;             // all steps: x Wx and biases, gates side by side
@group(0) @binding(2) var<storage, read> gh: array<f32>;             // h Wh
@group(0) @binding(3) var<storage, read> before: array<f32>;         // c before the step
@group(0) @binding(4) var<storage, read_write> hidden: array<f32>;   // h after it
@group(0) @binding(5) var<storage, read_write> cell: array<f32>;     // c after it
@group(0) @binding(6) var<storage, read_write> states: array<f32>;   // all steps: h
@group(0) @binding(7) var<storage, read_write> saved: array<f32>;     // all steps: i, f, g, o, tanh c', c
@group(0) @binding(8) var<storage, read> saved_in: array<f32>;
@group(0) @binding(9) var<storage, read> dstates: array<f32>;        // all steps: gradient to h from outside
@group(0) @binding(10) var<storage, read> dh: array<f32>;            // to h from the next step, or to the last h
@group(0) @binding(11) var<storage, read> dc: array<f32>;            // likewise to c
@group(0) @binding(12) var<storage, read_write> dgates: array<f32>;  // this step's gates
@group(0) @binding(13) var<storage, read_write> dgx: array<f32>;    // the same among all steps'
@group(0) @binding(14) var<storage, read_write> dbefore: array<f32>;

// i, f, o = s(.), g = tanh(.), c' = f c + i g, h' = o tanh(c').
@compute @workgroup_size(64)
fn step(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let n = params.n;
  let g = (i / n) * 4u * n + i % n;
  let x = params.step * 4u * params.count + g;
  let input = sigmoid(gx[x] + gh[g]);
  let forget = sigmoid(gx[x + n] + gh[g + n]);
  let candidate = bounded_tanh(gx[x + 2u * n] + gh[g + 2u * n]);
  let output = sigmoid(gx[x + 3u * n] + gh[g + 3u * n]);
  let c = forget * before[i] + input * candidate;
  let squashed = bounded_tanh(c);
  cell[i] = c;
  hidden[i] = output * squashed;
  let at = params.step * params.count + i;
  states[at] = output * squashed;
  saved[6u * at] = input;
  saved[6u * at + 1u] = forget;
  saved[6u * at + 2u] = candidate;
  saved[6u * at + 3u] = output;
  saved[6u * at + 4u] = squashed;
  saved[6u * at + 5u] = before[i];
}

@compute @workgroup_size(64)
fn step_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = linear_index(id, groups, 64u);
  if (i >= params.count) { return; }
  let n = params.n;
  let g = (i / n) * 4u * n + i % n;
  let at = params.step * params.count + i;
  let input = saved_in[6u * at];
  let forget = saved_in[6u * at + 1u];
  let candidate = saved_in[6u * at + 2u];
  let output = saved_in[6u * at + 3u];
  let squashed = saved_in[6u * at + 4u];
  var upstream = dstates[at];
  if (params.has_dh != 0u) { upstream += dh[i]; }
  var d_cell = upstream * output * (1.0 - squashed * squashed);
  if (params.has_dc != 0u) { d_cell += dc[i]; }
  let gates = array<f32, 4>(
    d_cell * candidate * input * (1.0 - input),
    d_cell * saved_in[6u * at + 5u] * forget * (1.0 - forget),
    d_cell * input * (1.0 - candidate * candidate),
    upstream * squashed * output * (1.0 - output),
  );
  let x = params.step * 4u * params.count + g;
  for (var k = 0u; k < 4u; k++) {
    dgates[g + k * n] = gates[k];
    dgx[x + k * n] = gates[k];
  }
  dbefore[i] = d_cell * forget;
}
