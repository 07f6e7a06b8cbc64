import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { loadSharp } from "../../../../engine/base/packages/sharp.ts";
import { chainPng, maskPng, overlayMask, stretchMask } from "../../../../datasets/refplus/files/overlay.ts";
import { ofNamedShape } from "../../../../model/refplus/evaluation/trivial.ts";

const sharp = await loadSharp();

const MASK = { data: [0, 1, 1, 0], width: 2, height: 2 };

Deno.test("masks are stretched over pictures, and shown in red on half the brightness", async () => {
  deepStrictEqual([...stretchMask(MASK, 4, 2)], [0, 0, 1, 1, 1, 1, 0, 0]);
  const picture = { rgb: Uint8Array.of(10, 21, 30, 40, 50, 60), width: 2, height: 1 };
  deepStrictEqual([...overlayMask(picture, { data: [0, 1], width: 2, height: 1 }).rgb], [5, 10, 15, 255, 0, 0]);
  const { data, info } = await sharp(await maskPng(MASK, 4, 2)).raw().toBuffer({ resolveWithObject: true });
  const grey = Array.from({ length: 8 }, (_, i) => data[i * info.channels]);
  deepStrictEqual(grey, [0, 0, 255, 255, 255, 255, 0, 0]);
});

Deno.test("a program's pictures stand in rows of four", async () => {
  const picture = { rgb: new Uint8Array(6 * 4 * 3).fill(200), width: 6, height: 4 };
  const tiles = Array.from(
    { length: 5 },
    (_, i) => ({ picture, label: i === 2 ? "<a & b> ".repeat(30) : `node ${i}` }),
  );
  const { width, height } = await sharp(await chainPng(tiles)).metadata();
  deepStrictEqual([width, height], [1200, 2 * (200 + 22)]);
  strictEqual((await sharp(await chainPng(tiles.slice(0, 2))).metadata()).width, 600);
});

Deno.test("the named shape is the last that a program filters by", () => {
  const objects = ["cube", "sphere", "cube"].map((shape) => ({ shape })) as never;
  const filter = (value: string) => ({ type: "filter_shape", inputs: [0], value_inputs: [value] });
  deepStrictEqual(ofNamedShape({ program: [filter("sphere"), filter("cube")] }, { objects }), [0, 2]);
  deepStrictEqual(ofNamedShape({ program: [{ type: "scene", inputs: [], value_inputs: [] }] }, { objects }), [0, 1, 2]);
});
