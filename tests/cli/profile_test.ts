import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { refPlusFiles } from "../../datasets/refplus/files/layout.ts";
import { generateRefPlus } from "../../datasets/refplus/language/generate.ts";
import { itera } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { withRandom } from "../support/random.ts";
import { writeToy } from "../support/refplus/toy_refplus.ts";

Deno.test("profile shows where a step's time goes, of every kind of run", async () => {
  await withFolder(async (folder) => {
    await withRandom("profile", async (random) => {
      const files = await writeToy(folder, "train", 6, random), config = join(folder, "pg.json");
      await Deno.writeTextFile(
        config,
        JSON.stringify({
          preset: "small",
          step: "pg",
          batch: 3,
          data: { trainRefexps: files.refexps, vocabulary: files.vocabulary },
        }),
      );
      await generateRefPlus(join(folder, "set"), {
        split: "train",
        images: 3,
        refexpsPerImage: 1,
        maxObjects: 4,
        zoom: 1.5,
      });
      const seen = refPlusFiles(join(folder, "set"), "train"), cells = join(folder, "cells.json");
      await Deno.writeTextFile(
        cells,
        JSON.stringify({
          batch: 2,
          image: { height: 32, width: 48 },
          network: { widths: [6, 8, 10], channels: 8, detail: 2 },
          data: { pictures: seen.images, scenes: seen.scenes },
        }),
      );
      const traces = ["baseline.json", "generator.json", "cells.json"].map((name) => join(folder, `trace-${name}`));
      const [region, generator, extractor, mistaken] = await Promise.all([
        itera("profile", "--model", "baseline", "--kernels", "cpu", "--steps", "1", "--trace", traces[0]),
        itera("profile", "--config", config, "--steps", "2", "--trace", traces[1]),
        itera("profile", "--config", cells, "--kernels", "gpu", "--steps", "1", "--trace", traces[2]),
        itera("profile", "--set", "optimiser.momentun=0.5"),
      ]);
      const conv = "conv_forward_\\w+\\.wgsl:\\w+", lstm = "lstm\\w*\\.wgsl:\\w+";
      for (
        const [{ code, out, err }, title, kernel, trace] of [
          [region, "baseline on context: 1 steps of", conv, traces[0]],
          [generator, "pg by 3 expressions: 2 steps of", lstm, traces[1]],
          [extractor, "extractor on pictures of 48 × 32, 2 at once: 1 steps of", conv, traces[2]],
        ] as const
      ) {
        strictEqual(code, 0, err);
        ok(out.startsWith(title), out);
        ok(
          /^JavaScript \d+\.\d ms \(\d+ %\), the driver's submits \d+\.\d ms \(\d+ %\); [\d.]+ dispatches in/m.test(
            out,
          ),
          out,
        );
        ok(/^limits: [\d.]+ GFLOP\/s \(product of \d+³\), [\d.]+ GB\/s \(copy\)$/m.test(out), out);
        if (!/trace: /.test(out)) continue; // without timestamp queries
        ok(new RegExp(`│ ${kernel} +│ +\\d+`).test(out), out);
        strictEqual(/wgsl:tiles/.test(out), trace === traces[2], out);
        ok(JSON.parse(await Deno.readTextFile(trace)).traceEvents.length > 20);
      }
      deepStrictEqual([mistaken.code, mistaken.out], [2, ""]);
      ok(/momentun/.test(mistaken.err) && /momentum/.test(mistaken.err), mistaken.err);
    });
  });
});
