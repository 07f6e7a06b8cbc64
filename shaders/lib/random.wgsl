// Counter-based random bits: Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011). The key is (seed, step), the counter (index, stream): any element can be drawn without those before it.
fn threefry(key: vec2<u32>, counter: vec2<u32>) -> vec2<u32> {
  let ks = vec3<u32>(key.x, key.y, key.x ^ key.y ^ 0x1BD11BDAu);
  var x = counter + key;
  for (var block = 0u; block < 5u; block++) {
    if ((block & 1u) == 0u) {
      x = threefry_round(x, 13u); x = threefry_round(x, 15u); x = threefry_round(x, 26u); x = threefry_round(x, 6u);
    } else {
      x = threefry_round(x, 17u); x = threefry_round(x, 29u); x = threefry_round(x, 16u); x = threefry_round(x, 24u);
    }
    x += vec2<u32>(ks[(block + 1u) % 3u], ks[(block + 2u) % 3u] + block + 1u);
  }
  return x;
}

fn threefry_round(x: vec2<u32>, rotation: u32) -> vec2<u32> {
  let sum = x.x + x.y;
  return vec2<u32>(sum, ((x.y << rotation) | (x.y >> (32u - rotation))) ^ sum);
}

// 24 random bits as a float in [0, 1): every value is exact.
fn unit_float(bits: u32) -> f32 {
  return f32(bits >> 8u) * (1.0 / 16777216.0);
}
