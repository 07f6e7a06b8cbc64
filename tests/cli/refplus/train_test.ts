import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";
import { FeatureFile } from "../../../datasets/refplus/files/feature_file.ts";
import { RefexpFile } from "../../../datasets/refplus/files/refexp_file.ts";
import type { MaskResult } from "../../../model/refplus/evaluation/mask_results.ts";
import { listCheckpoints } from "../../../model/run/run_folder.ts";
import { ended, itera, start } from "../../support/command.ts";
import { withFolder } from "../../support/folder.ts";
import { withRandom } from "../../support/random.ts";
import { writeToy } from "../../support/refplus/toy_refplus.ts";

const sharp = await loadSharp();

/** Small sizes for both models. */
const SIZES = ["--rnn_wordvec_dim", "6", "--rnn_hidden_dim", "8", "--rnn_num_layers", "1", "--module_dim", "4"];

Deno.test("models are trained, stopped by Ctrl-C, gone on with and evaluated from the command line", async () => {
  await withFolder(async (folder) => {
    await withRandom("refplus commands", async (random) => {
      const [files, val] = [await writeToy(folder, "train", 12, random), await writeToy(folder, "val", 5, random)];
      const runs = join(folder, "runs");
      const data = ["--runs", runs, "--train_refexp_h5", files.refexps, "--vocab_json", files.vocabulary];
      const seen = [
        "--train_features_h5",
        files.features,
        "--val_refexp_h5",
        val.refexps,
        "--val_features_h5",
        val.features,
      ];
      const train = (...more: string[]) => itera("refplus", "train", "--batch_size", "4", ...data, ...SIZES, ...more);

      const child = start([
        ...["refplus", "train", "--stage", "pg", "--name", "pg", "--num_iterations", "100000", "--batch_size", "4"],
        ...[...data, ...SIZES],
      ]);
      const metrics = join(runs, "pg", "metrics.jsonl");
      while (!await Deno.readTextFile(metrics).then((text) => text.includes("\n"), () => false)) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      child.kill("SIGINT");
      const stopped = await ended(child);
      strictEqual(stopped.code, 130, stopped.err);
      const [{ step }] = listCheckpoints(join(runs, "pg"));
      ok(new RegExp(`stopped after step ${step}; everything is saved`).test(stopped.err), stopped.err);
      const again = await itera("refplus", "train", "--resume", "--runs", runs, "--num_iterations", String(step + 2));
      deepStrictEqual([again.code, again.out], [0, `run: ${join(runs, "pg")}\n`], again.err);

      const engine = await train("--stage", "ee-gt", "--name", "ee", "--num_iterations", "2", ...seen);
      ok(/^run: .*\ncumulative IoU: \d\.\d{3}\n$/.test(engine.out), engine.out + engine.err);
      const models = ["--execution_engine", join(runs, "ee"), "--program_generator", join(runs, "pg")];
      const input = ["--input_refexp_h5", val.refexps, "--input_features_h5", val.features];
      const result = join(folder, "result.json");
      const masks = ["--mask_output_path", join(folder, "masks.json"), "--mask_rle", "uncompressed"];
      const tested = await itera("refplus", "test", ...models, ...input, "--result_output_path", result, ...masks);
      ok(
        /│ all +│ +5 │/.test(tested.out) &&
          /programs: \d of 5 exact, \d ill-formed, of which \d had no end/.test(tested.out),
        tested.out + tested.err,
      );
      const { ious } = JSON.parse(await Deno.readTextFile(result));
      strictEqual(ious.length, 5);
      const found = JSON.parse(await Deno.readTextFile(join(folder, "masks.json"))) as MaskResult[];
      deepStrictEqual(found.map(({ refexp_id }) => refexp_id), [0, 1, 2, 3, 4]);
      const file = await RefexpFile.open(val.refexps), { width, height } = file;
      found.forEach(({ segmentation: { size, counts } }, n) => {
        deepStrictEqual(size, [320, 480]);
        const pixels = (counts as number[]).flatMap((run, i) => Array<number>(run).fill(i % 2));
        // Columns of the stretched mask, each pixel of the model's seen in its middle.
        const at = (x: number, y: number): number =>
          pixels[Math.floor((x + 0.5) * 480 / width) * 320 + Math.floor((y + 0.5) * 320 / height)];
        const want = file.mask(n), all = want.length;
        const own = Array.from(want, (_, i) => at(i % width, Math.floor(i / width)));
        const both = own.filter((set, i) => set === 1 && want[i] === 1).length;
        const either = own.filter((set, i) => set === 1 || want[i] === 1).length;
        deepStrictEqual([pixels.length, [both, either]], [480 * 320, ious[n]], `${n} of ${all} pixels`);
      });
      file[Symbol.dispose]();

      const [none, old, wrong, nothing, image, cold] = await Promise.all([
        train("--name", "x"),
        train("--step", "ee-gt", "--set", "engine.passes=masks"),
        itera("refplus", "test", "--execution_engine", join(runs, "pg"), ...input, "--use_gt_programs", "1"),
        itera("refplus", "test", "--execution_engine", join(runs, "ee"), ...input),
        itera("refplus", "run", ...models, "--image", val.vocabulary, "--refexp", "the red things"),
        itera("refplus", "test", ...models, ...input, "--sample_argmax", "0", "--temperature", "0"),
      ]);
      deepStrictEqual([none, old, wrong, nothing, image, cold].map(({ code }) => code), [2, 2, 2, 2, 2, 2]);
      ok(/--temperature <t>' argument '0' is invalid. It is not above 0/.test(cold.err), cold.err);
      ok(/--stage is needed for a new run/.test(none.err), none.err);
      // The flag and a setting by their names of before.
      ok(/--stage ee-gt needs --train_features_h5/.test(old.err), old.err);
      ok(/is of stage pg and has no execution engine/.test(wrong.err), wrong.err);
      ok(/give --program_generator, or --use_gt_programs 1/.test(nothing.err), nothing.err);
      ok(/vocab\.json: cannot be read as a picture/.test(image.err), image.err);
    });
  });
});

Deno.test("features of pictures are written from the command line", async () => {
  await withFolder(async (folder) => {
    for (const i of [0, 1]) {
      const png = await sharp({ create: { width: 6, height: 4, channels: 3, background: "#808080" } }).png().toBuffer();
      await Deno.writeFile(join(folder, `CLEVR_val_00000${i}.png`), png);
    }
    const output = join(folder, "features.h5");
    const args = ["refplus", "features", "--input_image_dir", folder, "--output_h5_file", output];
    const [pixels, resnet] = await Promise.all([
      itera(...args, "--model", "pixels", "--image_height", "8", "--image_width", "12", "--cell", "4"),
      itera(...args),
    ]);
    deepStrictEqual([pixels.code, pixels.out], [0, `${output}: 2 rows of 50 × 2 × 3, 2 of them new\n`], pixels.err);
    deepStrictEqual([resnet.code, resnet.out], [2, ""]);
    ok(/--model resnet101 needs --weights/.test(resnet.err), resnet.err);
  });
});

Deno.test("killed features are gone on with by the same command, to the rows of one that was not killed", async () => {
  await withFolder(async (folder) => {
    const pictures = join(folder, "pictures"), count = 400;
    await Deno.mkdir(pictures);
    for (let i = 0; i < count; i++) {
      const background = { r: i % 256, g: (7 * i) % 256, b: (31 * i) % 256 };
      const png = await sharp({ create: { width: 6, height: 4, channels: 3, background } }).png().toBuffer();
      await Deno.writeFile(join(pictures, `CLEVR_val_${String(i).padStart(6, "0")}.png`), png);
    }
    const command = (output: string) => [
      ...["refplus", "features", "--input_image_dir", pictures, "--output_h5_file", output, "--batch_size", "1"],
      ...["--model", "pixels", "--image_height", "64", "--image_width", "64", "--cell", "4"],
    ];
    const [killed, whole] = [join(folder, "killed.h5"), join(folder, "whole.h5")];
    const other = itera(...command(whole));
    const child = start(command(killed));
    const journal = join(folder, ".killed.h5.rows"), row = 4 * 50 * 16 * 16;
    // Some rows are there, others are not: this is in the midst of it.
    while (await Deno.stat(journal).then(({ size }) => size < 3 * row, () => true)) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    child.kill("SIGKILL");
    strictEqual((await ended(child)).code, 137);
    const [before, started] = [(await Deno.stat(journal)).size, await Deno.stat(killed).then(() => true, () => false)];
    ok(before < count * row && !started, "the kill came too late to test anything");
    const again = await itera(...command(killed));
    deepStrictEqual([again.code, again.out], [0, `${killed}: 400 rows of 50 × 16 × 16, 400 of them new\n`], again.err);
    const progress = Number(/features (\d+)\/400/.exec(again.err)![1]);
    ok(progress > 1, `it began anew: ${again.err}`);
    strictEqual((await other).code, 0);
    using a = await FeatureFile.open(killed);
    using b = await FeatureFile.open(whole);
    for (let i = 0; i < count; i++) deepStrictEqual(a.row(i), b.row(i));
  });
});
