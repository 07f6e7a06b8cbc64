/** Data that does not fit the run: matched by name, or refused before the first step. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { loadSharp } from "../../engine/base/packages/sharp.ts";
import { type Ended, itera } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { TINY, writeTinyCoco } from "../support/files/tiny_coco.ts";

interface Instances {
  annotations: { category_id: number }[];
  categories: { id: number; name: string }[];
}

/** A copy of `data` with the annotations of both splits changed. */
async function changed(
  data: string,
  copy: string,
  change: (set: Instances, split: string) => Instances,
): Promise<string> {
  await Deno.mkdir(join(copy, "annotations"), { recursive: true });
  for (const split of ["train", "val"]) {
    await Deno.symlink(join(data, `${split}2017`), join(copy, `${split}2017`));
    const name = join("annotations", `instances_${split}2017.json`);
    const set = change(JSON.parse(await Deno.readTextFile(join(data, name))), split);
    await Deno.writeTextFile(join(copy, name), JSON.stringify(set));
  }
  return copy;
}

/** The rows of the table of results. */
const table = ({ out }: Ended) => out.split("\n").filter((line) => line.includes("baseline"));

function refused({ code, err }: Ended, message: RegExp): void {
  match(err, message);
  strictEqual(code, 2, err);
}

Deno.test("classes of a run and of data are matched by name, or refused before anything is computed", async () => {
  await withFolder(async (folder) => {
    const data = join(folder, "data"), runs = join(folder, "runs");
    await writeTinyCoco(data);
    await Deno.writeTextFile(join(folder, "tiny.json"), JSON.stringify({ ...TINY, steps: 4 }));
    const begin = ["train", "--runs", runs, "--config", join(folder, "tiny.json")];
    const fewer = await changed(data, join(folder, "fewer"), (set, split) =>
      split === "train" ? set : {
        ...set,
        annotations: set.annotations.filter((one) => one.category_id !== 2),
        categories: set.categories.filter((one) => one.id !== 2),
      });
    // The order of ids, and so of classes, is another one.
    const more = await changed(data, join(folder, "more"), (set) => ({
      ...set,
      categories: [...set.categories, { id: 1, name: "white" }],
    }));
    const renamed = await changed(data, join(folder, "renamed"), (set) => ({
      ...set,
      categories: set.categories.map(({ id, name }) => ({ id, name: name === "red" ? "crimson" : name })),
    }));
    const empty = await changed(
      data,
      join(folder, "empty"),
      (set, split) => split === "train" ? set : { ...set, annotations: [] },
    );

    const trained = await itera(...begin, "--data", data, "--name", "a");
    strictEqual(trained.code, 0, trained.err);
    const run = join(runs, "a"), out = join(folder, "out");
    const evaluated = (where: string) => itera("evaluate", run, "--data", where, "--out", out);
    const [same, other] = [await evaluated(data), await evaluated(more)];
    strictEqual(other.code, 0, other.err);
    deepStrictEqual(table(other), table(same));
    const matched = await evaluated(fewer);
    deepStrictEqual([matched.code, /coco val has 2 classes, .* 3 \(only there: red\); they are/.test(matched.err)], [
      0,
      true,
    ]);
    refused(
      await evaluated(renamed),
      /coco val: has 3 classes, .* 3 \(only here: crimson; only there: red\); regions of crimson \(\d\) can/,
    );
    const weights = join(run, "checkpoints", "step_00000004.safetensors");
    const from = await itera(...begin, "--data", renamed, "--name", "w", "--weights", weights, "--steps", "1");
    strictEqual(from.code, 0, from.err);
    match(from.err, /cls_score: random \(its classes have other names, only there: red, only here: crimson\)/);
    // Results of other classes do not take the place of the run's own.
    const foreign = join(runs, "w");
    refused(
      await itera("evaluate", run, "--checkpoint", join(foreign, "checkpoints", "step_00000001.safetensors")),
      /step_00000001\.safetensors: has 3 classes, .*a 3 \(only here: crimson; only there: red\); its results belong into/,
    );
    await Deno.copyFile(join(foreign, "scores.safetensors"), join(run, "scores.safetensors"));
    refused(await itera("re-evaluate", run), /scores\.safetensors: has 3 classes, .*; its results belong into another/);
    refused(await itera("ensemble", run, join(out), "--out", join(folder, "e")), /scored 3 classes, .*only/);
    const instances = join(renamed, "annotations", "instances_val2017.json"), shown = join(data, "val2017", "0.png");
    const named = await itera(
      ...["predict", "--checkpoint", run, "--image", shown, "--annotations", instances, "--out", out],
    );
    deepStrictEqual(
      [named.code, /annotated as what is no class of .*: crimson$/m.test(named.err)],
      [0, true],
      named.err,
    );
    refused(await evaluated(empty), /coco val: none of its 2 images has a region/);
    const config = join(run, "config.json"), before = await Deno.readTextFile(config);
    const resumed = await itera("train", "--runs", runs, "--name", "a", "--resume", "--steps", "8", "--data", more);
    strictEqual(await Deno.readTextFile(config), before);
    refused(
      resumed,
      /coco train: has 4 classes, the run 3 \(only here: white\); go on with the data the run began with/,
    );
    refused(await itera(...begin, "--data", empty, "--name", "b"), /coco val: none of its 2 images has a region/);

    const check = await itera("data", "check", "coco", "--data", fewer);
    deepStrictEqual([
      check.code,
      /val has 2 classes, train 3 \(only there: red\); they are matched by name/.test(check.out),
    ], [0, true]);
    const wrong = await changed(
      data,
      join(folder, "wrong"),
      (set, split) =>
        split === "train"
          ? set
          : { ...set, categories: set.categories.map(({ id, name }) => ({ id, name: `x ${name}` })) },
    );
    refused(
      await itera("data", "check", "coco", "--data", wrong),
      /would fail: coco val: has 3 classes, train 3 .*can get no label of train/,
    );
    // A graph of other classes.
    const graph = join(folder, "graph.jsonl"), format = { format: "itera-knowledge", version: 1, types: [], dim: 0 };
    const withGraph = async (...classes: string[]) => {
      await Deno.writeTextFile(graph, JSON.stringify({ ...format, classes: ["__background__", ...classes] }) + "\n");
      const global = ["--model", "global", "--graph", graph, "--steps", "1", "--set", "model.reasoning.head.width=8"];
      return await itera(...begin, "--data", data, "--name", `graph-${classes.length}`, ...global);
    };
    refused(await withGraph("zebra"), /graph\.jsonl: knows none of the 3 classes \(red, green, dark_blue\); give the/);
    const partly = await withGraph("zebra", "red");
    strictEqual(partly.code, 0, partly.err);
    match(partly.err, /lacks 2 classes of the data set, which get neither edges nor vectors: green, dark_blue$/m);
    refused(await itera(...begin, "--data", wrong, "--name", "c"), /coco val: has 3 classes, coco train 3/);

    // Pictures of the test split of another size: known before the first step, not after the last.
    const sharp = await loadSharp(), picture = join(data, "val2017", "1.png"), whole = await Deno.readFile(picture);
    await Deno.writeFile(picture, await sharp(whole).resize(96, 80).png().toBuffer());
    refused(await itera(...begin, "--data", data, "--name", "d"), /val2017\/1\.png: is 96×80, not 48×40 as annotated/);
    ok(!await Deno.stat(join(runs, "d")).then(() => true, () => false), "a run that did not begin leaves no folder");

    // Annotated as stored, with a mark to turn it: a run's setting, which its evaluation and predictions keep.
    await Deno.writeFile(picture, await sharp(whole).withMetadata({ orientation: 6 }).png().toBuffer());
    refused(
      await itera(...begin, "--data", data, "--name", "e"),
      /1\.png: is 40×48, not 48×40 .*pictures\.orientation=ignore/,
    );
    const stored = await itera(...begin, "--data", data, "--name", "f", "--set", "pictures.orientation=ignore");
    strictEqual(stored.code, 0, stored.err);
    const file = join(data, "annotations", "instances_val2017.json");
    const predict = (run: string) =>
      itera("predict", "--checkpoint", join(runs, run), "--image", picture, "--annotations", file, "--out", out);
    deepStrictEqual([(await itera("evaluate", join(runs, "f"))).code, (await predict("f")).code], [0, 0]);
    refused(await predict("a"), /1\.png: is 40×48, not 48×40 as annotated/);
    const checked = await itera("data", "check", "coco", "--data", data, "--orientation", "ignore");
    strictEqual(checked.code, 0, checked.err);
    refused(await itera("data", "check", "coco", "--data", data), /val: 1 pictures of another size than annotated/);
  });
});

