import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { loadSharp } from "../../../../engine/base/packages/sharp.ts";
import { UserError } from "../../../../engine/base/user_error.ts";
import { drawMany } from "../../../../datasets/refplus/scenes/draw_many.ts";
import { generateRefPlus } from "../../../../datasets/refplus/language/generate.ts";
import { GrowingList } from "../../../../datasets/refplus/files/growing_list.ts";
import { refPlusFiles } from "../../../../datasets/refplus/files/layout.ts";
import type { RefPlusInput } from "../../../../datasets/refplus/language/options.ts";
import { readRefexps, readScenes } from "../../../../datasets/refplus/files/read.ts";
import { imageName, type Refexp } from "../../../../datasets/refplus/files/types.ts";
import { makePicture, makeScene } from "../../../../datasets/refplus/scenes/scene.ts";
import { withFolder } from "../../../support/folder.ts";
import { randomFor, withRandom } from "../../../support/random.ts";

const sharp = await loadSharp();

const OPTIONS = { split: "train", refexpsPerImage: 2, seed: 5, falsePremise: true } as const;
const generate = (folder: string, images: number, more: Partial<RefPlusInput> = {}) =>
  generateRefPlus(folder, { ...OPTIONS, images, ...more });

/** Every file under a folder with its bytes, hidden ones too. */
async function contents(folder: string, inside = ""): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(join(folder, inside))) {
    const path = join(inside, name);
    if (isDirectory) Object.assign(all, await contents(folder, path));
    else {
      const hash = await crypto.subtle.digest("SHA-256", await Deno.readFile(join(folder, path)));
      all[path] = [...new Uint8Array(hash).subarray(0, 8)].join(" ");
    }
  }
  return all;
}

const refuses = (run: () => Promise<unknown>, message: RegExp) =>
  rejects(run, (error) => error instanceof UserError && message.test(error.message) && !error.message.includes("\n"));

/** A set made in one go, for the others to be compared with. */
const whole = await Deno.makeTempDir({ prefix: "itera-refplus-" });
const made = await generate(whole, 3);
const wanted = await contents(whole);
addEventListener("unload", () => Deno.removeSync(whole, { recursive: true }));

Deno.test("a set has the format's files, and reads back as what was drawn and written", async () => {
  deepStrictEqual(Object.keys(wanted).sort(), [
    ...[0, 1, 2].map((i) => `images/train/CLEVR_train_00000${i}.png`),
    "refexps/clevr_ref+_train_false_premise_refexps.json",
    "refexps/clevr_ref+_train_refexps.json",
    "scenes/clevr_ref+_train_scenes.json",
  ]);
  deepStrictEqual(made, { images: 3, refexps: 6, falsePremise: 6 });
  const files = refPlusFiles(whole, "train");
  let index = 0;
  for await (const scene of readScenes(files.scenes)) {
    const key = { seed: 5, split: "train", index } as const;
    deepStrictEqual(scene, JSON.parse(JSON.stringify(makeScene(key))));
    const { data, info } = await sharp(join(files.images, scene.image_filename)).raw().toBuffer({
      resolveWithObject: true,
    });
    deepStrictEqual([info.width, info.height, info.channels], [480, 320, 3]);
    deepStrictEqual(new Uint8Array(data), makePicture(key).pixels);
    index++;
  }
  strictEqual(index, 3);
  for (const [path, empty] of [[files.refexps, false], [files.falsePremise, true]] as const) {
    let place = 0;
    for await (const { refexp_index, image_index, program, split } of readRefexps(path)) {
      deepStrictEqual([refexp_index, image_index, split], [place, Math.floor(place / 2), "train"]);
      strictEqual((program.at(-1)!._output as number[]).length === 0, empty);
      place++;
    }
    strictEqual(place, 6);
    // The whole file is JSON for everybody else.
    const { info, refexps } = JSON.parse(await Deno.readTextFile(path));
    deepStrictEqual([info.split, info.seed, info.false_premise, refexps.length], ["train", 5, empty, 6]);
  }
});

Deno.test("appended picture by picture, or with the false premises last, a set has the same bytes", async () => {
  await withFolder(async (folder) => {
    await generate(folder, 1, { falsePremise: false });
    await generate(folder, 2, { falsePremise: false });
    await generate(folder, 3);
    deepStrictEqual(await contents(folder), wanted);
    deepStrictEqual(await generate(folder, 3), made);
    deepStrictEqual(await contents(folder), wanted);
  });
});

