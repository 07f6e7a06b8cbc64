/** Areas of COCO's segmentations in pixels, for annotations that do not state theirs. */

import { decodeCounts } from "./rle.ts";

/** Polygons, each x1, y1, x2, y2, …; or runs of pixels outside and inside in turn, column by column, plain or as text. */
export type Segmentation =
  | readonly (readonly number[])[]
  | { readonly counts: string | readonly number[] };

/** The area of a segmentation: what the polygons enclose, or the pixels of the runs inside. */
export function segmentationArea(segmentation: Segmentation): number {
  if (!("counts" in segmentation)) return segmentation.reduce((sum, polygon) => sum + polygonArea(polygon), 0);
  const { counts } = segmentation;
  const runs = typeof counts === "string" ? decodeCounts(counts) : counts;
  return runs.reduce((sum, run, i) => i % 2 === 1 ? sum + run : sum, 0);
}

/** The shoelace formula: COCO's own `area` of polygons to the last digit. */
function polygonArea(corners: readonly number[]): number {
  let twice = 0;
  for (let i = 0; i < corners.length; i += 2) {
    const j = (i + 2) % corners.length;
    twice += corners[i] * corners[j + 1] - corners[j] * corners[i + 1];
  }
  return Math.abs(twice) / 2;
}
