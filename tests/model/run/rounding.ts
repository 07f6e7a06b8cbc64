/** A driver's rounding, by which versions of one adapter differ under the same name. */
import { type Device, kernel } from "../../../engine/mod.ts";

/** Products of matrices, whose sums WGSL gives no order. */
const products = kernel("products", {
  file: "rounding.wgsl",
  text: `
    struct Params { count: u32, turns: u32 }
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(1) var<storage, read> a: array<vec4f>;
    @group(0) @binding(2) var<storage, read> b: array<vec4f>;
    @group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

    @compute @workgroup_size(64)
    fn products(@builtin(global_invocation_id) id: vec3u) {
      if (id.x >= params.count) { return; }
      var m = mat4x4f();
      for (var k = 0u; k < params.turns; k++) {
        let at = 4u * (id.x + k);
        m += transpose(mat4x4f(b[k], b[k + 1u], b[k + 2u], b[k + 3u])) * mat4x4f(a[at], a[at + 1u], a[at + 2u], a[at + 3u]);
      }
      y[4u * id.x] = m[0];
      y[4u * id.x + 1u] = m[1];
      y[4u * id.x + 2u] = m[2];
      y[4u * id.x + 3u] = m[3];
    }`,
});

/** Digest of fixed products as this device's driver computes them. */
export async function rounding(device: Device): Promise<string> {
  const count = 500,
    numbers = (size: number, turn: number) =>
      Float32Array.from({ length: size }, (_, i) => Math.fround(((i * 7919 + turn) % 10007) / 10007 - 0.5));
  using a = device.tensor(numbers(16 * count + 48, 1)),
    b = device.tensor(numbers(24, 5)),
    y = device.empty([16 * count]);
  device.run(products, { bind: { a, b, y }, params: { count, turns: 3 }, grid: device.grid(count, 64) });
  const { buffer } = (await y.data()).slice();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", buffer as ArrayBuffer));
  return [...hash.slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
