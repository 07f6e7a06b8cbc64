// Softmax and log-softmax over rows of x [rows, columns], and their gradients, on GPUs: TEAM invocations hold a row in registers, eight
// values each, so that each number is loaded once and stored once. Rows are of Values, which `columns` counts; longer ones are
// softmax.wgsl's.
// LOG: the logarithm instead.
override LOG: bool = false;
struct Params { rows: u32, columns: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> dy: array<Value>;
@group(0) @binding(3) var<storage, read_write> y: array<Value>;

const LOWEST = -3.402823466e38;

// A member's eight values.
struct Held { a: Value, b: Value, c: Value, d: Value, e: Value, f: Value, g: Value, h: Value }

// Where a member's values lie: the first one, in the row and in the tensor, and what the row has.
struct Place { own: u32, at: u32, columns: u32 }

fn place_of(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> Place {
  let row = (group.x + group.y * groups.x) * (LANES_OF_TEAMS / TEAM) + lane / TEAM;
  return Place(lane % TEAM, row * params.columns + lane % TEAM, select(0u, params.columns, row < params.rows));
}

fn there(place: Place, i: u32) -> bool { return place.own + i * TEAM < place.columns; }

// All loads are on their way before the first is used.
fn x_held(place: Place, other: f32) -> Held {
  var v = Held(Value(other), Value(other), Value(other), Value(other), Value(other), Value(other), Value(other), Value(other));
  if (there(place, 0u)) { v.a = x[place.at]; }
  if (there(place, 1u)) { v.b = x[place.at + TEAM]; }
  if (there(place, 2u)) { v.c = x[place.at + 2u * TEAM]; }
  if (there(place, 3u)) { v.d = x[place.at + 3u * TEAM]; }
  if (there(place, 4u)) { v.e = x[place.at + 4u * TEAM]; }
  if (there(place, 5u)) { v.f = x[place.at + 5u * TEAM]; }
  if (there(place, 6u)) { v.g = x[place.at + 6u * TEAM]; }
  if (there(place, 7u)) { v.h = x[place.at + 7u * TEAM]; }
  return v;
}

fn dy_held(place: Place) -> Held {
  var v = Held(Value(), Value(), Value(), Value(), Value(), Value(), Value(), Value());
  if (there(place, 0u)) { v.a = dy[place.at]; }
  if (there(place, 1u)) { v.b = dy[place.at + TEAM]; }
  if (there(place, 2u)) { v.c = dy[place.at + 2u * TEAM]; }
  if (there(place, 3u)) { v.d = dy[place.at + 3u * TEAM]; }
  if (there(place, 4u)) { v.e = dy[place.at + 4u * TEAM]; }
  if (there(place, 5u)) { v.f = dy[place.at + 5u * TEAM]; }
  if (there(place, 6u)) { v.g = dy[place.at + 6u * TEAM]; }
  if (there(place, 7u)) { v.h = dy[place.at + 7u * TEAM]; }
  return v;
}

fn put(place: Place, i: u32, v: Value) {
  if (there(place, i)) { y[place.at + i * TEAM] = v; }
}

// Whether a Value is of four numbers.
override FOURS: bool = false;

fn total_of(v: Value) -> f32 {
  let w = widened(v);
  if (FOURS) { return (w.x + w.y) + (w.z + w.w); }
  return w.x;
}

fn power(place: Place, i: u32, v: Value, largest: f32) -> Value {
  return select(Value(), exp(v - Value(largest)), there(place, i));
}

fn value(v: Value, power: Value, largest: f32, total: f32) -> Value {
  if (LOG) { return v - Value(largest) - Value(log(total)); }
  return power / Value(total);
}

@compute @workgroup_size(LANES_OF_TEAMS)
fn softmax_held(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32,
) {
  let place = place_of(group, groups, lane);
  let v = x_held(place, LOWEST);
  let most = widened(max(max(max(v.a, v.b), max(v.c, v.d)), max(max(v.e, v.f), max(v.g, v.h))));
  let largest = team_max(lane, max(max(most.x, most.y), max(most.z, most.w)));
  let p = Held(
    power(place, 0u, v.a, largest), power(place, 1u, v.b, largest),
    power(place, 2u, v.c, largest), power(place, 3u, v.d, largest),
    power(place, 4u, v.e, largest), power(place, 5u, v.f, largest),
    power(place, 6u, v.g, largest), power(place, 7u, v.h, largest),
  );
  let total = team_sum(lane, total_of(((p.a + p.b) + (p.c + p.d)) + ((p.e + p.f) + (p.g + p.h))));
  put(place, 0u, value(v.a, p.a, largest, total));
  put(place, 1u, value(v.b, p.b, largest, total));
  put(place, 2u, value(v.c, p.c, largest, total));
  put(place, 3u, value(v.d, p.d, largest, total));
  put(place, 4u, value(v.e, p.e, largest, total));
  put(place, 5u, value(v.f, p.f, largest, total));
  put(place, 6u, value(v.g, p.g, largest, total));
  put(place, 7u, value(v.h, p.h, largest, total));
}

// Gradient from the output s (in x): s (dy - sum s dy), or for the logarithm dy - exp(s) sum dy.
fn weighed(s: Value, g: Value) -> Value { return select(s, Value(1.0), LOG) * g; }
fn slope(s: Value, g: Value, total: f32) -> Value {
  if (LOG) { return g - exp(s) * total; }
  return s * (g - Value(total));
}

@compute @workgroup_size(LANES_OF_TEAMS)
fn softmax_held_grad(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32,
) {
  let place = place_of(group, groups, lane);
  let s = x_held(place, 0.0);
  let g = dy_held(place);
  let total = team_sum(lane, total_of(
    ((weighed(s.a, g.a) + weighed(s.b, g.b)) + (weighed(s.c, g.c) + weighed(s.d, g.d))) +
    ((weighed(s.e, g.e) + weighed(s.f, g.f)) + (weighed(s.g, g.g) + weighed(s.h, g.h))),
  ));
  put(place, 0u, slope(s.a, g.a, total));
  put(place, 1u, slope(s.b, g.b, total));
  put(place, 2u, slope(s.c, g.c, total));
  put(place, 3u, slope(s.d, g.d, total));
  put(place, 4u, slope(s.e, g.e, total));
  put(place, 5u, slope(s.f, g.f, total));
  put(place, 6u, slope(s.g, g.g, total));
  put(place, 7u, slope(s.h, g.h, total));
}
