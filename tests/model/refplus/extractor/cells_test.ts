/** The feature extractor that is trained cell by cell. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { basename, join } from "node:path";
import { loadSharp } from "../../../../engine/base/packages/sharp.ts";
import { FeatureFile } from "../../../../datasets/refplus/files/feature_file.ts";
import { generateRefPlus } from "../../../../datasets/refplus/language/generate.ts";
import { refPlusFiles } from "../../../../datasets/refplus/files/layout.ts";
import { ATTRIBUTES } from "../../../../datasets/refplus/scenes/catalogue.ts";
import { MaskResizer } from "../../../../datasets/refplus/files/mask.ts";
import { ownersOf } from "../../../../datasets/refplus/files/owners.ts";
import { readScenes } from "../../../../datasets/refplus/files/read.ts";
import { Device, Seeds } from "../../../../engine/mod.ts";
import { CELL_RUNS, cellSchema } from "../../../../model/refplus/extractor/cell_config.ts";
import { CellNetwork } from "../../../../model/refplus/extractor/cell_network.ts";
import { CellPictures } from "../../../../model/refplus/extractor/cell_pictures.ts";
import { trainCells } from "../../../../model/refplus/extractor/cell_trainer.ts";
import { extractFeatures } from "../../../../model/refplus/extractor/extract_features.ts";
import { cellExtractor, extractorNamed } from "../../../../model/refplus/extractor/extractors.ts";
import { Interrupted } from "../../../../model/run/hooks.ts";
import type { Json } from "../../../../model/run/layers.ts";
import { listCheckpoints, RunFolder } from "../../../../model/run/run_folder.ts";
import { withFolder } from "../../../support/folder.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

const SETTINGS = {
  steps: 12,
  batch: 2,
  image: { height: 32, width: 48 },
  network: { widths: [6, 8, 10], channels: 8, detail: 2 },
  optimiser: { rate: 1e-2, warmupSteps: 1, clipNorm: 1 },
  displayEvery: 4,
  checkpointEvery: 5,
};

/** A set of a few pictures. */
async function setIn(folder: string) {
  await generateRefPlus(folder, { split: "train", images: 3, refexpsPerImage: 1, maxObjects: 4, zoom: 1.5 });
  return refPlusFiles(folder, "train");
}

/** Begins a run, or goes on with it; stops after `until` updates where given. */
async function train(path: string, settings: Json | null, until?: number): Promise<void> {
  using folder = settings === null
    ? await RunFolder.resume(path, [], CELL_RUNS)
    : await RunFolder.create(path, [{ source: "test", value: settings }], CELL_RUNS);
  const stop = new AbortController();
  await trainCells(folder, { signal: stop.signal, onStep: (done) => done + 1 === until && stop.abort() });
}

