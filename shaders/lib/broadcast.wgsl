// NumPy broadcasting over up to eight axes: extents and strides travel as two vec4 (outer four axes, inner four), innermost
// last; unused leading axes have extent 1. A stretched axis has stride 0.
fn broadcast_offset(
  index: u32, outer: vec4<u32>, inner: vec4<u32>, stride_outer: vec4<u32>, stride_inner: vec4<u32>, rank: u32,
) -> u32 {
  var rest = index;
  var offset = 0u;
  for (var k = 0u; k < rank; k++) {
    let axis = 7u - k;
    let extent = select(inner[axis & 3u], outer[axis & 3u], axis < 4u);
    let stride = select(stride_inner[axis & 3u], stride_outer[axis & 3u], axis < 4u);
    offset += (rest % extent) * stride;
    rest = rest / extent;
  }
  return offset;
}
