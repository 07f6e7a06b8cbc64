import { deepStrictEqual, ok } from "node:assert/strict";
import { pagePicture } from "../../../datasets/images/page_picture.ts";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";
import { randomFor } from "../../support/random.ts";

Deno.test("small pictures keep each pixel; photographs become at most 1,600 pixels long, and as small as asked", async () => {
  const random = randomFor("page picture"), sharp = await loadSharp();
  const noise = (width: number, height: number) => ({
    width,
    height,
    rgb: Uint8Array.from({ length: 3 * width * height }, () => random.integer(0, 256)),
  });
  const small = noise(192, 128), drawn = await pagePicture(small);
  deepStrictEqual([drawn.type, drawn.width, drawn.height, drawn.scale], ["image/png", 192, 128, 1]);
  deepStrictEqual(new Uint8Array(await sharp(drawn.file).raw().toBuffer()), small.rgb);
  const large = await pagePicture(noise(2400, 900));
  deepStrictEqual([large.type, large.width, large.height], ["image/webp", 1600, 600]);
  ok(Math.abs(large.scale - 2 / 3) < 1e-12 && large.file.length <= 1_100_000);
  const middle = noise(900, 600);
  deepStrictEqual((await pagePicture(middle)).scale, 1);
  // Noise does not compress: it is made smaller until it fits.
  const tight = await pagePicture(middle, 60_000);
  ok(tight.file.length <= 60_000 && tight.scale < 1, `${tight.file.length}`);
  const { width, height } = await sharp(tight.file).metadata();
  deepStrictEqual([width, height], [tight.width, tight.height]);
});
