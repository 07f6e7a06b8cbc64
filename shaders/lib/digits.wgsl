// Kernel set gpu: a place on a summed axis by its digits, such as tap row, tap column and channels of a convolution. From step to
// step digits are added: dividing would cost a GPU more than what it fetches there.
//
//   value = (high * sizes.x + middle) * sizes.y + low
struct Digits { high: u32, middle: u32, low: u32 }

fn digits_of(value: u32, sizes: vec2<u32>) -> Digits {
  let rest = value / sizes.y;
  return Digits(rest / sizes.x, rest % sizes.x, value % sizes.y);
}

fn sum_of(a: Digits, b: Digits, sizes: vec2<u32>) -> Digits {
  let low = a.low + b.low;
  let carry = select(0u, 1u, low >= sizes.y);
  let middle = a.middle + b.middle + carry;
  let further = select(0u, 1u, middle >= sizes.x);
  return Digits(a.high + b.high + further, middle - further * sizes.x, low - carry * sizes.y);
}
