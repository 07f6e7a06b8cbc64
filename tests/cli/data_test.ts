import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { loadSharp } from "../../engine/base/packages/sharp.ts";
import { openDataset } from "../../datasets/open.ts";
import { itera } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";

const sharp = await loadSharp();

const write = (folder: string, layout: string, train = 12, val = 4) =>
  itera("data", "write", folder, "--layout", layout, "--train", String(train), "--val", String(val));

Deno.test("the scenes are written in the layouts of real sets, and are fit to be trained on", async () => {
  await withFolder(async (folder) => {
    const layouts = { coco2014: "coco", ade2021: "ade", vg: "vg" };
    await Promise.all(
      Object.entries(layouts).map(async ([layout, set]) => {
        const data = join(folder, layout);
        const written = await write(data, layout);
        strictEqual(written.code, 0, written.err);
        ok(written.out.includes(`itera train --dataset ${set} --data ${data}`), written.out);
        const { code, out, err } = await itera("data", "check", set, "--data", data, "--headers");
        strictEqual(code, 0, err);
        match(
          out,
          new RegExp(`^${set} train: ${layout === "coco2014" ? 14 : 12} images, \\d+ regions, \\d+ classes$`, "m"),
        );
        match(out, new RegExp(`^${set} val: 2 images`, "m"));
        match(out, /^training on it can begin$/m);
      }),
    );
    const nowhere = await itera("data", "check", "vg");
    deepStrictEqual([nowhere.code, nowhere.err], [
      2,
      "itera: --dataset vg needs --data FOLDER, the folder with image_data.json, VG_100K and VG_100K_2\n",
    ]);
    const twice = await write(join(folder, "vg"), "vg");
    deepStrictEqual([twice.code, /vg: is there already; name a folder that is not/.test(twice.err)], [2, true]);
    const unknown = await write(join(folder, "x"), "voc");
    deepStrictEqual([unknown.code, /voc/.test(unknown.err), unknown.err.trimEnd().split("\n").length], [2, true, 1]);
  });
});

Deno.test("a check counts and names what is missing, broken and odd, and says whether training would fail", async () => {
  await withFolder(async (folder) => {
    const data = join(folder, "coco"), train = join(data, "train2017");
    strictEqual((await write(data, "coco", 6, 2)).code, 0);
    const file = join(data, "annotations", "instances_train2017.json");
    const set = JSON.parse(await Deno.readTextFile(file));
    const [first, second, third] = set.images;
    set.annotations = set.annotations.filter((a: { image_id: number }) => a.image_id !== first.id);
    const extra = (bbox: number[]) => ({ image_id: second.id, category_id: 1, bbox, area: 9 });
    set.annotations.push(extra([-4, 3, 8, 9]), extra([-9, 3, 8, 9]), extra([400, 3, 8, 9]), extra([1, 2, 3]));
    third.width++;
    for (const path of [file, file.replace("train", "val")]) {
      const { categories, ...others } = JSON.parse(await Deno.readTextFile(path));
      const twice = [...categories, { id: 1000, name: categories[0].name }];
      await Deno.writeTextFile(path, JSON.stringify({ ...others, categories: twice }));
      set.categories = twice;
    }
    set.annotations.push({ ...set.annotations[0] });
    await Deno.writeTextFile(file, JSON.stringify(set));
    await Deno.remove(join(train, "000000000004.png"));
    const cut = join(train, "000000000005.png");
    await Deno.writeFile(cut, (await Deno.readFile(cut)).subarray(0, 900));

    const check = (...flags: string[]) => itera("data", "check", "coco", "--data", data, ...flags);
    const [whole, headers, lenient, val] = await Promise.all([
      check(),
      check("--headers", "--split", "train"),
      check("--skip-broken"),
      check("--split", "val"),
    ]);
    strictEqual(whole.code, 2);
    const found = (what: string, count: number, stops: string) =>
      match(whole.out, new RegExp(`│ ${what} +│ +${count} │ ${stops} +│`));
    found("missing pictures", 1, "yes, but for --skip-broken");
    found("broken pictures", 1, "yes, but for --skip-broken");
    found("broken annotations", 1, "yes, but for --skip-broken");
    found("pictures of another size than annotated", 1, "yes, but for --skip-broken");
    found("images without regions", 1, "no");
    found("boxes cut at the border of their picture", 1, "no");
    found("boxes left out, outside or without area", 2, "no");
    found("annotation ids that are there twice", 1, "no");
    found("names that two classes have", 1, "no");
    match(whole.out, /^missing pictures: .*000000000004\.png$/m);
    match(whole.out, /^broken pictures: .*000000000005\.png: \S/m);
    match(whole.out, /^pictures of another size than annotated: .*000000000003\.png: 192×128, not 193×128$/m);
    match(whole.out, /^broken annotations: .*instances_train2017\.json: annotations\.\d+\.bbox/m);
    match(whole.out, /^images without regions: 1$/m);
    match(whole.out, /^classes without training instances: \w+/m);
    match(
      whole.err,
      /^itera: training on coco would fail: train: 1 missing pictures; train: 1 broken pictures; train: 1 broken ann.*$/m,
    );
    // The end of a picture is not looked at, its beginning is whole.
    deepStrictEqual([headers.code, headers.out.includes("broken pictures")], [2, false]);
    ok(!headers.out.includes("coco val"), headers.out);
    deepStrictEqual([lenient.code, val.code], [0, 0], lenient.err + val.err);

    await Deno.writeTextFile(file, JSON.stringify({ ...set, annotations: [] }));
    const empty = await check("--skip-broken", "--headers");
    deepStrictEqual([empty.code, /train: no image with regions is left$/m.test(empty.err)], [2, true], empty.err);
    await Deno.writeTextFile(file, "{");
    const broken = await check();
    match(broken.err, /^itera: training on coco would fail: train: .*instances_train2017\.json: is not whole JSON/m);
    match(broken.out, /^coco val: 2 images/m);
  });
});

