import assert from "node:assert/strict";
import { join } from "node:path";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";
import { openContext } from "../../../datasets/context/dataset.ts";
import { drawContext } from "../../../datasets/context/draw.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { Loader } from "../../../datasets/images/loader.ts";
import {
  CHANNELS,
  flipBoxes,
  type Normalisation,
  prepareImage,
  roundHalfToEven,
  scaleFor,
} from "../../../datasets/images/preprocess.ts";
import { type Entry, evaluationOrder, trainingOrder } from "../../../datasets/images/schedule.ts";
import type { RegionDataset } from "../../../datasets/types.ts";
import { withFolder } from "../../support/folder.ts";

const sharp = await loadSharp();

const SCALE = { target: 128, max: 192 };

Deno.test("images come in the order asked, whatever the number of threads", async () => {
  const set = openContext({ split: "val", images: 9 });
  const sequences = [];
  for (const workers of [1, 3]) {
    const loader = new Loader(set, { scale: SCALE, workers, prefetch: 5 });
    const got = [];
    for await (const image of loader.run(trainingOrder(set, { seed: 1, flip: true, first: 2 }))) {
      got.push({
        position: image.position,
        index: image.index,
        first: [...image.image.subarray(0, 60)],
        boxes: [...image.boxes],
      });
      if (got.length === 12) break;
    }
    loader.close();
    sequences.push(got);
  }
  assert.deepEqual(sequences[0], sequences[1]);
  assert.deepEqual(sequences[0].map((g) => g.position), Array.from({ length: 12 }, (_, i) => i + 2));
});

Deno.test("pixels become BGR minus the means, and mirror with their boxes", async () => {
  const set = openContext({ split: "val", images: 2 });
  const entries: Entry[] = [{ position: 0, index: 1, flipped: false }, { position: 1, index: 1, flipped: true }];
  const loader = new Loader(set, { scale: SCALE });
  const images = await Array.fromAsync(loader.run(entries));
  loader.close();
  const { pixels, width, height } = drawContext(set.options, 1);
  const [plain, mirrored] = images;
  for (let y = 0; y < height; y += 7) {
    for (let x = 0; x < width; x += 5) {
      for (let c = 0; c < 3; c++) {
        const want = Math.fround(pixels[(y * width + x) * 3 + 2 - c] - CHANNELS.caffe.means[c]);
        assert.ok(Math.abs(plain.image[(y * width + x) * 3 + c] - want) < 1e-4);
        assert.equal(mirrored.image[(y * width + width - 1 - x) * 3 + c], plain.image[(y * width + x) * 3 + c]);
      }
    }
  }
  assert.deepEqual([...flipBoxes(mirrored.boxes, width)], [...plain.boxes]);
});

Deno.test("the scale follows the short side until the long side is too long", () => {
  assert.equal(scaleFor(640, 480, { target: 600, max: 1000 }), 600 / 480);
  assert.equal(scaleFor(200, 800, { target: 600, max: 1000 }), 1000 / 800);
});

Deno.test("sizes that end in a half become even, and count as even against the limit", () => {
  assert.deepEqual([0.5, 1.5, 2.5, 1000.5, 1001.5, 2.49, 2.51].map(roundHalfToEven), [0, 2, 2, 1000, 1002, 2, 3]);
  const sizeOf = (width: number, height: number): readonly number[] => {
    const picture = { rgb: new Uint8Array(width * height * 3), width, height };
    const out = prepareImage(picture, false, { target: 6, max: 10 });
    return [out.width, out.height];
  };
  // 7.5 and 10.5 by the scale 1.5; the second is still within the limit.
  assert.deepEqual(sizeOf(5, 4), [8, 6]);
  assert.deepEqual(sizeOf(7, 4), [10, 6]);
  // 1000.5 rounds to 1000, which is not past the limit.
  assert.equal(scaleFor(667, 400, { target: 600, max: 1000 }), 1.5);
  assert.equal(scaleFor(668, 400, { target: 600, max: 1000 }), 1000 / 668);
});

