import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { loadSharp } from "../../engine/base/packages/sharp.ts";
import { writeMap } from "../support/files/ade_files.ts";
import { itera } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { TINY, writeTinyCoco } from "../support/files/tiny_coco.ts";

const sharp = await loadSharp();

/** Narrow modules, so that a run takes seconds. */
const NARROW = {
  ...TINY,
  model: {
    reasoning: {
      memory: { depth: 8, initSize: [4, 4] },
      graph: { width: 8, layers: 1 },
      head: { width: 8 },
    },
  },
} as const;

async function tiny(
  folder: string,
): Promise<{ readonly runs: string; readonly data: string; readonly flags: string[] }> {
  const data = join(folder, "data");
  await writeTinyCoco(data);
  await Deno.writeTextFile(join(folder, "tiny.json"), JSON.stringify(NARROW));
  const runs = join(folder, "runs");
  return { runs, data, flags: ["--runs", runs, "--config", join(folder, "tiny.json"), "--data", data] };
}

const read = (path: string): string => new TextDecoder("latin1").decode(Deno.readFileSync(path));

Deno.test("every model trains, and one stopped early and resumed ends with the bits of one that was not", async () => {
  await withFolder(async (folder) => {
    const { runs, flags } = await tiny(folder);
    for (const model of ["local", "global", "final"]) {
      const whole = await itera("train", ...flags, "--model", model, "--name", model, "--steps", "6");
      strictEqual(whole.code, 0, whole.err);
      const rows = { local: ["local 1", "local 2"], global: ["global 1", "global 2"], final: ["local 1", "global 2"] };
      for (const row of ["image", ...rows[model as "final"]]) ok(whole.out.includes(`${model}: ${row} `), whole.out);
      strictEqual((await itera("train", ...flags, "--model", model, "--name", "short", "--steps", "4")).code, 0);
      const resumed = await itera("train", "--runs", runs, "--name", "short", "--resume", "--steps", "6");
      strictEqual(resumed.code, 0, resumed.err);
      for (const file of ["checkpoints/step_00000006.safetensors", "scores.safetensors", "metrics.jsonl"]) {
        ok(read(join(runs, model, file)) === read(join(runs, "short", file)), `${model}: ${file} differs`);
      }
      Deno.removeSync(join(runs, "short"), { recursive: true });
      const losses = JSON.parse(read(join(runs, model, "metrics.jsonl")).split("\n")[0]);
      strictEqual("cross_entropy_memory" in losses, model !== "global");
      strictEqual("cross_entropy_graph" in losses, model !== "local");
      ok("cross_entropy_final" in losses && "cross_entropy_image" in losses);
    }
  });
});

Deno.test("several models and seeds are compared; what was done is not done again", async () => {
  await withFolder(async (folder) => {
    const { runs, flags } = await tiny(folder);
    const args = ["train", ...flags, "--model", "baseline", "local", "--seeds", "2", "--name", "both", "--steps", "3"];
    const { code, out, err } = await itera(...args);
    strictEqual(code, 0, err);
    match(out, /Results on coco val, mean ± spread of 2 seeds/);
    match(out, /│ baseline +│ \d\.\d{3} ± \d\.\d{3} +│/);
    match(out, /│ local: local 2 +│/);
    const path = join(runs, "both");
    deepStrictEqual(
      [...Deno.readDirSync(path)].map(({ name }) => name).sort(),
      [
        "baseline-seed3",
        "baseline-seed4",
        "comparison.json",
        "experiment.json",
        "local-seed3",
        "local-seed4",
        "report.html",
      ],
    );
    ok(read(join(path, "report.html")).includes('href="local-seed4/report.html"'));
    Deno.removeSync(join(path, "local-seed4"), { recursive: true });
    const again = await itera("train", "--runs", runs, "--resume");
    strictEqual(again.code, 0, again.err);
    strictEqual(again.out.replace(/\s+/g, ""), out.replace(/\s+/g, ""));
    ok(again.err.includes("run 4 of 4: local-seed4") && !again.err.includes("run 3 of 4"), again.err);
    const nowhere = ["--data", join(folder, "nowhere"), "--name", "lost"];
    const failed = await itera("train", ...flags, "--model", "baseline", "local", ...nowhere);
    deepStrictEqual([failed.code, failed.err.includes("nowhere: there is no such folder")], [2, true], failed.err);
    deepStrictEqual([...Deno.readDirSync(runs)].map(({ name }) => name), ["both"], "a failed experiment left a folder");
    const refused = await itera("train", "--runs", runs, "--resume", "--steps", "9");
    deepStrictEqual([refused.code, refused.err], [
      2,
      "itera: --steps: a resumed experiment keeps its settings; give a new one another --name\n",
    ]);
  });
});

