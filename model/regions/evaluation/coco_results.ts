/** Results in COCO's format (https://cocodataset.org/#format-results), which pycocotools and others read. */
import { basename } from "node:path";
import { UserError } from "../../../engine/base/user_error.ts";
import type { OriginalAnnotations, OriginalId, RegionDataset } from "../../../datasets/types.ts";
import { likeliest, rounded, scoredRegions, type ScoredSplit } from "./scored_regions.ts";

/** One detection of COCO's results: a region with one of its likeliest classes. */
export interface CocoDetection {
  readonly image_id: OriginalId;
  readonly category_id: OriginalId;
  /** Left edge, top, width and height in pixels of the picture. */
  readonly bbox: readonly number[];
  /** Probability of the class. */
  readonly score: number;
}

/** Most detections of a file: more would make a text longer than a program can hold. */
const MOST = 4_000_000;

/**
 * Detections of the model's answer: for each region its `top` likeliest classes that the annotation file has.
 *
 * @throws {UserError} for more of them than a file may have.
 */
export function cocoDetections(scored: ScoredSplit, originals: OriginalAnnotations, top = 1): CocoDetection[] {
  const { scores: { outputs, labels, classes } } = scored, { categoryIds } = originals;
  const { probabilities } = outputs.at(-1)!, known = categoryIds.filter((id) => id !== null).length;
  const count = labels.length * Math.min(top, known);
  if (count > MOST) {
    throw new UserError(`--top ${top}: makes ${count} results, at most ${MOST} fit; give a smaller one`);
  }
  const found: CocoDetection[] = [];
  for (const { imageId, box, row } of scoredRegions(scored, originals)) {
    for (const { label, probability } of likeliest(probabilities, classes, row, top, (c) => categoryIds[c] !== null)) {
      found.push({ image_id: imageId, category_id: categoryIds[label]!, bbox: box, score: rounded(probability) });
    }
  }
  return found;
}

/** The file of detections: a list, one a line. */
export function cocoResultsText(detections: readonly CocoDetection[]): string {
  return detections.length === 0 ? "[]\n" : `[\n${detections.map((one) => JSON.stringify(one)).join(",\n")}\n]\n`;
}

/** The annotation file to score the results by, for a set that has none of this format. */
export function cocoAnnotations(set: RegionDataset, { imageIds, categoryIds, regionIds, boxes }: OriginalAnnotations) {
  const images = [], annotations = [];
  for (let i = 0, region = 0; i < set.size; i++) {
    const { id, path, width, height, labels } = set.record(i);
    images.push({ id: imageIds[i], file_name: path === undefined ? id : basename(path), width, height });
    for (const label of labels) {
      const bbox = [...boxes.subarray(4 * region, 4 * region + 4)], [, , w, h] = bbox;
      annotations.push({
        id: regionIds[region++],
        image_id: imageIds[i],
        category_id: categoryIds[label],
        bbox,
        area: w * h,
        iscrowd: 0,
      });
    }
  }
  const categories = set.classes.flatMap((name, c) => categoryIds[c] === null ? [] : [{ id: categoryIds[c], name }]);
  return { info: { description: `${set.name} ${set.split}` }, images, annotations, categories };
}
