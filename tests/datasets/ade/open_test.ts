import { deepStrictEqual, match, ok, rejects } from "node:assert/strict";
import { dirname, join } from "node:path";
import { openAde } from "../../../datasets/ade/open.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { Loader } from "../../../datasets/images/loader.ts";
import { openDataset } from "../../../datasets/open.ts";
import type { FileImages, RegionDataset } from "../../../datasets/types.ts";
import { type Instance, writeAttributes, writeLists, writeMap, writePicture } from "../../support/files/ade_files.ts";
import { withFolder } from "../../support/folder.ts";

const NAMES = { "arm chair": 9, car: 5, hub: 4, "left arm": 20, person: 7, "right arm": 20, wheel: 30 };
const CLASSES = ["__background__", "arm_chair", "car", "left_arm", "person", "right_arm", "wheel"];

const IMAGES = {
  train: ["images/training/s/street/ADE_train_00000002.jpg", "images/training/h/hall/ADE_train_00000001.jpg"],
  mval: ["images/validation/s/street/ADE_val_00000001.jpg"],
  mtest: ["images/validation/s/street/ADE_val_00000002.jpg"],
};

const OBJECTS: readonly Instance[] = [[2, 0, "person"], [1, 0, "car"], [1, 1, "wheel"], [2, 1, "left arm"], [
  3,
  1,
  "hub",
]];

/** A car and a person without a pixel of background in between; the wheel is the car's, the arm the person's. */
async function writeImage(folder: string, path: string, blue = [40, 90], instances = OBJECTS): Promise<void> {
  const stem = join(folder, path.replace(".jpg", ""));
  await Deno.mkdir(dirname(stem), { recursive: true });
  const [a, b] = blue;
  await writePicture(`${stem}.jpg`, 6, 3);
  await writeMap(`${stem}_seg.png`, [[a, a, a, 0, b, b], [a, a, a, 0, b, b], [0, 0, 0, 0, 0, b]]);
  await writeMap(`${stem}_parts_1.png`, [[9, 0, 0, 0, 8, 8], [9, 0, 0, 0, 0, 0], [0, 0, 99, 0, 0, 0]]);
  await writeAttributes(`${stem}_atr.txt`, instances);
}

async function writeSet(folder: string): Promise<void> {
  for (const path of Object.values(IMAGES).flat()) await writeImage(folder, path);
  await writeLists(folder, IMAGES, NAMES);
}

/** Name and box of each region of an image. */
function regions(set: RegionDataset, index: number): [string, ...number[]][] {
  const { boxes, labels } = set.record(index);
  return Array.from(labels, (label, r) => [set.classes[label], ...boxes.subarray(4 * r, 4 * r + 4)]);
}

/** Level 1 is numbered by blue value: 8 is the first, 9 the second, 99 the third. */
const WANTED = [["car", 0, 0, 2, 1], ["person", 4, 0, 5, 2], ["wheel", 4, 0, 5, 0], ["left_arm", 0, 0, 0, 1]];

Deno.test("ADE20K's splits follow its lists, objects come before parts, rare and unknown names are no regions", async () => {
  await withFolder(async (folder) => {
    await writeSet(folder);
    const train = await openDataset({ dataset: "ade", data: folder, split: "train" });
    deepStrictEqual(train.classes, CLASSES);
    deepStrictEqual([train.name, train.split, train.size], ["ade", "train", 2]);
    const { id, width, height, path } = train.record(0);
    deepStrictEqual([id, width, height, path], ["ADE_train_00000002", 6, 3, join(folder, IMAGES.train[0])]);
    deepStrictEqual([regions(train, 0), regions(train, 1)], [WANTED, WANTED]);
    const [val, test] = [await openAde(folder, "val"), await openAde(folder, "test")];
    deepStrictEqual([val.record(0).id, test.record(0).id, val.size, test.size], [
      "ADE_val_00000001",
      "ADE_val_00000002",
      1,
      1,
    ]);
    const { kind, paths } = train.source as FileImages;
    deepStrictEqual([kind, paths], ["files", IMAGES.train.map((name) => join(folder, name))]);
  });
});

