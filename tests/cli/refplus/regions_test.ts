import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { openDataset } from "../../../datasets/open.ts";
import { refPlusFiles } from "../../../datasets/refplus/files/layout.ts";
import { readScenes } from "../../../datasets/refplus/files/read.ts";
import { FeatureFile } from "../../../datasets/refplus/files/feature_file.ts";
import { listCheckpoints } from "../../../model/run/run_folder.ts";
import { itera } from "../../support/command.ts";
import { withFolder } from "../../support/folder.ts";

Deno.test("a network that learnt to name a set's objects turns its pictures into features", async () => {
  await withFolder(async (folder) => {
    const set = join(folder, "set"), runs = join(folder, "runs");
    for (const [split, images] of [["train", "4"], ["val", "2"]]) {
      const made = await itera("refplus", "generate", "--out", set, "--split", split, "--images", images);
      strictEqual(made.code, 0, made.err);
    }
    const opened = await openDataset({ dataset: "refplus", data: set, split: "test" });
    deepStrictEqual([opened.size, opened.classes.length], [2, 1 + 2 * 8 * 2 * 3]);
    let at = 0;
    for await (const scene of readScenes(refPlusFiles(set, "val").scenes)) {
      const { labels, boxes } = opened.record(at++);
      deepStrictEqual(
        [...labels].map((label) => opened.classes[label]),
        scene.objects.map(({ size, color, material, shape }) => `${size} ${color} ${material} ${shape}`),
      );
      const [x, y, width, height] = scene.obj_bbox["1"];
      deepStrictEqual([...boxes.subarray(0, 4)], [x, y, x + width - 1, y + height - 1]);
    }

    const trained = await itera(
      ...["train", "--dataset", "refplus", "--data", set, "--runs", runs, "--name", "object-features", "--steps", "3"],
    );
    strictEqual(trained.code, 0, trained.err);
    const [{ path: weights }] = listCheckpoints(join(runs, "object-features"));
    const features = (output: string, ...more: string[]) =>
      itera(
        ...["refplus", "features", "--model", "run", "--input_image_dir", refPlusFiles(set, "val").images],
        ...["--output_h5_file", join(folder, output), ...more],
      );
    const [made, without, wrong] = await Promise.all([
      features("features.h5", "--weights", weights),
      features("none.h5"),
      features("other.h5", "--weights", join(set, "scenes", "clevr_ref+_val_scenes.json")),
    ]);
    deepStrictEqual([made.code, without.code, wrong.code], [0, 2, 2], made.err);
    ok(/2 rows of 64 × 16 × 24, 2 of them new/.test(made.out), made.out);
    ok(/--model run needs --weights, the checkpoint of a run/.test(without.err), without.err);
    ok(/clevr_ref\+_val_scenes\.json: /.test(wrong.err), wrong.err);
    using file = await FeatureFile.open(join(folder, "features.h5"));
    const [a, b] = [file.row(0), file.row(1)];
    ok(a.some((v) => v > 0) && a.every(Number.isFinite) && a.some((v, i) => v !== b[i]));
    ok(/^run 192x128 [0-9a-f]{8}$/.test(file.settings.extractor), file.settings.extractor);
  });
});
