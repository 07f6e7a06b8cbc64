// The elements among 4 i to 4 i + 3 that a parameter of `size` has; the others are whatever lies behind it.
fn inside(i: u32, size: u32) -> vec4<bool> { return vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(size); }
