import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { loadSharp } from "../../../../engine/base/packages/sharp.ts";
import { FeatureFile } from "../../../../datasets/refplus/files/feature_file.ts";
import { Device, Seeds } from "../../../../engine/mod.ts";
import { extractFeatures } from "../../../../model/refplus/extractor/extract_features.ts";
import {
  bodyExtractor,
  type Extractor,
  loadBody,
  normalised,
  pixelExtractor,
} from "../../../../model/refplus/extractor/extractors.ts";
import { ResNet, resnetPresets } from "../../../../model/backbones/resnet.ts";
import { withFolder } from "../../../support/folder.ts";
import { withRandom } from "../../../support/random.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

const sharp = await loadSharp();

/** Writes pictures 0 .. count − 1, each of a grey of its own. */
async function writePictures(folder: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const background = { r: i, g: i, b: i };
    const png = await sharp({ create: { width: 12, height: 8, channels: 3, background } }).png().toBuffer();
    await Deno.writeFile(join(folder, `CLEVR_val_${String(i).padStart(6, "0")}.png`), png);
  }
}

Deno.test("each picture becomes the row of its number; stopped work goes on, and more is appended", async () => {
  await withFolder(async (folder) => {
    const pictures = join(folder, "pictures"), output = join(folder, "features.h5");
    await Deno.mkdir(pictures);
    await writePictures(pictures, 5);
    const size = { width: 8, height: 8 };
    const common = { pictures, output, batch: 2 };
    let batches = 0;
    const failing: Extractor = {
      ...pixelExtractor(size, 4),
      extract: (some) => {
        if (++batches === 2) throw new Error("stopped");
        return pixelExtractor(size, 4).extract(some);
      },
    };
    await rejects(extractFeatures(failing, { ...common, limit: 4 }), /stopped/);
    await rejects(Deno.stat(output), Deno.errors.NotFound);
    const seen: number[] = [];
    const onProgress = (done: number): void => void seen.push(done);
    deepStrictEqual(await extractFeatures(pixelExtractor(size, 4), { ...common, limit: 4, onProgress }), {
      rows: 4,
      added: 4,
    });
    deepStrictEqual(seen, [4], "the first two were there");
    deepStrictEqual(await extractFeatures(pixelExtractor(size, 4), { ...common, limit: null }), { rows: 5, added: 1 });
    using file = await FeatureFile.open(output);
    deepStrictEqual([file.size, file.settings.shape], [5, [50, 2, 2]]);
    for (let i = 0; i < 5; i++) strictEqual(file.row(i)[0], Math.fround((i / 255 - 0.45) / 0.2));
    await rejects(
      extractFeatures(pixelExtractor(size, 4), { ...common, limit: 3 }),
      /has 5 rows already, 3 pictures are asked for/,
    );
    await rejects(
      extractFeatures(pixelExtractor(size, 2), { ...common, limit: null }),
      /was made by pixels 8x8 cell 4/,
    );
  });
});

Deno.test("pixels are normalised with the reference's deviations", () => {
  const values = normalised({ rgb: Uint8Array.of(0, 0, 0, 255, 255, 255), width: 2, height: 1 });
  const want = [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.224, 0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.224];
  want.forEach((v, i) => ok(Math.abs(values[i] - v) < 1e-6));
});

Deno.test("a ResNet's features are its body's, channels first; weights of another network are refused", async () => {
  await withRandom("resnet features", async (random) => {
    await using device = await Device.open();
    const blocks = [1, 2, 1, 1].map((units, b) => ({ units, width: 4 * 2 ** b, stride: [1, 2, 2, 2][b] }));
    const options = { ...resnetPresets["resnet50-torchvision"], stem: { kernel: 7, width: 8, pool: true }, blocks };
    using network = new ResNet(device, options, new Seeds(2));
    const size = { width: 48, height: 32 };
    const pictures = [0, 1].map(() => ({ rgb: Uint8Array.from(random.integers(32 * 48 * 3, 0, 256)), ...size }));
    const { settings, extract } = bodyExtractor(network, size, "small");
    deepStrictEqual(settings, { extractor: "small", shape: [64, 2, 3] });
    const got = await extract(pictures);
    strictEqual(device.memory.liveTensors, [...network.parameters()].length);
    {
      using _scope = device.scope();
      const map = device.noGrad(() => network.body(device.tensor(normalised(pictures[1]), [1, 32, 48, 3])));
      const want = await map.data(), largest = want.reduce((a, b) => Math.max(a, b), 0);
      ok(largest > 0);
      for (let at = 0; at < want.length; at++) {
        const [c, place] = [at % 64, Math.floor(at / 64)];
        ok(Math.abs(got[384 + c * 6 + place] - want[at]) <= 1e-5 * largest);
      }
    }
    const body = [...network.parameters()].filter(({ name }) => !name.startsWith("block4."));
    const stored = new Map(body.map(({ name, tensor: { shape, size } }) => [
      `resnet.${name}`,
      { dtype: "F32", shape, data: random.reals(size) } as const,
    ]));
    loadBody(network, stored, "weights.safetensors", "resnet50");
    for (const { name, tensor } of body) deepStrictEqual(await tensor.data(), stored.get(`resnet.${name}`)!.data);
    stored.set("resnet.conv1.scale", { dtype: "F32", shape: [4], data: new Float32Array(4) });
    throws(
      () => loadBody(network, stored, "weights.safetensors", "resnet50"),
      /weights\.safetensors: has no "resnet\.conv1\.scale" of the shape \[8\]; import torchvision's resnet50/,
    );
  });
});
