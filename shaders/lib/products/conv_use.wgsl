// Operands of conv_weight_grad.wgsl, of one use of the filter.
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;

fn all_uses() -> u32 { return 1u; }
fn x_at(i: u32) -> vec4<f32> { return x[i]; }
fn dy_at(i: u32) -> vec4<f32> { return dy[i]; }

// The image of a use, from its number among those of all.
fn image_of(image: u32) -> u32 { return image; }