Deno.test("interrupted anywhere, a set is gone on with to the same bytes", () =>
  withRandom("interruptions", async (random) => {
    const files = refPlusFiles("", "train");
    const lists = [files.scenes, files.refexps, files.falsePremise];
    for (let round = 0; round < 5; round++) {
      await withFolder(async (folder) => {
        // The lists before the one that is cut are whole, those after it do not exist yet.
        const cut = round % 3;
        for (const [i, list] of lists.entries()) {
          if (i > cut) continue;
          await Deno.mkdir(dirname(join(folder, list)), { recursive: true });
          const text = await Deno.readTextFile(join(whole, list));
          if (i < cut) await Deno.writeTextFile(join(folder, list), text);
          else {
            const head = text.indexOf("\n") + 1;
            const end = random.integer(head, text.lastIndexOf("]") + 1);
            await Deno.writeTextFile(GrowingList.growingPath(join(folder, list)), text.slice(0, end));
          }
        }
        await Deno.mkdir(join(folder, files.images), { recursive: true });
        for (let i = 0; i < 3; i++) {
          const name = join(files.images, `CLEVR_train_00000${i}.png`);
          if (cut > 0 || random() < 0.5) await Deno.copyFile(join(whole, name), join(folder, name));
        }
        await Deno.writeTextFile(join(folder, files.images, ".CLEVR_train_000001.png.123.partial"), "half");
        await Deno.mkdir(dirname(join(folder, files.scenes)), { recursive: true });
        deepStrictEqual(await generate(folder, 3), made);
        deepStrictEqual(await contents(folder), wanted);
      });
    }
  }));

Deno.test("a list that is interrupted while it is appended to keeps its whole file until the new one is whole", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "list.json");
    const element = (image: number, i = 0) => ({ image_index: image, i });
    const write = async (info: unknown, upTo: number, finish: boolean) => {
      using list = await GrowingList.open(path, "things", info);
      while (list.images < upTo) list.append([element(list.images), element(list.images, 1)]);
      if (finish) await list.finish();
    };
    const read = async () => JSON.parse(await Deno.readTextFile(path)).things.length;
    await write({ a: 1 }, 2, true);
    strictEqual(await read(), 4);
    await write({ a: 1 }, 5, false);
    strictEqual(await read(), 4);
    await refuses(() => write({ a: 2 }, 6, true), /list\.json: was begun with a 1, not 2; give the same settings/);
    await write({ a: 1 }, 6, true);
    deepStrictEqual(
      JSON.parse(await Deno.readTextFile(path)).things,
      Array.from({ length: 12 }, (_, k) => element(k >> 1, k % 2)),
    );
    deepStrictEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["list.json"]);
    // Pictures without an element are counted too.
    {
      using list = await GrowingList.open(path, "things", { a: 1 });
      list.append([]);
      list.append([element(7)]);
      list.append([]);
      await list.finish();
    }
    using list = await GrowingList.open(path, "things", { a: 1 });
    deepStrictEqual([list.images, list.size], [9, 13]);
    await refuses(() => GrowingList.open(path, "things", { a: 1 }), /list\.json: another process is making it/);
    const other = join(folder, "other.json");
    await Deno.writeTextFile(GrowingList.growingPath(other), "no head\n");
    await refuses(
      () => GrowingList.open(other, "things", { a: 1 }),
      /other\.json: was begun with other settings; give/,
    );
  });
});

Deno.test("several threads draw the same pictures in the same order", async () => {
  const keys = [3, 0, 2, 1, 4].map((index) =>
    ({ seed: randomFor("threads").integer(0, 99), split: "val", index }) as const
  );
  const draw = async (threads: number) => {
    const drawn = [];
    for await (const picture of drawMany(keys, threads)) drawn.push(picture);
    return drawn;
  };
  const [one, two] = [await draw(1), await draw(2)];
  deepStrictEqual(two.map(({ scene }) => scene.image_index), [3, 0, 2, 1, 4]);
  deepStrictEqual(two, one);
});