Deno.test("mirrored, left arms are right arms and boxes change sides; twice mirrored is not mirrored", async () => {
  await withFolder(async (folder) => {
    await writeSet(folder);
    const set = await openAde(folder, "val");
    const swap = set.flipLabels!;
    deepStrictEqual([...swap], [0, 1, 2, 5, 4, 3, 6]);
    deepStrictEqual([...swap].map((label) => swap[label]), [0, 1, 2, 3, 4, 5, 6]);
    const loader = new Loader(set, { scale: { target: 3, max: 6 } });
    const [image] = await Array.fromAsync(loader.run([{ position: 0, index: 0, flipped: true }]));
    loader.close();
    deepStrictEqual([...image.labels].map((label) => CLASSES[label]), ["car", "person", "wheel", "right_arm"]);
    deepStrictEqual([...image.boxes], [3, 0, 5, 1, 0, 0, 1, 2, 0, 0, 1, 0, 5, 0, 5, 1]);
  });
});

Deno.test("without a pixel of background the first instance is number 1, and number 0 where the reference is followed", async () => {
  await withFolder(async (folder) => {
    await writeSet(folder);
    const stem = join(folder, IMAGES.mval[0].replace(".jpg", ""));
    await writeMap(`${stem}_seg.png`, [[40, 40, 40, 90, 90, 90], [40, 40, 40, 90, 90, 90], [90, 90, 90, 90, 90, 90]]);
    await Deno.remove(`${stem}_parts_1.png`);
    deepStrictEqual(regions(await openAde(folder, "val"), 0), [["car", 0, 0, 2, 1], ["person", 0, 0, 5, 2]]);
    const reference = { instanceNumbers: true };
    const followed = await openDataset({ dataset: "ade", data: folder, split: "val", reference });
    deepStrictEqual(regions(followed, 0), [["car", 0, 0, 5, 2]]);
  });
});

Deno.test("lists may lie elsewhere, and what is missing is named", async () => {
  await withFolder(async (folder) => {
    const [data, lists] = [join(folder, "ade"), join(folder, "lists")];
    await rejects(
      openAde(data, "train"),
      (e) => e instanceof UserError && /ade: there is no such folder/.test(e.message),
    );
    for (const path of Object.values(IMAGES).flat()) await writeImage(data, path);
    await rejects(openAde(data, "val"), /ade\/mval\.txt: there is no such file.*docs\/ade20k\.md/);
    await writeLists(lists, IMAGES, NAMES);
    deepStrictEqual(regions(await openDataset({ dataset: "ade", data, lists, split: "test" }), 0), WANTED);
    await Deno.remove(join(lists, "objectcounts.txt"));
    await rejects(openAde(data, "val", { lists }), /objectcounts\.txt: there is no such file/);
    await writeLists(lists, { ...IMAGES, mval: [] }, NAMES);
    await rejects(openAde(data, "val", { lists }), /mval\.txt: names no picture/);
    await Deno.remove(join(data, "images"), { recursive: true });
    await rejects(
      openAde(data, "test", { lists }),
      /ADE_val_00000002\.jpg: is named in .*mtest\.txt but missing, and so/,
    );
    await rejects(openDataset({ dataset: "ade", split: "val" }), /--dataset ade needs --data FOLDER/);
  });
});

