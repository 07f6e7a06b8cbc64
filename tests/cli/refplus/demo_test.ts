import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";
import { listCheckpoints } from "../../../model/run/run_folder.ts";
import { itera } from "../../support/command.ts";
import { withFolder } from "../../support/folder.ts";

const sharp = await loadSharp();

/** Width and height of a PNG. */
async function sizeOf(path: string): Promise<readonly [number, number]> {
  const { width, height } = await sharp(path).metadata();
  return [width, height];
}

Deno.test("the demonstration trains, compares and goes on; its models run, are inspected and asked about nothing", async () => {
  await withFolder(async (folder) => {
    const file = (...names: string[]) => join(folder, ...names), runs = file("runs");
    const demo = () =>
      itera(
        ...["refplus", "demo", "--cache", folder, "--images", "8", "--val-images", "2"],
        ...["--refexps-per-image", "10"],
        ...[
          "--extractor-steps",
          "2",
          "--pg-steps",
          "3",
          "--ee-steps",
          "2",
          "--ee-pred-steps",
          "1",
          "--joint-steps",
          "1",
        ],
      );
    const made = await demo();
    strictEqual(made.code, 0, made.err);
    for (const name of ["extractor", "generator", "engine", "engine-predicted", "joint"]) {
      ok(made.out.includes(`run: ${join(runs, name)}\n`), made.out);
    }
    ok(/│ all +│ +\d\.\d+ │ +\d\.\d+ │ +0\.\d+ │ +0\.\d+ │/.test(made.out), made.out);
    ok(/exact programs: \d+ of 20/.test(made.out), made.out);
    ok(made.out.endsWith(`report: ${file("report.html")}\n`), made.out);
    const page = await Deno.readTextFile(file("report.html"));
    for (
      const text of ["Cumulative IoU on held-out expressions", "Joint training: reward", "zero_hop: ", "filter_color"]
    ) {
      ok(page.includes(text), `the page lacks "${text}"`);
    }
    ok((page.match(/data:image\/png;base64/g) ?? []).length > 3 && !/<script|https?:\/\/(?!www\.w3\.org)/.test(page));
    const checkpoints = () =>
      ["generator", "engine", "engine-predicted", "joint"].map((name) => listCheckpoints(join(runs, name)));
    const before = checkpoints();
    deepStrictEqual(before.map((all) => Math.max(...all.map(({ step }) => step))), [3, 2, 1, 1]);
    strictEqual(listCheckpoints(join(runs, "early"))[0].step, 1);
    const again = await demo(), from = (out: string) => out.slice(out.lastIndexOf("run: "));
    deepStrictEqual([again.code, from(again.out)], [0, from(made.out)], again.err);
    deepStrictEqual(checkpoints(), before);

    const models = ["--program_generator", join(runs, "generator"), "--execution_engine", join(runs, "engine")];
    const picture = file("set", "images", "val", "CLEVR_val_000001.png"), out = file("out");
    const weights = ["--weights", join(runs, "extractor")];
    const refer = (refexp: string, ...more: string[]) =>
      itera("refplus", "run", ...models, ...weights, "--image", picture, "--refexp", refexp, ...more);
    const ran = await refer("The red thing", "--out", out);
    strictEqual(ran.code, 0, ran.err);
    const lines = ran.out.trimEnd().split("\n");
    ok(/^foreground: \d+\.\d\d % of the picture$/.test(lines[1]), ran.out);
    deepStrictEqual(lines.slice(2), [
      join(out, "CLEVR_val_000001.mask.png"),
      join(out, "CLEVR_val_000001.overlay.png"),
    ]);
    deepStrictEqual(await Promise.all(lines.slice(2).map(sizeOf)), [[480, 320], [480, 320]]);
    const spaced = await refer("  The   red thing ", "--out", out);
    deepStrictEqual([spaced.code, spaced.out], [0, ran.out], spaced.err);
    const silent = await refer("  ");
    deepStrictEqual([silent.code, /--refexp: has no words/.test(silent.err)], [2, true], silent.err);
    const unknown = await refer("The mauve thing");
    deepStrictEqual([unknown.code, unknown.out], [2, ""]);
    ok(/mauve/.test(unknown.err), unknown.err);

    const scenes = file("set", "scenes", "clevr_ref+_val_scenes.json");
    const features = ["--input_features_h5", file("val_features.h5")];
    const inspected = await itera(
      ...["refplus", "inspect", "--execution_engine", join(runs, "engine"), "--num_samples", "3", "--out", out],
      ...["--input_refexps_json", file("set", "refexps", "clevr_ref+_val_refexps.json"), "--input_scenes_json", scenes],
      ...["--input_image_dir", file("set", "images", "val"), ...features],
    );
    strictEqual(inspected.code, 0, inspected.err);
    const { by_function, by_depth, nodes } = JSON.parse(await Deno.readTextFile(join(out, "nodes.json")));
    const count = (rows: { nodes: number }[]): number => rows.reduce((sum, row) => sum + row.nodes, 0);
    deepStrictEqual([count(by_function), count(by_depth)], [nodes.length, nodes.length]);
    strictEqual(by_function.find(({ name }: { name: string }) => name === "scene").nodes >= 3, true);
    for (const name of ["00000.png", "00001.png", "00002.png"]) ok((await sizeOf(join(out, name)))[0] > 480);

    const strange = file("strange.json"), written = file("set", "refexps", "clevr_ref+_val_refexps.json");
    const json = JSON.parse(await Deno.readTextFile(written));
    json.refexps[0].program[1].inputs = [0, 0];
    await Deno.writeTextFile(strange, JSON.stringify(json));
    const odd = await itera(
      ...["refplus", "inspect", "--execution_engine", join(runs, "engine"), "--out", out, ...features],
      ...["--input_refexps_json", strange, "--input_scenes_json", scenes],
    );
    deepStrictEqual([odd.code, odd.out], [2, ""]);
    ok(/strange\.json: refexps\.0: program: node 1: inputs \[0, 0\] of /.test(odd.err), odd.err);

    const extended = await itera(
      ...["refplus", "generate", "--out", file("set"), "--split", "val", "--images", "2", "--false-premise"],
      ...[
        "--refexps-per-image",
        "10",
        "--max-objects",
        "4",
        "--zoom",
        "1.6",
        "--no-balance-counts",
        "--patience",
        "500",
      ],
    );
    strictEqual(extended.code, 0, extended.err);
    const encoded = await itera(
      ...[
        "refplus",
        "preprocess",
        "--input_refexps_json",
        file("set", "refexps", "clevr_ref+_val_false_premise_refexps.json"),
      ],
      ...["--input_scenes_json", scenes, "--height", "24", "--width", "24", "--input_vocab_json", file("vocab.json")],
      ...["--output_h5_file", file("false.h5"), "--encode_unk", "1"],
    );
    strictEqual(encoded.code, 0, encoded.err);
    const nothing = ["--use_gt_programs", "1", "--execution_engine", join(runs, "engine"), ...features];
    const [asked, refused] = await Promise.all([
      itera(
        "refplus",
        "false-premise",
        ...nothing,
        "--input_refexp_h5",
        file("false.h5"),
        "--result_output_path",
        file("false.json"),
      ),
      itera("refplus", "false-premise", ...nothing, "--input_refexp_h5", file("val.h5")),
    ]);
    strictEqual(asked.code, 0, asked.err);
    ok(/│ all +│ +\d+ │ +\d\.\d+ │ +\d\.\d+ │/.test(asked.out), asked.out);
    const result = JSON.parse(await Deno.readTextFile(file("false.json")));
    strictEqual(result.mask_pixels, 24 * 24);
    const { nothing: share, pixels } = result.scores.at(-1), found: number[] = result.foreground_pixels;
    ok(Math.abs(share - found.filter((area) => area === 0).length / found.length) < 1e-12);
    strictEqual(pixels["1"], Math.max(...found));
    strictEqual(refused.code, 2);
    ok(/val\.h5: expression 0 refers to something; give false premises/.test(refused.err), refused.err);
  });
});
