import { ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { segmentationArea } from "../../../datasets/coco/area.ts";
import { decodeCounts } from "../../../datasets/coco/rle.ts";
import { withRandom } from "../../support/random.ts";

/** COCO's text of runs, written from its description: five bits a character, lowest first, differences from the fourth. */
function encodeRuns(runs: readonly number[]): string {
  return runs.map((run, i) => {
    let rest = i > 2 ? run - runs[i - 2] : run;
    let text = "";
    for (let more = true; more;) {
      const group = rest & 31;
      rest >>= 5;
      more = group & 16 ? rest !== -1 : rest !== 0;
      text += String.fromCharCode(group + (more ? 32 : 0) + 48);
    }
    return text;
  }).join("");
}

Deno.test("areas of polygons and of runs, plain or as text", () => {
  strictEqual(segmentationArea([[0, 0, 4, 0, 4, 3, 0, 3]]), 12);
  strictEqual(segmentationArea([[0, 0, 0, 3, 4, 0], [10, 10, 11, 10, 11, 11.5]]), 6.75);
  strictEqual(segmentationArea({ counts: [3, 5, 2, 7] }), 12);
  strictEqual(segmentationArea({ counts: [] }), 0);
  // pycocotools: mask.encode of a 3×3 picture with ones in its middle column is "333".
  strictEqual(segmentationArea({ counts: "333" }), 3);
});

Deno.test("random runs survive their text", async () => {
  await withRandom("runs", (random) => {
    for (let n = 0; n < 50; n++) {
      const runs = [...random.integers(random.integer(0, 12), 0, n % 2 ? 40 : 300_000)];
      const text = encodeRuns(runs);
      strictEqual(decodeCounts(text).join(), runs.join(), text);
      const inside = runs.filter((_, i) => i % 2 === 1).reduce((sum, run) => sum + run, 0);
      strictEqual(segmentationArea({ counts: text }), inside);
    }
  });
});

const REAL = new URL("../../../../shared/data/coco-tiny/annotations", import.meta.url).pathname;
const there = await Deno.stat(REAL).then(() => true, () => false);

Deno.test(`COCO's own areas of polygons are found again${there ? "" : " (left out: ../shared/data/coco-tiny is not here)"}`, async () => {
  if (!there) return;
  const { annotations } = JSON.parse(await Deno.readTextFile(join(REAL, "instances_val2017.json")));
  let polygons = 0;
  for (const { area, segmentation } of annotations) {
    if (!Array.isArray(segmentation)) continue;
    polygons++;
    ok(Math.abs(segmentationArea(segmentation) - area) <= 1e-9 * area);
  }
  ok(polygons > 700, `${polygons}`);
});