Deno.test("a broken annotation and a missing picture are named, and left out where asked", async () => {
  await withFolder(async (folder) => {
    await writeSet(folder);
    const stems = IMAGES.train.map((path) => join(folder, path.replace(".jpg", "")));
    await Deno.writeTextFile(`${stems[0]}_seg.png`, "no picture");
    await rejects(
      openAde(folder, "train"),
      (e) => e instanceof UserError && e.message.startsWith(`${stems[0]}_seg.png: is no picture; --skip-broken`),
    );
    const messages: string[] = [];
    const hooks = { onMessage: (text: string) => void messages.push(text) };
    const left = await openAde(folder, "train", { skipBroken: true }, hooks);
    deepStrictEqual([left.size, regions(left, 0)], [1, WANTED]);
    deepStrictEqual(messages, [`left out ${stems[0]}_seg.png: is no picture`]);
    // What was kept of the set without it must not hide it from one who did not ask for that; the rest is kept.
    const read: number[] = [];
    const onProgress = (done: number, of: number) => void (done === 0 && read.push(of));
    await rejects(openAde(folder, "train", {}, { onProgress }), /_seg\.png: is no picture/);
    deepStrictEqual(read, [1]);
    await Deno.remove(`${stems[1]}.jpg`);
    await rejects(openAde(folder, "train"), /ADE_train_00000001\.jpg: is named in .*train\.txt but missing; --skip-/);
    await writeImage(folder, IMAGES.train[0]);
    const mended = await openAde(folder, "train", { skipBroken: true }, hooks);
    deepStrictEqual([mended.size, mended.record(0).id], [1, "ADE_train_00000002"]);
    match(messages[1], /ADE_train_00000001\.jpg: is missing/);
    await Deno.remove(`${stems[0]}_atr.txt`);
    await rejects(
      openAde(folder, "train", { skipBroken: true }),
      /train\.txt: no image it names can be read, the first is .*_00000002_atr\.txt: there is no such file/,
    );
  });
});

/** Overwrites part of a file and sets its time of change to what it was, plus so many ms. */
async function swap(path: string, from: string, to: string, later = 0): Promise<void> {
  const { mtime } = await Deno.stat(path);
  const time = new Date(mtime!.getTime() + later);
  await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace(from, to));
  await Deno.utime(path, time, time);
}

Deno.test("a second opening reads no annotation, a changed one is read again alone, and a changed list is a new set", async () => {
  await withFolder(async (folder) => {
    await writeSet(folder);
    const read: number[] = [];
    const open = () => openAde(folder, "train", {}, { onProgress: (done, of) => void (done === 0 && read.push(of)) });
    const before = await open();
    const stems = IMAGES.train.map((path) => join(folder, path.replace(".jpg", "")));
    // An index goes by size and time of change: what leaves no trace in either is not seen, and shows that it is used.
    await swap(`${stems[0]}_atr.txt`, "# car #", "# hub #");
    const again = await open();
    deepStrictEqual([regions(again, 0), regions(again, 1), again.classes], [WANTED, WANTED, CLASSES]);
    deepStrictEqual(again.table.findings, before.table.findings);
    deepStrictEqual(read, [2], "the index was not used");

    await writeAttributes(`${stems[1]}_atr.txt`, [[1, 0, "arm chair"]]);
    const changed = await open();
    deepStrictEqual([regions(changed, 0), regions(changed, 1)], [WANTED, [["arm_chair", 0, 0, 2, 1]]]);
    await writeMap(`${stems[1]}_parts_2.png`, [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 5]]);
    await writeAttributes(`${stems[1]}_atr.txt`, [[1, 2, "wheel"]]);
    deepStrictEqual(regions(await open(), 1), [["wheel", 5, 2, 5, 2]]);
    await Deno.remove(`${stems[1]}_parts_1.png`);
    deepStrictEqual(regions(await open(), 1), [], "levels end where one is missing");
    deepStrictEqual(read, [2, 1, 1, 1]);

    await swap(`${stems[0]}_atr.txt`, "# hub #", "# car #", 3);
    deepStrictEqual(regions(await open(), 0), WANTED);
    await swap(`${stems[0]}_atr.txt`, "# car #", "# wheel #");
    deepStrictEqual(regions(await open(), 0)[0], ["wheel", 0, 0, 2, 1]);
    await swap(`${stems[0]}_atr.txt`, "# wheel #", "# hub #");
    deepStrictEqual(read, [2, 1, 1, 1, 1, 1]);

    await writeLists(folder, { ...IMAGES, train: IMAGES.train.slice(0, 1) }, { ...NAMES, hub: 50 });
    const other = await open();
    deepStrictEqual([other.size, read.at(-1)], [1, 1]);
    deepStrictEqual(regions(other, 0).map(([name]) => name), ["hub", "person", "wheel", "left_arm", "hub"]);
  });
});