Deno.test("a trained model is inspected, evaluated again, re-evaluated from scores, and names a picture's regions", async () => {
  await withFolder(async (folder) => {
    const { runs, data, flags } = await tiny(folder);
    strictEqual((await itera("train", ...flags, "--model", "final", "--name", "a", "--steps", "4")).code, 0);
    const run = join(runs, "a"), checkpoint = join(run, "checkpoints", "step_00000004.safetensors");

    const inspected = await itera("inspect", checkpoint);
    match(inspected.out, /model: final, after 4 of 4 steps on coco train/);
    match(inspected.out, /│ model\.memory\.gru\.gates\.x\.weight +│ \[3, 3, 8, 2\] +│ F32/);

    const results = read(join(run, "results.json"));
    Deno.removeSync(join(run, "results.json"));
    const evaluated = await itera("evaluate", "--checkpoint", checkpoint);
    strictEqual(evaluated.code, 0, evaluated.err);
    match(evaluated.out, /│ dark_blue +│ +\d/);
    strictEqual(read(join(run, "results.json")), results);
    Deno.removeSync(join(run, "results.json"));
    const moved = join(folder, "elsewhere");
    Deno.mkdirSync(moved);
    Deno.copyFileSync(checkpoint, join(moved, "b.safetensors"));
    const lost = await itera("evaluate", "--checkpoint", join(moved, "b.safetensors"));
    deepStrictEqual([lost.code, /lies in no run's folder; say where results go by --out/.test(lost.err)], [2, true]);
    const re = await itera("re-evaluate", run);
    strictEqual(re.code, 0, re.err);
    strictEqual(read(join(run, "results.json")), results);

    const image = join(data, "val2017", "0.png"), out = join(folder, "out");
    Deno.writeTextFileSync(join(folder, "boxes.json"), "[[2, 6, 17, 19], [24.5, 6, 39, 19]]");
    const boxes = ["--boxes", join(folder, "boxes.json")];
    const predicted = await itera("predict", "--checkpoint", checkpoint, "--image", image, ...boxes, "--out", out);
    strictEqual(predicted.code, 0, predicted.err);
    const scores = JSON.parse(read(join(out, "0.scores.json")));
    deepStrictEqual(scores.regions.map(({ box }: { box: number[] }) => box), [[2, 6, 17, 19], [24.5, 6, 39, 19]]);
    deepStrictEqual(Object.keys(scores.regions[0].predictions), [
      "image",
      "local 1",
      "global 1",
      "local 2",
      "global 2",
      "attended",
    ]);
    const { width, height } = await sharp(join(out, "0.labelled.png")).metadata();
    deepStrictEqual([width, height], [48 * 14, 40 * 14]);
    const annotations = ["--annotations", join(data, "annotations", "instances_val2017.json")];
    const annotated = await itera("predict", "--checkpoint", run, "--image", image, ...annotations, "--out", out);
    match(annotated.out, /│ +1 │ 2, 6, 17, 19 +│ \w+ +│ \d\.\d{3} │ red +│/);

    // An annotation of ADE20K beside the picture, in the form of 2021.
    const beside = join(folder, "0.png");
    Deno.copyFileSync(image, beside);
    const rows = Array.from(
      { length: 40 },
      (_, y) => Array.from({ length: 48 }, (_, x) => y < 2 && (x === 1 || x === 2) ? 9 : 0),
    );
    await writeMap(join(folder, "0_seg.png"), rows);
    const polygon = { x: [1, 3, 3, 1], y: [0, 0, 2, 2] };
    const object = [{ raw_name: "red ball", parts: { part_level: 0 }, polygon }];
    Deno.writeTextFileSync(join(folder, "0.json"), JSON.stringify({ annotation: { object } }));
    const known = await itera("predict", "--checkpoint", run, "--image", beside, "--out", out);
    match(known.out, /│ +1 │ 1, 0, 2, 1 +│ \w+ +│ \d\.\d{3} │ red_ball +│/);
    // Boxes of a picture of another size would lie elsewhere.
    await writeMap(join(folder, "0_seg.png"), rows.slice(20));
    const smaller = await itera("predict", "--checkpoint", run, "--image", beside, "--out", out);
    deepStrictEqual(
      [smaller.code, /0\.png: is 48×40, not 48×20 as annotated/.test(smaller.err)],
      [2, true],
      smaller.err,
    );

    const wrong: [string[], RegExp][] = [
      [["--image", image], /0\.png: no regions are known; give --boxes/],
      [["--image", join(folder, "none.png"), ...boxes], /none\.png: there is no such picture/],
      [["--image", join(folder, "boxes.json"), ...boxes], /boxes\.json: cannot be read as a picture/],
      [["--image", image, "--boxes", join(folder, "tiny.json")], /tiny\.json: holds no boxes/],
    ];
    for (const [args, message] of wrong) {
      const { code, err } = await itera("predict", "--checkpoint", checkpoint, ...args);
      deepStrictEqual([code, message.test(err), err.trimEnd().split("\n").length], [2, true, 1], err);
    }
    const none = await itera("predict", "--checkpoint", join(folder, "tiny.json"), "--image", image, ...boxes);
    deepStrictEqual([none.code, none.err.includes("tiny.json")], [2, true], none.err);
    Deno.writeTextFileSync(join(folder, "boxes.json"), "[[2, 6, 90, 19]]");
    const outside = await itera("predict", "--checkpoint", checkpoint, "--image", image, ...boxes);
    match(outside.err, /box 1 \(2, 6, 90, 19\) is empty or reaches out of the picture of 48×40/);
  });
});

Deno.test("a knowledge graph is built, shown, trained with, and kept by the checkpoint", async () => {
  await withFolder(async (folder) => {
    const { runs, flags } = await tiny(folder);
    const graph = join(folder, "graph.jsonl");
    const flagsOf = ["--dataset", "context", "--cooccurrence", "--min-count", "100", "--out", graph];
    const built = await itera("graph", "build", ...flagsOf);
    strictEqual(built.code, 0, built.err);
    const shown = await itera("graph", "show", graph);
    match(shown.out, /│ seen-with +│ +\d+ │/);
    ok(built.out.startsWith(shown.out.trimEnd()), `${built.out} does not begin with ${shown.out}`);
    const head = { format: "itera-knowledge", version: 1, classes: ["__background__", "red", "green", "blue"] };
    Deno.writeTextFileSync(
      graph,
      [{ ...head, types: ["seen-with"], dim: 0 }, { type: "seen-with", from: "red", to: "green", weight: 1 }]
        .map((line) => JSON.stringify(line)).join("\n"),
    );
    const trained = await itera(
      "train",
      ...flags,
      "--model",
      "global",
      "--graph",
      graph,
      "--name",
      "a",
      "--steps",
      "2",
    );
    strictEqual(trained.code, 0, trained.err);
    match(trained.err, /graph\.jsonl: 1 of its classes are not in the data set/);
    match(trained.err, /^knowledge graph: 1 seen-with$/m);
    Deno.removeSync(graph);
    const again = await itera("train", "--runs", runs, "--resume", "--steps", "4");
    strictEqual(again.code, 0, again.err);
    const missing = await itera("train", ...flags, "--model", "global", "--graph", graph, "--name", "b");
    match(missing.err, /graph\.jsonl: there is no such knowledge graph/);
    const mixed = await itera("graph", "build", "--out", graph);
    match(mixed.err, /give the classes by --dataset or by --vocabulary/);
  });
});

Deno.test("ablations are trained as one experiment, and regions are left out", async () => {
  await withFolder(async (folder) => {
    const { runs, data } = await tiny(folder);
    const { code, out, err } = await itera(
      "ablate",
      "--only",
      "baseline",
      "final",
      "no-attention",
      "--runs",
      runs,
      "--config",
      join(folder, "tiny.json"),
      "--set",
      "steps=2",
      "--set",
      `dataset.data=${data}`,
    );
    strictEqual(code, 0, err);
    match(out, /│ no attention +│/);
    for (const model of ["baseline", "final"]) match(out, new RegExp(`│ ${model} +│ 75 % +│ +\\d\\.\\d{3} │`));
    strictEqual(JSON.parse(read(join(runs, "ablate-1", "missing.json"))).length, 8);
    strictEqual(
      JSON.parse(read(join(runs, "ablate-1", "no-attention", "config.json"))).model.reasoning.attention,
      false,
    );
  });
});

Deno.test("a preset says what it takes and is shortened; runs become an ensemble", async () => {
  await withFolder(async (folder) => {
    const { runs, flags } = await tiny(folder);
    const args = ["train", ...flags, "--preset", "coco-res50-baseline", "--resnet", "small", "--max-steps", "3"];
    const { code, out, err } = await itera(...args, "--name", "a");
    strictEqual(code, 0, err);
    match(err, /preset coco-res50-baseline: Baseline on COCO/);
    match(err, /3 steps of one image/);
    match(err, /disk: \d+ MiB for 2 checkpoints[^]*memory: \d+ MiB at an image[^]*time: 1 minutes at \d+ ms a step/);
    ok(out.includes("Results on coco val"));
    strictEqual((await itera(...args, "--name", "b", "--seed", "9")).code, 0);
    const checkpoint = join(runs, "b", "checkpoints", "step_00000003.safetensors");
    const both = await itera("ensemble", join(runs, "a"), checkpoint, "--out", join(folder, "both"));
    strictEqual(both.code, 0, both.err);
    match(both.out, /│ ensemble +│[^]*│ ensemble: .*a +│[^]*step_00000003/);
    const scored = JSON.parse(read(join(folder, "both", "results.json")));
    deepStrictEqual(scored.rows.map((row: { kind: string }) => row.kind), ["answer", "prediction", "prediction"]);
    const alone = await itera("ensemble", join(runs, "a"), "--out", join(folder, "c"));
    match(alone.err, /name at least two runs or checkpoints/);
    const weights = await itera("train", ...flags, "--weights", checkpoint, "--name", "c", "--steps", "1");
    strictEqual(weights.code, 0, weights.err);
    match(weights.err, /step_00000003\.safetensors: resnet: \d+ tensors; cls_score: 2 tensors/);
    const wild = await itera("train", ...flags, "--model", "baseline", "--rate", "1e30", "--steps", "9", "--name", "e");
    match(wild.err, /cross_entropy is NaN at step \d, at a rate of 1e\+30: lower optimiser\.rate/);
    strictEqual(wild.code === 0, false);
    const foreign = await itera("train", ...flags, "--weights", join(folder, "tiny.json"), "--name", "d");
    match(foreign.err, /tiny\.json: safetensors: .*converted by itera weights import/);
    strictEqual(foreign.code === 0, false);
  });
});