Deno.test("a mirrored picture is mirrored before it is resized", () => {
  // Three columns 0, 100, 200 to four: the centres lie at -0.05, 0.7, 1.45, 2.2 by the scale 4/3 of the height.
  const rgb = Uint8Array.from([0, 100, 200, 0, 100, 200, 0, 100, 200], (v) => v);
  const picture = { rgb: Uint8Array.from({ length: 27 }, (_, i) => rgb[Math.floor(i / 3)]), width: 3, height: 3 };
  const red = (flipped: boolean): number[] => {
    const { image } = prepareImage(picture, flipped, { target: 5, max: 100 });
    return [0, 1, 2, 3, 4].map((x) => image[3 * x + 2] + CHANNELS.caffe.means[2]);
  };
  const mirrored = { ...picture, rgb: Uint8Array.from({ length: 27 }, (_, i) => 200 - picture.rgb[i]) };
  const want = prepareImage(mirrored, false, { target: 5, max: 100 }).image;
  red(true).forEach((v, x) => assert.ok(Math.abs(v - want[3 * x + 2] - CHANNELS.caffe.means[2]) < 1e-3));
  assert.deepEqual(red(false).map(Math.round), [0, 40, 100, 160, 200]);
});

Deno.test("resizing interpolates between pixel centres and clamps at the border", () => {
  // One row 0, 100: doubled, the centres lie at -0.25, 0.25, 0.75, 1.25 of the source.
  const { image, width, height } = prepareImage(
    { rgb: Uint8Array.of(0, 0, 0, 100, 100, 100), width: 2, height: 1 },
    false,
    { target: 2, max: 100 },
  );
  assert.deepEqual([width, height], [4, 2]);
  const red = [0, 1, 2, 3].map((x) => image[3 * x + 2] + CHANNELS.caffe.means[2]);
  [0, 25, 75, 100].forEach((want, i) => assert.ok(Math.abs(red[i] - want) < 1e-4, `${red}`));
});

Deno.test("each normalisation has its channels, means and deviations", () => {
  const pixel = { rgb: Uint8Array.of(255, 0, 51), width: 1, height: 1 };
  const values = (normalise: Normalisation): number[] => [
    ...prepareImage(pixel, false, { target: 1, max: 1, normalise }).image,
  ];
  const near = (got: number[], want: number[]): void =>
    got.forEach((v, c) => assert.ok(Math.abs(v - want[c]) < 1e-4, `${got}, not ${want}`));
  near(values("caffe"), [51 - 102.9801, -115.9465, 255 - 122.7717]);
  near(values("torchvision"), [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]);
  near(values("port"), [(1 - 0.406) / 0.225, -0.456 / 0.224, (0.2 - 0.485) / 0.229]);
});

async function brokenSet(folder: string): Promise<RegionDataset> {
  const paths = ["good.png", "broken.jpg", "also.png"].map((name) => join(folder, name));
  const picture = sharp({ create: { width: 8, height: 6, channels: 3, background: { r: 200, g: 10, b: 30 } } }).png();
  await Deno.writeFile(paths[0], await picture.toBuffer());
  await Deno.writeTextFile(paths[1], "this is no picture");
  await Deno.writeFile(paths[2], await picture.toBuffer());
  const record = { id: "", width: 8, height: 6, boxes: Float32Array.of(1, 1, 4, 4), labels: Int32Array.of(1) };
  return {
    name: "made",
    split: "train",
    classes: ["__background__", "a"],
    size: 3,
    record: () => record,
    source: { kind: "files", paths },
  };
}

Deno.test("a broken image stops with its name, or is named and left out when asked to", async () => {
  await withFolder(async (folder) => {
    const set = await brokenSet(folder);
    const strict = new Loader(set, { scale: SCALE });
    await assert.rejects(
      async () => await Array.fromAsync(strict.run(evaluationOrder(set))),
      (error) => error instanceof UserError && /broken\.jpg: cannot be read as an image/.test(error.message),
    );
    strict.close();
    const passedOver: string[] = [];
    const lenient = new Loader(set, { scale: SCALE, skipBroken: true, onBroken: (path) => passedOver.push(path) });
    const images = await Array.fromAsync(lenient.run(evaluationOrder(set)));
    lenient.close();
    assert.deepEqual(images.map((i) => i.index), [0, 2]);
    assert.deepEqual(passedOver, [join(folder, "broken.jpg")]);
    assert.deepEqual([images[0].height, images[0].width], [128, 171]);
  });
});