Deno.test("the index lies beside the data, where asked, or in the user's cache, and a broken one is made again", async () => {
  await withFolder(async (folder) => {
    const [data, home, own] = ["ade", "home", "own"].map((name) => join(folder, name));
    await Deno.mkdir(data);
    await writeSet(data);
    const files = (path: string): string[] => {
      try {
        return [...Deno.readDirSync(path)].map(({ name }) => name);
      } catch {
        return [];
      }
    };
    await openAde(data, "val", { cache: own });
    match(files(own).join(), /^ade-val-[0-9a-f]{12}\.index$/);
    deepStrictEqual(files(join(data, ".itera")), []);
    await openAde(data, "val");
    deepStrictEqual(files(join(data, ".itera")), files(own));
    const index = join(own, files(own)[0]);
    const whole = await Deno.readFile(index);
    const broken = [[...whole.subarray(0, -1)], [...whole, 0], [...whole.subarray(0, 9)], [123, 125, 10]];
    for (const bytes of broken.map((bytes) => Uint8Array.from(bytes))) {
      await Deno.writeFile(index, bytes);
      deepStrictEqual(regions(await openAde(data, "val", { cache: own }), 0), WANTED);
      ok((await Deno.readFile(index)).length === whole.length, "the broken index was not replaced");
    }
    await Deno.remove(join(data, ".itera"), { recursive: true });
    const before = Deno.env.get("XDG_CACHE_HOME");
    await Deno.chmod(data, 0o555);
    Deno.env.set("XDG_CACHE_HOME", home);
    try {
      deepStrictEqual(regions(await openAde(data, "val"), 0), WANTED);
    } finally {
      if (before === undefined) Deno.env.delete("XDG_CACHE_HOME");
      else Deno.env.set("XDG_CACHE_HOME", before);
      await Deno.chmod(data, 0o755);
    }
    deepStrictEqual(files(join(data, ".itera")), []);
    const [hashed] = files(join(home, "itera"));
    deepStrictEqual(files(join(home, "itera", hashed)), files(own));
  });
});

Deno.test("names in Latin-1 are the classes they spell, and lists name each picture once, inside the set", async () => {
  await withFolder(async (folder) => {
    const latin = (path: string, text: string) =>
      Deno.writeFile(join(folder, path), Uint8Array.from(text, (c) => c.charCodeAt(0)));
    await writeSet(folder);
    const stem = IMAGES.train[0].replace(".jpg", "");
    await writeImage(folder, IMAGES.train[0], [40, 90], [[1, 0, "café table"], [2, 0, "person"]]);
    await latin(`${stem}_atr.txt`, '001 # 0 # 0 # 3 # café table # ""\n002 # 0 # 0 # 3 # person # ""\n');
    await writeLists(folder, IMAGES, { ...NAMES, "café table": 9 });
    for (const utf8 of [true, false]) {
      if (!utf8) await latin("objectnames.txt", await Deno.readTextFile(join(folder, "objectnames.txt")));
      deepStrictEqual(regions(await openAde(folder, "train"), 0).map(([name]) => name), ["café_table", "person"]);
    }
    const list = (...names: string[]) => Deno.writeTextFile(join(folder, "train.txt"), names.join("\n"));
    await list(IMAGES.train[0], IMAGES.train[1], IMAGES.train[0]);
    await rejects(openAde(folder, "train"), /train\.txt: .*ADE_train_00000002\.jpg: is there twice/);
    await list("images/../../a.jpg");
    await rejects(openAde(folder, "train"), /train\.txt: images\/\.\.\/\.\.\/a\.jpg: names a file outside/);
  });
});