Deno.test("tallies begin anew with each block of pictures, appended or not", async () => {
  await withFolder(async (folder) => {
    // The pictures do not matter here, only the expressions.
    const files = refPlusFiles(folder, "val");
    const info = { date: "", version: "itera-1", split: "val", license: "", seed: 2 };
    const scenes = async (upTo: number) => {
      using list = await GrowingList.open(files.scenes, "scenes", info);
      // The same few scenes over and over.
      while (list.images < upTo) {
        list.append([{ ...makeScene({ seed: 2, split: "val", index: list.images % 5 }), image_index: list.images }]);
      }
      await list.finish();
    };
    const options = { split: "val", seed: 2, refexpsPerImage: 2, resetCountsEvery: 7 } as const;
    await Deno.mkdir(files.images, { recursive: true });
    for (let i = 0; i < 18; i++) await Deno.writeTextFile(join(files.images, imageName("val", i)), "");
    const write = async (images: number) => {
      await scenes(images);
      await generateRefPlus(folder, { ...options, images });
    };
    await write(18);
    const atOnce = await Deno.readTextFile(files.refexps);
    await Deno.remove(files.refexps);
    await Deno.remove(files.scenes);
    for (const images of [5, 9, 14, 18]) await write(images);
    strictEqual(await Deno.readTextFile(files.refexps), atOnce);
    // The first pictures of a block find no templates used, those after them do.
    const templates = JSON.parse(atOnce).refexps.map((r: Refexp) => `${r.template_filename} ${r.refexp_family_index}`);
    for (const first of [0, 14, 28]) {
      const block = templates.slice(first, first + 14);
      strictEqual(new Set(block).size, block.length);
    }
    ok(new Set(templates).size < templates.length);
  });
});

Deno.test("wrong options, other settings and foreign files are refused in one line, and nothing is written", async () => {
  await withFolder(async (folder) => {
    await refuses(() => generate(folder, 0), /^--images: /);
    await refuses(() => generate(folder, 1.5), /^--images: /);
    await refuses(() => generate(folder, 1, { refexpsPerImage: 0 }), /^--refexps-per-image: /);
    await refuses(() => generate(folder, 1, { seed: -1 }), /^--seed: /);
    await refuses(() => generate(folder, 1, { split: "dev" as "val" }), /^--split: /);
    deepStrictEqual([...Deno.readDirSync(folder)], []);
    await generate(folder, 2);
    const before = await contents(folder);
    await refuses(() => generate(folder, 1), /scenes\.json: has 2 pictures already; give --images 2 or more/);
    await refuses(() => generate(folder, 3, { seed: 6 }), /scenes\.json: was begun with seed 5, not 6; give the same/);
    await refuses(
      () => generate(folder, 3, { refexpsPerImage: 4 }),
      /train_refexps\.json: was begun with refexps per image 2, not 4/,
    );
    deepStrictEqual(await contents(folder), before);
    const { scenes } = refPlusFiles(folder, "train");
    await Deno.writeTextFile(scenes, '{"info": {}, "scenes": []}');
    await refuses(() => generate(folder, 3), /scenes\.json: was not made by itera refplus generate and is left alone/);
  });
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "scenes"), "");
    await refuses(() => generate(folder, 1), /a file is in the way of a folder/);
    ok((await Deno.stat(join(folder, "scenes"))).isFile);
  });
});

Deno.test("a set of few objects seen large has no more of them, on larger masks, and its files record it", async () => {
  await withFolder(async (folder) => {
    const world = { maxObjects: 4, zoom: 1.5, patience: 300, falsePremise: false };
    await generate(folder, 2, world);
    const files = refPlusFiles(folder, "train");
    const { info, scenes } = JSON.parse(await Deno.readTextFile(files.scenes));
    deepStrictEqual([info.max_objects, info.zoom], [4, 1.5]);
    const list = JSON.parse(await Deno.readTextFile(files.refexps));
    deepStrictEqual([list.info.max_objects, list.info.patience, list.refexps.length], [4, 300, 4]);
    for (const { objects, obj_bbox } of scenes) {
      ok(objects.length <= 4);
      // A large object is 98 pixels wide or more in the middle of such a picture, 65 without zoom.
      const large = objects.findIndex(({ size }: { size: string }) => size === "large");
      if (large >= 0) ok(obj_bbox[large + 1][2] > 70, `${obj_bbox[large + 1]}`);
    }
    await refuses(() => generate(folder, 3, { ...world, zoom: 1.2 }), /scenes\.json: was begun with zoom 1.5, not 1.2/);
    await refuses(() => generate(folder, 1, { maxObjects: 2 }), /^--max-objects: /);
  });
});