Deno.test("each pixel's labels are the attributes of the object it lies in", async () => {
  await withFolder(async (folder) => {
    const files = await setIn(folder), [rows, columns, detail] = [4, 6, 2];
    const grid = { image: SETTINGS.image, stride: 8, detail };
    const pictures = await CellPictures.open(files.images, files.scenes, grid);
    strictEqual(pictures.size, 3);
    // Its scene would lie elsewhere on a picture of another size.
    const [first] = [...Deno.readDirSync(files.images)].map(({ name }) => join(files.images, name)).sort();
    const whole = await Deno.readFile(first);
    await Deno.writeFile(first, await (await loadSharp())(whole).resize(240, 320, { fit: "fill" }).png().toBuffer());
    await rejects(
      CellPictures.open(files.images, files.scenes, grid),
      /000000\.png: is 240×320, not 480×320 as annotated/,
    );
    await Deno.writeFile(first, whole);
    await using device = await Device.open();
    using _scope = device.scope();
    const { pictures: values, labels, objects } = pictures.batch(device, [2, 0]);
    deepStrictEqual(values.shape, [2, 32, 48, 3]);
    const scenes = await Array.fromAsync(readScenes(files.scenes));
    const resizer = new MaskResizer(480, 320, columns * detail, rows * detail);
    let some = 0;
    for (const [at, scene] of [scenes[2], scenes[0]].entries()) {
      const owners = ownersOf(scene, files.scenes),
        whole = scene.objects.map((_, i) => resizer.resize(owners.map((id) => id === i + 1 ? 1 : 0)));
      for (const [a, name] of (["size", "color", "material", "shape"] as const).entries()) {
        const all = await labels[a].data(), own = all.subarray(at * all.length / 2, (at + 1) * all.length / 2);
        let next = 0;
        for (let row = 0; row < rows; row++) {
          for (let column = 0; column < columns; column++) {
            for (let y = 0; y < detail; y++) {
              for (let x = 0; x < detail; x++, next++) {
                const pixel = (row * detail + y) * columns * detail + column * detail + x;
                const seen = whole.findIndex((mask) => mask[pixel] === 1);
                const values = ATTRIBUTES[name] as readonly string[];
                strictEqual(own[next], seen < 0 ? 0 : 1 + values.indexOf(scene.objects[seen][name]));
                if (seen >= 0) some++;
              }
            }
          }
        }
      }
    }
    ok(some > 20, `${some} labels of objects`);
    deepStrictEqual(objects, Array.from(await labels[0].data(), (label) => label > 0));
    // A mirrored picture's labels are those of its mirror image, cell by cell and pixel by pixel.
    const plain = pictures.batch(device, [1]), mirrored = pictures.batch(device, [1], [true]);
    const [before, after] = await Promise.all([plain, mirrored].map(({ pictures }) => pictures.data()));
    const line = 48 * 3;
    after.forEach((v, i) => strictEqual(v, before[i - i % line + line - 3 - (i % line - i % 3) + i % 3]));
    for (const [a, own] of plain.labels.entries()) {
      const flat = (data: ArrayLike<number>) => {
        const image = Array.from({ length: rows * detail }, () => new Array<number>(columns * detail));
        for (let i = 0; i < data.length; i++) {
          const cell = Math.floor(i / 4), y = Math.floor(cell / columns) * 2 + Math.floor(i % 4 / 2);
          image[y][cell % columns * 2 + i % 2] = data[i];
        }
        return image;
      };
      const [one, other] = [flat(await own.data()), flat(await mirrored.labels[a].data())];
      deepStrictEqual(other, one.map((row) => row.toReversed()));
    }
  });
});

