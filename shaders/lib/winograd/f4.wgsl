// Winograd's F(4x4, 3x3): 4 x 4 outputs of a 3 x 3 filter from 6 x 6 inputs by 36 multiplications, not 144. Polynomials meet at the
// points 0, 1, -1, 2, -2 and infinity. A function of a line is one of the matrices times a vector; winograd.wgsl links them.
const OUTPUTS = 4u;

alias Line = array<Value, 6>;
alias Outputs = array<Value, 4>;
alias Tile = array<Line, 6>;
alias OutputTile = array<Outputs, 4>;

// B' d:  4  0 -5  0  1  0
//        0 -4 -4  1  1  0
//        0  4 -4 -1  1  0
//        0 -2 -1  2  1  0
//        0  2 -1 -2  1  0
//        0  4  0 -5  0  1
fn input_line(d: Line) -> Line {
  let even = d[4] - 4.0 * d[2];
  let odd = d[3] - 4.0 * d[1];
  let even_2 = d[4] - d[2];
  let odd_2 = 2.0 * (d[3] - d[1]);
  return Line(
    4.0 * d[0] - 5.0 * d[2] + d[4], even + odd, even - odd, even_2 + odd_2, even_2 - odd_2, 4.0 * d[1] - 5.0 * d[3] + d[5],
  );
}

// G g:  1/4     0    0
//      -1/6  -1/6 -1/6
//      -1/6   1/6 -1/6
//      1/24  1/12  1/6
//      1/24 -1/12  1/6
//         0     0    1
fn filter_line(g: Taps) -> Line {
  let even = (g[0] + g[2]) * (-1.0 / 6.0);
  let odd = g[1] * (-1.0 / 6.0);
  let even_2 = (g[0] + 4.0 * g[2]) * (1.0 / 24.0);
  let odd_2 = g[1] * (1.0 / 12.0);
  return Line(0.25 * g[0], even + odd, even - odd, even_2 + odd_2, even_2 - odd_2, g[2]);
}

// A' m:  1  1  1  1  1  0
//        0  1 -1  2 -2  0
//        0  1  1  4  4  0
//        0  1 -1  8 -8  1
fn output_line(m: Line) -> Outputs {
  let even = m[1] + m[2];
  let odd = m[1] - m[2];
  let even_2 = m[3] + m[4];
  let odd_2 = m[3] - m[4];
  return Outputs(m[0] + even + even_2, odd + 2.0 * odd_2, even + 4.0 * even_2, odd + 8.0 * odd_2 + m[5]);
}

// A y
fn output_grad_line(y: Outputs) -> Line {
  let even = y[0] + y[2];
  let odd = y[1] + y[3];
  let even_2 = y[0] + 4.0 * y[2];
  let odd_2 = 2.0 * y[1] + 8.0 * y[3];
  return Line(y[0], even + odd, even - odd, even_2 + odd_2, even_2 - odd_2, y[3]);
}

// G' m
fn filter_grad_line(m: Line) -> Taps {
  let even = (m[1] + m[2]) * (-1.0 / 6.0);
  let even_2 = m[3] + m[4];
  return Taps(
    0.25 * m[0] + even + even_2 * (1.0 / 24.0), (m[2] - m[1]) * (1.0 / 6.0) + (m[3] - m[4]) * (1.0 / 12.0),
    even + even_2 * (1.0 / 6.0) + m[5],
  );
}

// A matrix times each line, then times each column of what comes of that: the result lies across.
fn input_tile(d: Tile) -> Tile {
  let t = Tile(
    input_line(d[0]), input_line(d[1]), input_line(d[2]), input_line(d[3]), input_line(d[4]), input_line(d[5]),
  );
  return Tile(
    input_line(column(t, 0u)), input_line(column(t, 1u)), input_line(column(t, 2u)), input_line(column(t, 3u)),
    input_line(column(t, 4u)), input_line(column(t, 5u)),
  );
}

fn filter_tile(g: array<Taps, 3>) -> Tile {
  let t = array<Line, 3>(filter_line(g[0]), filter_line(g[1]), filter_line(g[2]));
  return Tile(
    filter_line(Taps(t[0][0], t[1][0], t[2][0])), filter_line(Taps(t[0][1], t[1][1], t[2][1])),
    filter_line(Taps(t[0][2], t[1][2], t[2][2])), filter_line(Taps(t[0][3], t[1][3], t[2][3])),
    filter_line(Taps(t[0][4], t[1][4], t[2][4])), filter_line(Taps(t[0][5], t[1][5], t[2][5])),
  );
}