Deno.test("a set in ADE20K's layout, its lists elsewhere, leads to a graph, a trained model and a table", async () => {
  await withFolder(async (folder) => {
    const [data, lists, runs] = ["ade", "lists", "runs"].map((name) => join(folder, name));
    strictEqual((await write(data, "ade2021", 16, 4)).code, 0);
    await Deno.mkdir(lists);
    for await (const { name } of Deno.readDir(data)) {
      if (name.endsWith(".txt")) await Deno.rename(join(data, name), join(lists, name));
    }
    const where = ["--dataset", "ade", "--data", data, "--lists", lists];
    const graph = join(folder, "graph.jsonl");
    const built = await itera("graph", "build", ...where, "--parts", data, "--cooccurrence", "--out", graph);
    strictEqual(built.code, 0, built.err);
    match(built.out, /│ seen-with +│/);
    const small = ["--short-side", "32", "--long-side", "48", "--steps", "2", "--model", "baseline", "--graph", graph];
    const trained = await itera("train", ...where, ...small, "--runs", runs, "--name", "a");
    strictEqual(trained.code, 0, trained.err);
    match(trained.out, /^Results on ade test$/m);
    const { dataset } = JSON.parse(await Deno.readTextFile(join(runs, "a", "config.json")));
    deepStrictEqual([dataset.dataset, dataset.lists, dataset.testSplit], ["ade", lists, "test"]);
    const evaluated = await itera("evaluate", join(runs, "a"));
    strictEqual(evaluated.code, 0, evaluated.err);
    match(evaluated.out, /^Results on ade test$/m);
  });
});

Deno.test("an image is shown by its place or its name, with its boxes", async () => {
  await withFolder(async (folder) => {
    const data = join(folder, "ade"), out = join(folder, "a.png");
    strictEqual((await write(data, "ade2021", 24, 2)).code, 0);
    // Nobody trains on validation images: without them training can begin, without the test images it cannot.
    const lists = ["mval.txt", "mtest.txt"].map((name) => join(data, name));
    await Deno.writeTextFile(lists[0], "images/validation/nowhere.jpg\n");
    const half = await itera("data", "check", "ade", "--data", data, "--headers");
    deepStrictEqual([half.code, /^val: .*nowhere\.jpg: is named in .*mval\.txt/m.test(half.err)], [0, true], half.err);
    await Deno.writeTextFile(lists[1], "images/validation/nowhere.jpg\n");
    const none = await itera("data", "check", "ade", "--data", data, "--headers");
    deepStrictEqual([none.code, /would fail: test: .*nowhere\.jpg/.test(none.err)], [2, true], none.err);
    const set = await openDataset({ dataset: "ade", data, split: "train" });
    const { labels, boxes } = set.record(2);
    const flags = ["data", "show", "ade", "--data", data, "--out", out];
    const [byIndex, byId] = [
      await itera(...flags, "--index", "2"),
      await itera(...flags, "--id", "ADE_train_00000003"),
    ];
    strictEqual(byIndex.code, 0, byIndex.err);
    strictEqual(byId.out, byIndex.out);
    match(byIndex.out, /^ade train 2: ADE_train_00000003, 192×128$/m);
    match(byIndex.out, new RegExp(`│ +1 │ ${set.classes[labels[0]]} +│ ${boxes.subarray(0, 4).join(", ")} +│`));
    const { width, height } = await sharp(out).metadata();
    deepStrictEqual([width, height], [192 * 4, 128 * 4]);
    const drawn = await itera("data", "show", "context", "--split", "test", "--index", "0", "--out", out);
    strictEqual(drawn.code, 0, drawn.err);
    const wrong: [string[], RegExp][] = [
      [["--index", "24"], /--index 24: ade train has images 0 to 23/],
      [["--id", "x"], /--id x: ade train has no such image; the first is ADE_train_00000001/],
      [[], /name the image by --index or --id/],
      [["--index", "-1"], /argument '-1' is invalid/],
    ];
    for (const [args, message] of wrong) {
      const { code, err } = await itera(...flags, ...args);
      deepStrictEqual([code, message.test(err)], [2, true], err);
    }
  });
});
