/** Our files of results read by pycocotools itself; where Python or it is missing, a line says so. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { openCoco } from "../../../datasets/coco/open.ts";
import { cocoMask } from "../../../datasets/coco/rle.ts";
import type { RegionDataset } from "../../../datasets/types.ts";
import { writeFormats } from "../../../model/regions/evaluation/formats.ts";
import { withFolder } from "../../support/folder.ts";
import { withRandom } from "../../support/random.ts";
import { writeTinyCoco } from "../../support/files/tiny_coco.ts";

/** Standard output of a Python program, which is JSON. */
async function python(program: string, ...args: string[]): Promise<unknown> {
  const command = new Deno.Command("python3", { args: ["-c", program, ...args], stdout: "piped", stderr: "piped" });
  const { success, stdout, stderr } = await command.output();
  ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

const missing = await python("import pycocotools.cocoeval; print(1)").then(
  () => "",
  () => " (left out: no pycocotools)",
);
const ignore = missing !== "";

/** Precision of results: of all classes together, and of each class that has regions to find. */
const SCORE = `
import contextlib, io, json, sys
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
with contextlib.redirect_stdout(io.StringIO()):
    truth = COCO(sys.argv[1])
    scored = COCOeval(truth, truth.loadRes(sys.argv[2]), "bbox")
    scored.evaluate(); scored.accumulate(); scored.summarize()
precision = scored.eval["precision"][:, :, :, 0, 2]
classes = {str(c): round(float(precision[:, :, k].mean()), 12) for k, c in enumerate(scored.params.catIds)}
print(json.dumps({"all": float(scored.stats[0]), "classes": {c: p for c, p in classes.items() if p >= 0}}))
`;

/** The pixels of masks, row by row, as text. */
const PIXELS = `
import json, sys
from pycocotools import mask
def packed(m): return m if isinstance(m["counts"], str) else mask.frPyObjects(m, *m["size"])
print(json.dumps(["".join(map(str, mask.decode(packed(m)).ravel())) for m in json.load(open(sys.argv[1]))]))
`;

interface Precision {
  readonly all: number;
  readonly classes: Readonly<Record<string, number>>;
}

/** Figures of pycocotools for answers that are `answer(label)` for each region of a split. */
async function scored(set: RegionDataset, truth: string, folder: string, answer: (label: number) => number) {
  const images = Array.from({ length: set.size }, (_, i) => i).filter((i) => set.record(i).labels.length > 0);
  const labels = Int32Array.from(images.flatMap((i) => [...set.record(i).labels])), classes = set.classes.length;
  const probabilities = new Float32Array(labels.length * classes);
  labels.forEach((label, row) => probabilities[row * classes + answer(label)] = 0.5);
  const scores = { labels, classes, outputs: [{ name: "attended", probabilities }] };
  const [{ path }, own] = await writeFormats({ set, images, scores }, folder, { formats: ["coco"], top: 1 });
  return await python(SCORE, own?.path ?? truth, path) as Precision;
}

const val = (folder: string): string => join(folder, "annotations", "instances_val2017.json");

Deno.test({
  name: `pycocotools finds every region where all answers are right, and none of classes that are swapped${missing}`,
  ignore,
  fn: () =>
    withFolder(async (folder) => {
      const data = join(folder, "data");
      await writeTinyCoco(data);
      // pycocotools takes an annotation whose id is 0 for one that nothing found.
      const { annotations, ...others } = JSON.parse(await Deno.readTextFile(val(data)));
      for (const one of annotations) one.id++;
      await Deno.writeTextFile(val(data), JSON.stringify({ ...others, annotations }));
      const set = await openCoco(data, "val");
      deepStrictEqual(await scored(set, val(data), folder, (label) => label), {
        all: 1,
        classes: { 2: 1, 5: 1, 9: 1 },
      });
      const swapped = await scored(set, val(data), folder, (label) => [0, 2, 1, 3][label]);
      deepStrictEqual(swapped.classes, { 2: 0, 5: 0, 9: 1 });
      // A set without ids of its own comes with the annotations to score it by.
      const { originals: _, ...without } = set;
      deepStrictEqual(await scored(without, "", folder, (label) => label), { all: 1, classes: { 1: 1, 2: 1, 3: 1 } });
    }),
});

const REAL = new URL("../../../../shared/data/coco-tiny", import.meta.url).pathname;
const there = await Deno.stat(REAL).then(() => true, () => false);

Deno.test({
  name: `real photographs' regions have COCO's own boxes, to the last of its overlaps${
    there ? missing : " (left out: ../shared/data/coco-tiny is not here)"
  }`,
  ignore: ignore || !there,
  fn: () =>
    withFolder(async (folder) => {
      const set = await openCoco(REAL, "val", { cache: join(folder, "cache") });
      const { all, classes } = await scored(set, val(REAL), folder, (label) => label);
      ok(Object.keys(classes).length > 70);
      deepStrictEqual([all, Object.values(classes).filter((p) => p !== 1)], [1, []]);
    }),
});

Deno.test({
  name: `pycocotools reads the pixels of our masks, packed and plain${missing}`,
  ignore,
  fn: () =>
    withFolder(async (folder) => {
      await withRandom("masks", async (random) => {
        const masks = Array.from({ length: 40 }, (_, n) => {
          const width = random.integer(1, 70), height = random.integer(1, 50), share = random.integer(0, 10);
          const mask = Uint8Array.from({ length: width * height }, () => Number(random.integer(0, 10) < share));
          return { mask, coco: cocoMask(mask, width, height, n % 2 === 0) };
        });
        const file = join(folder, "masks.json");
        await Deno.writeTextFile(file, JSON.stringify(masks.map(({ coco }) => coco)));
        const read = await python(PIXELS, file) as string[];
        read.forEach((pixels, i) => strictEqual(pixels, masks[i].mask.join("")));
      });
    }),
});