fn output_tile(m: Tile) -> OutputTile {
  let t = array<Outputs, 6>(
    output_line(m[0]), output_line(m[1]), output_line(m[2]), output_line(m[3]), output_line(m[4]), output_line(m[5]),
  );
  return OutputTile(
    output_line(Line(t[0][0], t[1][0], t[2][0], t[3][0], t[4][0], t[5][0])),
    output_line(Line(t[0][1], t[1][1], t[2][1], t[3][1], t[4][1], t[5][1])),
    output_line(Line(t[0][2], t[1][2], t[2][2], t[3][2], t[4][2], t[5][2])),
    output_line(Line(t[0][3], t[1][3], t[2][3], t[3][3], t[4][3], t[5][3])),
  );
}

fn output_grad_tile(y: OutputTile) -> Tile {
  let t = array<Line, 4>(output_grad_line(y[0]), output_grad_line(y[1]), output_grad_line(y[2]), output_grad_line(y[3]));
  return Tile(
    output_grad_line(Outputs(t[0][0], t[1][0], t[2][0], t[3][0])), output_grad_line(Outputs(t[0][1], t[1][1], t[2][1], t[3][1])),
    output_grad_line(Outputs(t[0][2], t[1][2], t[2][2], t[3][2])), output_grad_line(Outputs(t[0][3], t[1][3], t[2][3], t[3][3])),
    output_grad_line(Outputs(t[0][4], t[1][4], t[2][4], t[3][4])), output_grad_line(Outputs(t[0][5], t[1][5], t[2][5], t[3][5])),
  );
}

fn filter_grad_tile(m: Tile) -> array<Taps, 3> {
  let t = array<Taps, 6>(
    filter_grad_line(m[0]), filter_grad_line(m[1]), filter_grad_line(m[2]), filter_grad_line(m[3]), filter_grad_line(m[4]),
    filter_grad_line(m[5]),
  );
  return array<Taps, 3>(
    filter_grad_line(Line(t[0][0], t[1][0], t[2][0], t[3][0], t[4][0], t[5][0])),
    filter_grad_line(Line(t[0][1], t[1][1], t[2][1], t[3][1], t[4][1], t[5][1])),
    filter_grad_line(Line(t[0][2], t[1][2], t[2][2], t[3][2], t[4][2], t[5][2])),
  );
}

fn column(t: Tile, x: u32) -> Line { return Line(t[0][x], t[1][x], t[2][x], t[3][x], t[4][x], t[5][x]); }

// Inputs, outputs and planes of a tile, by the readers and writers of winograd.wgsl.
fn inputs_of(p: Place) -> Tile {
  return Tile(inputs_in(p, 0u), inputs_in(p, 1u), inputs_in(p, 2u), inputs_in(p, 3u), inputs_in(p, 4u), inputs_in(p, 5u));
}

fn inputs_in(p: Place, y: u32) -> Line {
  return Line(pixel(p, y, 0u), pixel(p, y, 1u), pixel(p, y, 2u), pixel(p, y, 3u), pixel(p, y, 4u), pixel(p, y, 5u));
}

fn outputs_of(p: Place) -> OutputTile {
  return OutputTile(outputs_in(p, 0u), outputs_in(p, 1u), outputs_in(p, 2u), outputs_in(p, 3u));
}

fn outputs_in(p: Place, y: u32) -> Outputs {
  return Outputs(pixel(p, y, 0u), pixel(p, y, 1u), pixel(p, y, 2u), pixel(p, y, 3u));
}

fn planes_of(i: u32) -> Tile {
  return Tile(planes_in(i, 0u), planes_in(i, 6u), planes_in(i, 12u), planes_in(i, 18u), planes_in(i, 24u), planes_in(i, 30u));
}

fn planes_in(i: u32, k: u32) -> Line {
  return Line(plane(k, i), plane(k + 1u, i), plane(k + 2u, i), plane(k + 3u, i), plane(k + 4u, i), plane(k + 5u, i));
}

fn put_planes(i: u32, t: Tile) {
  put_line(i, 0u, t[0]);
  put_line(i, 6u, t[1]);
  put_line(i, 12u, t[2]);
  put_line(i, 18u, t[3]);
  put_line(i, 24u, t[4]);
  put_line(i, 30u, t[5]);
}

fn put_line(i: u32, k: u32, line: Line) {
  put_plane(k, i, line[0]);
  put_plane(k + 1u, i, line[1]);
  put_plane(k + 2u, i, line[2]);
  put_plane(k + 3u, i, line[3]);
  put_plane(k + 4u, i, line[4]);
  put_plane(k + 5u, i, line[5]);
}

fn put_outputs(p: Place, t: OutputTile) {
  put_pixels(p, 0u, t[0]);
  put_pixels(p, 1u, t[1]);
  put_pixels(p, 2u, t[2]);
  put_pixels(p, 3u, t[3]);
}

fn put_pixels(p: Place, y: u32, line: Outputs) {
  put_pixel(p, y, 0u, line[0]);
  put_pixel(p, y, 1u, line[1]);
  put_pixel(p, y, 2u, line[2]);
  put_pixel(p, y, 3u, line[3]);
}
