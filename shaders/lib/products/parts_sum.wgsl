// Sum of number i of `parts` parts of `count` numbers each in x, in their order; four loads of an invocation are on their way at once.
fn sum_of_parts(i: u32, count: u32, parts: u32) -> Value {
  var total = x[i];
  for (var part = 1u; part < parts; part += 4u) {
    let at = part * count + i;
    let left = parts - part;
    let a = x[at];
    var b: Value; var c: Value; var d: Value;
    if (left > 1u) { b = x[at + count]; }
    if (left > 2u) { c = x[at + 2u * count]; }
    if (left > 3u) { d = x[at + 3u * count]; }
    total += a;
    if (left > 1u) { total += b; }
    if (left > 2u) { total += c; }
    if (left > 3u) { total += d; }
  }
  return total;
}