Deno.test("names of runs, and those of an experiment's members, do not lead out of their folders", async () => {
  await withFolder(async (folder) => {
    const runs = join(folder, "a", "b", "runs");
    for (const name of ["../../x", "..", "/x", "a/../../x", ""]) {
      for (const command of [["train"], ["ablate"], ["refplus", "train"], ["refplus", "extractor"]]) {
        refused(await itera(...command, "--runs", runs, "--name", name), /--name .*leads out of the runs' folder/);
      }
    }
    await Deno.mkdir(join(runs, "e"), { recursive: true });
    for (
      const [named, complaint] of [
        ["..", /experiment\.json: members\.0\.folder: a folder is named by/],
        ["report.html", /experiment\.json: members\.0\.folder: is the name of a file of the experiment/],
      ] as const
    ) {
      const member = { folder: named, name: "a", settings: { steps: 1 } };
      await Deno.writeTextFile(join(runs, "e", "experiment.json"), JSON.stringify({ title: "t", members: [member] }));
      refused(await itera("ablate", "--runs", runs, "--name", "e", "--resume"), complaint);
    }
    const left = await Array.fromAsync(Deno.readDir(join(folder, "a", "b")));
    deepStrictEqual(left.map(({ name }) => name), ["runs"]);
  });
});

Deno.test("a set whose names hold terminal escapes and HTML is shown and checked as text", async () => {
  await withFolder(async (folder) => {
    const data = join(folder, "data");
    await writeTinyCoco(data);
    const names = ["\x1b[2J\x1b]0;owned\x07red", "<img src=x onerror=alert(1)>", "a\nb\u202e"];
    const copy = await changed(data, join(folder, "copy"), (set) => ({
      ...set,
      categories: set.categories.map(({ id }, i) => ({ id, name: names[i] })),
    }));
    const where = ["coco", "--data", copy];
    const all = await Promise.all([
      itera("data", "check", ...where),
      ...[0, 1, 2].map((i) => itera("data", "show", ...where, "--index", `${i}`, "--out", join(folder, `${i}.png`))),
    ]);
    for (const { code, out, err } of all) {
      strictEqual(code, 0, err);
      // deno-lint-ignore no-control-regex -- none of these may be there.
      ok(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(out + err), JSON.stringify(out + err));
    }
    ok(all[1].out.includes("\\x1b[2J"), all[1].out);
  });
});
