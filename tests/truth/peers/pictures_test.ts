/** Pictures of every kind decoded to the very bytes that OpenCV gives the reference (`make/pictures.py`). */
import { deepStrictEqual, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readImage, readSize } from "../../../datasets/images/read_image.ts";
import golden from "./golden/pictures/wanted.json" with { type: "json" };

const pictures = Object.entries(golden.pictures);

Deno.test("there are pictures to compare", () => ok(pictures.length > 10));

for (const [name, { width, height, rgb }] of pictures) {
  Deno.test(`${name} has the pixels that OpenCV reads`, async () => {
    const path = fileURLToPath(new URL(`golden/pictures/${name}`, import.meta.url));
    const read = await readImage(path);
    deepStrictEqual([read.width, read.height], [width, height]);
    deepStrictEqual([...read.rgb], rgb);
    deepStrictEqual(await readSize(path), { width, height });
  });
}
