import { deepStrictEqual, match, notDeepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { Loader } from "../../../datasets/images/loader.ts";
import { readImage, readSize } from "../../../datasets/images/read_image.ts";
import { sampleSizes } from "../../../datasets/images/sample_sizes.ts";
import { evaluationOrder } from "../../../datasets/images/schedule.ts";
import { showImage } from "../../../datasets/images/show_image.ts";
import { readAdeAnnotation } from "../../../datasets/ade/annotation.ts";
import { openDataset } from "../../../datasets/open.ts";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";
import { withFolder } from "../../support/folder.ts";
import { writeTinyCoco } from "../../support/files/tiny_coco.ts";

const sharp = await loadSharp();

/** Two rows of three pixels, each of another value in red, the column in green, the row in blue. */
const [WIDTH, HEIGHT] = [3, 2];
const PIXELS = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => {
  const pixel = Math.floor(i / 3);
  return [10 * pixel, pixel % WIDTH, Math.floor(pixel / WIDTH)][i % 3];
});
const raw = () => sharp(PIXELS, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });

/** EXIF's eight marks: row and column of the stored pixel that is shown at (y, x), of a picture of `h` by `w` as shown. */
const STORED: readonly ((y: number, x: number, h: number, w: number) => readonly [number, number])[] = [
  (y, x) => [y, x],
  (y, x, _, w) => [y, w - 1 - x],
  (y, x, h, w) => [h - 1 - y, w - 1 - x],
  (y, x, h) => [h - 1 - y, x],
  (y, x) => [x, y],
  (y, x, _, w) => [w - 1 - x, y],
  (y, x, h, w) => [w - 1 - x, h - 1 - y],
  (y, x, h) => [x, h - 1 - y],
];

Deno.test("a picture is turned by its EXIF mark, and its size is the turned one; or as stored where asked", async () => {
  await withFolder(async (folder) => {
    for (const [i, stored] of STORED.entries()) {
      const path = join(folder, `${i + 1}.png`);
      await raw().withMetadata({ orientation: i + 1 }).png().toFile(path);
      const [width, height] = i < 4 ? [WIDTH, HEIGHT] : [HEIGHT, WIDTH];
      const wanted: number[] = [];
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const [row, column] = stored(y, x, height, width);
          wanted.push(10 * (row * WIDTH + column), column, row);
        }
      }
      const read = await readImage(path);
      deepStrictEqual([read.width, read.height, [...read.rgb]], [width, height, wanted], `mark ${i + 1}`);
      deepStrictEqual(await readSize(path), { width, height });
      const asStored = { orientation: "ignore" } as const;
      deepStrictEqual([...(await readImage(path, asStored)).rgb], [...PIXELS]);
      deepStrictEqual(await readSize(path, asStored), { width: WIDTH, height: HEIGHT });
    }
  });
});

Deno.test("a mark behind the pixels of a PNG, where some programs write it, turns the picture too", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.png"), turned = await raw().withMetadata({ orientation: 6 }).png().toBuffer();
    await Deno.writeFile(path, turned);
    const wanted = await readImage(path);
    const chunks: Uint8Array[] = [];
    for (let at = 8; at < turned.length; at += 12 + turned.readUInt32BE(at)) {
      chunks.push(turned.subarray(at, at + 12 + turned.readUInt32BE(at)));
    }
    const isExif = (chunk: Uint8Array) => new TextDecoder().decode(chunk.subarray(4, 8)) === "eXIf";
    const exif = chunks.filter(isExif), others = chunks.filter((chunk) => !isExif(chunk));
    strictEqual(exif.length, 1);
    await Deno.writeFile(path, Buffer.concat([turned.subarray(0, 8), ...others.toSpliced(-1, 0, ...exif)]));
    deepStrictEqual(await readImage(path), wanted);
    deepStrictEqual(await readSize(path), { width: HEIGHT, height: WIDTH });
    deepStrictEqual([...(await readImage(path, { orientation: "ignore" })).rgb], [...PIXELS]);
    // A chunk that is longer than the file is no reason to read past its end.
    const cut = await Deno.readFile(path);
    await Deno.writeFile(path, cut.subarray(0, cut.length - 20));
    await readSize(path).catch(() => {});
  });
});

