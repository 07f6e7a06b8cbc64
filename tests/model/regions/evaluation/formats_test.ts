import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import type { RegionDataset } from "../../../../datasets/types.ts";
import { cocoDetections } from "../../../../model/regions/evaluation/coco_results.ts";
import { writeFormats } from "../../../../model/regions/evaluation/formats.ts";
import { originalsOf } from "../../../../model/regions/evaluation/originals.ts";
import { parseCsv } from "../../../support/files/csv.ts";
import { withFolder } from "../../../support/folder.ts";
import { withRandom } from "../../../support/random.ts";

const NAMES = ["__background__", "plain", 'a "quoted", name', "two\nlines", "=cmd|' /C calc'!A0"];

/** A set of three images with two, no and one region, without ids of its own. */
function madeSet(labels: readonly (readonly number[])[]): RegionDataset {
  const box = (r: number): number[] => [r, 2, r + 3, 2 + r];
  return {
    ...{ name: "made", split: "test", classes: NAMES, size: labels.length },
    source: { kind: "files", paths: labels.map((_, i) => `folder/${i}.jpg`) },
    record: (i) => ({
      ...{ id: `picture ${i}`, width: 40, height: 30, path: `folder/${i}.jpg` },
      boxes: Float32Array.from(labels[i].flatMap((_, r) => box(r))),
      labels: Int32Array.from(labels[i]),
    }),
  };
}

const output = (name: string, rows: readonly (readonly number[])[]) => ({
  name,
  probabilities: Float32Array.from(rows.flat()),
});

const SET = madeSet([[1, 4], [], [3], [2]]);
// The last image could not be read.
const SCORED = {
  set: SET,
  images: [0, 2],
  scores: {
    labels: Int32Array.of(1, 4, 3),
    classes: 5,
    outputs: [
      output("image", [[0.9, 0.1, 0, 0, 0], [0, 0, 0.5, 0.5, 0], [0, 0, 0, 0.2, 0.8]]),
      output("attended", [[0.1, 0.6, 0.3, 0, 0], [0.5, 0.1, 0.2, 0.2, 0], [0, 0.25, 0.25, 0.25, 0.25]]),
    ],
  },
};

Deno.test("regions are written with ids from 1, original boxes and likeliest classes, names as they are read back", () =>
  withFolder(async (folder) => {
    const written = await writeFormats(SCORED, folder, { formats: ["coco", "csv"], top: 2 });
    deepStrictEqual(written.map(({ path }) => path), [
      join(folder, "coco_results.json"),
      join(folder, "coco_annotations.json"),
      join(folder, "regions.csv"),
    ]);
    const read = (name: string): string => Deno.readTextFileSync(join(folder, name));
    const at = (image_id: number, category_id: number, bbox: number[], score: number) => ({
      ...{ image_id, category_id, bbox },
      score: Number(Math.fround(score).toPrecision(9)),
    });
    deepStrictEqual(JSON.parse(read("coco_results.json")), [
      at(1, 1, [0, 2, 4, 1], 0.6),
      at(1, 2, [0, 2, 4, 1], 0.3),
      at(1, 2, [1, 2, 4, 2], 0.2),
      at(1, 3, [1, 2, 4, 2], 0.2),
      at(3, 1, [0, 2, 4, 1], 0.25),
      at(3, 2, [0, 2, 4, 1], 0.25),
    ]);
    const truth = JSON.parse(read("coco_annotations.json"));
    deepStrictEqual(truth.images.map((one: { id: number; file_name: string }) => [one.id, one.file_name]), [
      ...[[1, "0.jpg"], [2, "1.jpg"], [3, "2.jpg"], [4, "3.jpg"]],
    ]);
    deepStrictEqual(truth.categories, NAMES.slice(1).map((name, i) => ({ id: i + 1, name })));
    deepStrictEqual(
      truth.annotations.map((a: Record<string, unknown>) => [a.id, a.image_id, a.category_id, a.bbox, a.area]),
      [[1, 1, 1, [0, 2, 4, 1], 4], [2, 1, 4, [1, 2, 4, 2], 8], [3, 3, 3, [0, 2, 4, 1], 4], [4, 4, 2, [0, 2, 4, 1], 4]],
    );
    const [columns, ...rows] = parseCsv(read("regions.csv"));
    deepStrictEqual(columns, [
      ...["image_id", "image", "region_id", "x", "y", "width", "height", "category_id", "class", "answer_id", "answer"],
      ...["probability", "probability_of_class", "rank_of_class", "image", "image: probability"],
    ]);
    const safe = (name: string): string => name.startsWith("=") ? `'${name}` : name;
    deepStrictEqual(rows.map((row) => [row[0], row[1], row[2], row[8], row[10], row[13], row[14]]), [
      ["1", "picture 0", "1", "plain", "plain", "1", "plain"],
      ["1", "picture 0", "2", safe(NAMES[4]), NAMES[2], "4", NAMES[2]],
      ["3", "picture 2", "3", NAMES[3], "plain", "3", safe(NAMES[4])],
    ]);
    deepStrictEqual([...Deno.readDirSync(folder)].length, 3, "nothing half written is left");
  }));

Deno.test("no format asks for nothing, and too many results are refused before they are made", async () => {
  deepStrictEqual(await writeFormats(SCORED, "/nowhere", { formats: [], top: 1 }), []);
  const many = { ...SCORED, scores: { ...SCORED.scores, labels: new Int32Array(2_000_000) } };
  const originals = await originalsOf(SET);
  throws(() => cocoDetections(many, originals, 3), /--top 3: makes 6000000 results, at most 4000000 fit/);
});

Deno.test("a class that the annotation file lacks is never a result", () =>
  withRandom("results", async (random) => {
    const originals = await originalsOf(SET), categoryIds = [null, "a", null, 70, null];
    for (let n = 0; n < 20; n++) {
      const probabilities = random.reals(15, 0, 1);
      const scored = { ...SCORED, scores: { ...SCORED.scores, outputs: [{ name: "attended", probabilities }] } };
      const found = cocoDetections(scored, { ...originals, categoryIds });
      strictEqual(found.length, 3);
      found.forEach(({ category_id, score }, row) => {
        const [a, b] = [probabilities[5 * row + 1], probabilities[5 * row + 3]];
        deepStrictEqual([category_id, Math.fround(score)], a >= b ? ["a", a] : [70, b]);
      });
    }
    ok(originals.boxes.length === 16);
  }));
