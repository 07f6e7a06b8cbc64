/** Ids and boxes by which results of a split are written for other programs. */
import type { OriginalAnnotations, RegionDataset } from "../../../datasets/types.ts";

/**
 * Those of the split's own annotation files where they give ids; else images, regions and classes are numbered from 1 in the
 * split's order, and boxes are the regions' own, which are whole pixels of the picture.
 */
export async function originalsOf(set: RegionDataset): Promise<OriginalAnnotations> {
  if (set.originals) return await set.originals();
  const boxes: number[] = [];
  for (let i = 0; i < set.size; i++) {
    const { boxes: own } = set.record(i);
    for (let b = 0; b < own.length; b += 4) {
      boxes.push(own[b], own[b + 1], own[b + 2] - own[b] + 1, own[b + 3] - own[b + 1] + 1);
    }
  }
  return {
    imageIds: Array.from({ length: set.size }, (_, i) => i + 1),
    categoryIds: set.classes.map((_, label) => label === 0 ? null : label),
    regionIds: Array.from({ length: boxes.length / 4 }, (_, region) => region + 1),
    boxes: Float64Array.from(boxes),
  };
}
