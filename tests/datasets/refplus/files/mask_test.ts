import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { MaskResizer, packedWidth, packMask, unpackMask } from "../../../../datasets/refplus/files/mask.ts";
import { withRandom } from "../../../support/random.ts";

/** Bilinear interpolation with half-pixel centres in exact fractions of the target size, then cut to an integer. */
function slowResize(mask: Uint8Array, sw: number, sh: number, w: number, h: number): number[] {
  /** Weights of the source positions of a target position, times 2 · target. */
  const weights = (i: number, source: number, target: number): [number, number][] => {
    const at = (2 * i + 1) * source - target; // position times 2 · target
    const low = Math.floor(at / (2 * target)), part = at - low * 2 * target;
    const inside = (k: number) => Math.min(source - 1, Math.max(0, k));
    return [[inside(low), 2 * target - part], [inside(low + 1), part]];
  };
  return Array.from({ length: w * h }, (_, k) => {
    const [x, y] = [k % w, Math.floor(k / w)];
    let sum = 0;
    for (const [v, a] of weights(y, sh, h)) {
      for (const [u, b] of weights(x, sw, w)) sum += a * b * mask[v * sw + u];
    }
    return sum === 4 * w * h ? 1 : 0;
  });
}

Deno.test("480 columns become 320 by ANDs of neighbours (papers/iep-ref.md#masks)", () =>
  withRandom("480 to 320", (random) => {
    const mask = Uint8Array.from(random.reals(480 * 320, 0, 1), (v) => v < 0.7 ? 1 : 0);
    const small = new MaskResizer(480, 320, 320, 320).resize(mask);
    for (let y = 0; y < 320; y++) {
      for (let k = 0; k < 160; k++) {
        const [a, b, c] = mask.subarray(480 * y + 3 * k, 480 * y + 3 * k + 3);
        strictEqual(small[320 * y + 2 * k], a & b);
        strictEqual(small[320 * y + 2 * k + 1], b & c);
      }
    }
  }));

Deno.test("any other size is interpolated exactly and cut to whole pixels", () =>
  withRandom("mask sizes", (random) => {
    for (let round = 0; round < 40; round++) {
      const [sw, sh, w, h] = random.integers(4, 1, 14);
      const mask = Uint8Array.from(random.reals(sw * sh, 0, 1), (v) => v < 0.8 ? 1 : 0);
      deepStrictEqual(
        [...new MaskResizer(sw, sh, w, h).resize(mask)],
        slowResize(mask, sw, sh, w, h),
        `${[sw, sh, w, h]}`,
      );
      deepStrictEqual(new MaskResizer(sw, sh, sw, sh).resize(mask), mask);
    }
  }));

Deno.test("bits are packed from the left, each row in bytes of its own", () => {
  deepStrictEqual([...packMask(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1, 1, 0), 10)], [0x81, 0x80]);
  deepStrictEqual([...packMask(Uint8Array.of(0, 1, 1, 1), 2)], [0x40, 0xc0]);
  strictEqual(packedWidth(320), 40);
  return withRandom("packing", (random) => {
    for (let round = 0; round < 30; round++) {
      const [w, h] = random.integers(2, 1, 40);
      const mask = Uint8Array.from(random.integers(w * h, 0, 2));
      const packed = packMask(mask, w);
      strictEqual(packed.length, h * packedWidth(w));
      deepStrictEqual(unpackMask(packed, w), mask);
    }
  });
});
