// Winograd's F(2x2, 3x3): 2 x 2 outputs of a 3 x 3 filter from 4 x 4 inputs by 16 multiplications, not 36. Polynomials meet at the
// points 0, 1, -1 and infinity. lib/winograd/f4.wgsl is its twin for larger tiles, function by function.
const OUTPUTS = 2u;

alias Line = array<Value, 4>;
alias Outputs = array<Value, 2>;
alias Tile = array<Line, 4>;
alias OutputTile = array<Outputs, 2>;

// B' d:  1  0 -1  0
//        0  1  1  0
//        0 -1  1  0
//        0  1  0 -1
fn input_line(d: Line) -> Line { return Line(d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]); }

// G g:   1    0    0
//      1/2  1/2  1/2
//      1/2 -1/2  1/2
//        0    0    1
fn filter_line(g: Taps) -> Line {
  let even = 0.5 * (g[0] + g[2]);
  let odd = 0.5 * g[1];
  return Line(g[0], even + odd, even - odd, g[2]);
}

// A' m:  1  1  1  0
//        0  1 -1 -1
fn output_line(m: Line) -> Outputs { return Outputs(m[0] + m[1] + m[2], m[1] - m[2] - m[3]); }

// A y
fn output_grad_line(y: Outputs) -> Line { return Line(y[0], y[0] + y[1], y[0] - y[1], -y[1]); }

// G' m
fn filter_grad_line(m: Line) -> Taps {
  let even = 0.5 * (m[1] + m[2]);
  return Taps(m[0] + even, 0.5 * (m[1] - m[2]), even + m[3]);
}

// A matrix times each line, then times each column of what comes of that: the result lies across.
fn input_tile(d: Tile) -> Tile {
  let t = Tile(input_line(d[0]), input_line(d[1]), input_line(d[2]), input_line(d[3]));
  return Tile(input_line(column(t, 0u)), input_line(column(t, 1u)), input_line(column(t, 2u)), input_line(column(t, 3u)));
}

fn filter_tile(g: array<Taps, 3>) -> Tile {
  let t = array<Line, 3>(filter_line(g[0]), filter_line(g[1]), filter_line(g[2]));
  return Tile(
    filter_line(Taps(t[0][0], t[1][0], t[2][0])), filter_line(Taps(t[0][1], t[1][1], t[2][1])),
    filter_line(Taps(t[0][2], t[1][2], t[2][2])), filter_line(Taps(t[0][3], t[1][3], t[2][3])),
  );
}

fn output_tile(m: Tile) -> OutputTile {
  let t = array<Outputs, 4>(output_line(m[0]), output_line(m[1]), output_line(m[2]), output_line(m[3]));
  return OutputTile(
    output_line(Line(t[0][0], t[1][0], t[2][0], t[3][0])), output_line(Line(t[0][1], t[1][1], t[2][1], t[3][1])),
  );
}

fn output_grad_tile(y: OutputTile) -> Tile {
  let t = array<Line, 2>(output_grad_line(y[0]), output_grad_line(y[1]));
  return Tile(
    output_grad_line(Outputs(t[0][0], t[1][0])), output_grad_line(Outputs(t[0][1], t[1][1])),
    output_grad_line(Outputs(t[0][2], t[1][2])), output_grad_line(Outputs(t[0][3], t[1][3])),
  );
}

fn filter_grad_tile(m: Tile) -> array<Taps, 3> {
  let t = array<Taps, 4>(filter_grad_line(m[0]), filter_grad_line(m[1]), filter_grad_line(m[2]), filter_grad_line(m[3]));
  return array<Taps, 3>(
    filter_grad_line(Line(t[0][0], t[1][0], t[2][0], t[3][0])), filter_grad_line(Line(t[0][1], t[1][1], t[2][1], t[3][1])),
    filter_grad_line(Line(t[0][2], t[1][2], t[2][2], t[3][2])),
  );
}

fn column(t: Tile, x: u32) -> Line { return Line(t[0][x], t[1][x], t[2][x], t[3][x]); }

// Inputs, outputs and planes of a tile, by the readers and writers of winograd.wgsl.
fn inputs_of(p: Place) -> Tile { return Tile(inputs_in(p, 0u), inputs_in(p, 1u), inputs_in(p, 2u), inputs_in(p, 3u)); }

fn inputs_in(p: Place, y: u32) -> Line { return Line(pixel(p, y, 0u), pixel(p, y, 1u), pixel(p, y, 2u), pixel(p, y, 3u)); }

fn outputs_of(p: Place) -> OutputTile { return OutputTile(outputs_in(p, 0u), outputs_in(p, 1u)); }

fn outputs_in(p: Place, y: u32) -> Outputs { return Outputs(pixel(p, y, 0u), pixel(p, y, 1u)); }

fn planes_of(i: u32) -> Tile { return Tile(planes_in(i, 0u), planes_in(i, 4u), planes_in(i, 8u), planes_in(i, 12u)); }

fn planes_in(i: u32, k: u32) -> Line { return Line(plane(k, i), plane(k + 1u, i), plane(k + 2u, i), plane(k + 3u, i)); }

fn put_planes(i: u32, t: Tile) {
  put_line(i, 0u, t[0]);
  put_line(i, 4u, t[1]);
  put_line(i, 8u, t[2]);
  put_line(i, 12u, t[3]);
}

fn put_line(i: u32, k: u32, line: Line) {
  put_plane(k, i, line[0]);
  put_plane(k + 1u, i, line[1]);
  put_plane(k + 2u, i, line[2]);
  put_plane(k + 3u, i, line[3]);
}

fn put_outputs(p: Place, t: OutputTile) {
  put_pixels(p, 0u, t[0]);
  put_pixels(p, 1u, t[1]);
}

fn put_pixels(p: Place, y: u32, line: Outputs) {
  put_pixel(p, y, 0u, line[0]);
  put_pixel(p, y, 1u, line[1]);
}
