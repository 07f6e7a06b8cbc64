/** Masks beside pycocotools' run lengths and the targets that the reference of CLEVR-Ref+ prepares (`make/masks.py`). */
import { deepStrictEqual, ok } from "node:assert/strict";
import { segmentationArea } from "../../../datasets/coco/area.ts";
import { cocoMask, decodeCounts as decodeText } from "../../../datasets/coco/rle.ts";
import { MaskResizer } from "../../../datasets/refplus/files/mask.ts";
import { decodeRuns, encodeRuns } from "../../../datasets/refplus/files/rle.ts";
import golden from "./golden/masks.json" with { type: "json" };

Deno.test("COCO's text of runs gives pycocotools' areas, and its runs of the transposed mask are ours row by row", () => {
  ok(golden.runs.length > 20);
  for (const { size: [height, width], counts, area, transposed, rows } of golden.runs) {
    deepStrictEqual(segmentationArea({ counts }), area);
    deepStrictEqual(segmentationArea({ counts: decodeText(counts) }), area);
    deepStrictEqual(decodeText(counts).reduce((sum, run) => sum + run, 0), height * width);
    deepStrictEqual(decodeText(transposed).join(), rows, `${height} × ${width}`);
    deepStrictEqual(encodeRuns(decodeRuns(rows, height * width)), rows);
  }
});

Deno.test("masks are written as pycocotools encodes them, packed and plain", () => {
  for (const { size: [height, width], counts, rows } of golden.runs) {
    const mask = decodeRuns(rows, height * width);
    deepStrictEqual(cocoMask(mask, width, height), { size: [height, width], counts });
    deepStrictEqual(cocoMask(mask, width, height, false).counts, decodeText(counts));
  }
});

Deno.test("target masks are those of the reference's preparation", () => {
  let set = 0;
  for (const { obj_mask, targets } of golden.scenes) {
    const masks = Object.values(obj_mask);
    for (const { objects, size: [height, width], rows } of targets) {
      const whole = new Uint8Array(480 * 320);
      for (const object of objects) decodeRuns(masks[object], whole.length, whole);
      const made = new MaskResizer(480, 320, width, height).resize(whole);
      const want = decodeRuns(rows, height * width);
      const different = made.reduce((sum, v, i) => sum + Number(v !== want[i]), 0);
      deepStrictEqual(different, 0, `${objects} at ${width} × ${height}`);
      set += want.reduce((sum, v) => sum + v, 0);
    }
  }
  ok(set > 1000);
});