Deno.test("a colour profile is not looked at unless asked for; a map of labels never is", async () => {
  await withFolder(async (folder) => {
    // Values that are kept, with a profile attached that means something else by them.
    const withProfile = async (path: string, pixels: Uint8Array, width: number) => {
      const plain = await sharp(pixels, { raw: { width, height: 1, channels: 3 } }).png().toBuffer();
      await sharp(plain).withIccProfile("p3").png().toFile(path);
      return await sharp(path, { ignoreIcc: true }).raw().toBuffer();
    };
    const picture = join(folder, "p3.png");
    const stored = await withProfile(picture, Uint8Array.of(200, 30, 60, 10, 240, 90), 2);
    deepStrictEqual([...(await readImage(picture)).rgb], [...stored]);
    notDeepStrictEqual([...(await readImage(picture, { profile: "convert" })).rgb], [...stored]);
    const map = join(folder, "a_seg.png");
    const labels = await withProfile(map, Uint8Array.from({ length: 3 * 200 }, (_, i) => i % 3 === 2 ? i / 3 : 7), 200);
    const blues = new Set(labels.filter((_, i) => i % 3 === 2));
    await Deno.writeTextFile(join(folder, "a_atr.txt"), "");
    const { levels: [{ map: read }] } = await readAdeAnnotation(join(folder, "a.jpg"));
    strictEqual(new Set(read).size, blues.size);
  });
});

Deno.test("a picture of another size than annotated stops training, evaluation and showing, or is left out", async () => {
  await withFolder(async (folder) => {
    await writeTinyCoco(folder, 3);
    const open = (pictures = {}) => openDataset({ dataset: "coco", data: folder, split: "train", pictures });
    const load = async (pictures = {}, skipBroken = false) => {
      const set = await open(pictures), reasons: string[] = [];
      const onBroken = (_: string, reason: string): void => void reasons.push(reason);
      const loader = new Loader(set, { scale: { target: 40, max: 64 }, skipBroken, onBroken });
      try {
        const images = await Array.fromAsync(loader.run(evaluationOrder(set)));
        return { shown: images.map(({ index }) => index), reasons };
      } finally {
        loader.close();
      }
    };
    const path = join(folder, "train2017", "1.png"), whole = await Deno.readFile(path);
    await sampleSizes(await open(), "all");
    await sharp(whole).resize(96, 80).png().toFile(path);
    const wrong = /1\.png: is 96×80, not 48×40 as annotated: .*; --skip-broken leaves it out$/;
    await rejects(load(), wrong);
    await rejects(open().then((set) => sampleSizes(set, "all")), wrong);
    await rejects(open().then((set) => showImage(set, 1)), /is 96×80, not 48×40 as annotated/);
    const { shown, reasons } = await load({}, true);
    deepStrictEqual([shown, reasons.length], [[0, 2], 1]);
    // Annotated as stored, with a mark to turn it: the message says which setting reads it so.
    await sharp(whole).withMetadata({ orientation: 6 }).png().toFile(path);
    await rejects(load(), /is 40×48, not 48×40 .*read it so by --set pictures\.orientation=ignore/);
    match(String((await load({ orientation: "ignore" })).shown), /^0,1,2$/);
  });
});

Deno.test("a picture that was replaced is read as it is now, its size too", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.webp");
    for (const [width, height] of [[4, 3], [5, 6], [7, 2]]) {
      const made = sharp({ create: { width, height, channels: 3, background: "red" } });
      // Not by the library, which would know that it wrote it.
      await Deno.writeFile(path, await made.webp().toBuffer());
      const { rgb: _, ...size } = await readImage(path);
      deepStrictEqual([size, await readSize(path)], [{ width, height }, { width, height }]);
    }
  });
});