Deno.test("the network learns; stopped and gone on with, it has the bits of one never stopped; cells become features", async () => {
  await withFolder(async (folder) => {
    const files = await setIn(folder), at = (name: string): string => join(folder, name);
    const settings = { ...SETTINGS, data: { pictures: files.images, scenes: files.scenes } };
    await train(at("whole"), settings);
    await rejects(train(at("stopped"), settings, 7), Interrupted);
    await train(at("stopped"), null);
    const [whole, stopped] = ["whole", "stopped"].map((run) => {
      const [{ path }] = listCheckpoints(at(run));
      return [basename(path), Deno.readFileSync(path), Deno.readFileSync(join(at(run), "metrics.jsonl"))];
    });
    deepStrictEqual(stopped, whole);
    const lines = new TextDecoder().decode(whole[2] as Uint8Array).trim().split("\n").map((text) => JSON.parse(text));
    deepStrictEqual(lines.map(({ step }) => step), [4, 8, 12]);
    ok(lines[2].loss < 0.97 * lines[0].loss, `the loss went from ${lines[0].loss} to ${lines[2].loss}`);
    await rejects(
      train(at("wrong"), { ...settings, image: { height: 30, width: 48 } }),
      /48 × 30 pixels are no whole number of cells of 8/,
    );

    const output = at("features.h5");
    await using extractor = await cellExtractor(at("whole"), { adapter: "auto" });
    await extractFeatures(extractor, { pictures: files.images, output, limit: null, batch: 2 });
    using features = await FeatureFile.open(output);
    deepStrictEqual([features.size, features.settings.shape], [3, [21, 4, 6]]);
    const row = features.row(1);
    for (let cell = 0; cell < 24; cell++) {
      const [y, x] = [2 * (Math.floor(cell / 6) + 0.5) / 4 - 1, 2 * (cell % 6 + 0.5) / 6 - 1];
      deepStrictEqual([...row.subarray(cell * 21 + 19, cell * 21 + 21)], [Math.fround(y), Math.fround(x)]);
    }
    await using again = await extractorNamed(features.settings.extractor, { weights: at("whole"), adapter: "auto" });
    deepStrictEqual(again.settings, extractor.settings);
    await rejects(
      extractorNamed(features.settings.extractor, { adapter: "auto" }),
      /trained on features by cells .*: give that run of itera refplus extractor as --weights/,
    );
    await rejects(
      cellExtractor(output, { adapter: "auto" }),
      /features\.h5: is no whole checkpoint of a training run \(safetensors: /,
    );
  });
});

Deno.test("a pixel counts by its weight and shapes by their factor; a residual convolution of zeros passes on its input", async () => {
  await withFolder(async (folder) => {
    const files = await setIn(folder), { image } = SETTINGS;
    const pictures = await CellPictures.open(files.images, files.scenes, { image, stride: 8, detail: 2 });
    await using device = await Device.open();
    using _scope = device.scope();
    const { pictures: values, labels, objects } = pictures.batch(device, [0, 1]);
    const options = { widths: [6, 8, 10], channels: 10, residual: true, detail: 2 };
    using deep = new CellNetwork(device, { ...options, layers: 3 }, new Seeds(1));
    const loss = async (weight: (seen: boolean) => number, shape: number): Promise<number> => {
      const weights = device.tensor(Float32Array.from(objects, weight));
      return (await deep.loss(values, labels, weights, shape).data())[0];
    };
    const near = (got: number, want: number): void => ok(Math.abs(got - want) < 1e-5 * want, `${got}, not ${want}`);
    const [all, seen, ground] = [await loss(() => 1, 1), await loss(Number, 1), await loss((o) => Number(!o), 1)];
    ok(seen > 0 && ground > seen, `${seen} of objects, ${ground} of the ground`);
    near(all, seen + ground);
    near(await loss((o) => o ? 3 : 1, 1), 3 * seen + ground);
    const twice = await loss(() => 1, 2);
    ok(twice > 1.05 * all, `${all} became ${twice}`);
    near(await loss(() => 1, 3), 2 * twice - all);

    using shallow = new CellNetwork(device, { ...options, layers: 2 }, new Seeds(2));
    const own = new Map(Array.from(deep.parameters(), ({ name, tensor }) => [name, tensor]));
    for (const [name, tensor] of own) if (name.startsWith("conv5")) tensor.write(new Float32Array(tensor.size));
    for (const { name, tensor } of shallow.parameters()) {
      tensor.write(await own.get(name.replace("conv5", "conv6"))!.data() as Float32Array<ArrayBuffer>);
    }
    const [one, other] = await Promise.all([deep, shallow].map((network) => network.forward(values).data()));
    deepStrictEqual(one, other);
  });
});

Deno.test("a run begun before depth was a setting has the two plain convolutions it was begun with", () => {
  const { network: { layers: _, residual: __, ...network }, loss: ___, ...before } = cellSchema.parse(
    CELL_RUNS.begin([{ source: "test", value: { data: { pictures: "p", scenes: "s" } } }]),
  );
  const { network: { layers, residual }, loss } = cellSchema.parse({ ...before, network });
  deepStrictEqual({ layers, residual, loss }, { layers: 2, residual: false, loss: { object: 1, shape: 1 } });
});
