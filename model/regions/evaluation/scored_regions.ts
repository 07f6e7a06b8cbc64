/** Scored regions of a split one by one, each with its ids, its box and its row of the scores. */
import type { OriginalAnnotations, OriginalId, RegionDataset } from "../../../datasets/types.ts";
import type { Scores } from "./score.ts";

/** A split that was scored, its scores, and the images that their rows belong to. */
export interface ScoredSplit {
  readonly set: RegionDataset;
  readonly scores: Scores;
  /** Index of each scored image with regions, in the order of the rows: an image that could not be read is missing. */
  readonly images: readonly number[];
}

/** A scored region. */
export interface ScoredRegion {
  /** Index of its image in the split. */
  readonly image: number;
  readonly imageId: OriginalId;
  readonly regionId: OriginalId | null;
  /** Left edge, top, width and height in pixels of the picture. */
  readonly box: readonly number[];
  /** Its true class. */
  readonly label: number;
  /** Its row in the scores. */
  readonly row: number;
}

/** The regions in the order of the scores. */
export function* scoredRegions({ set, images }: ScoredSplit, originals: OriginalAnnotations): Generator<ScoredRegion> {
  const first = firstRegions(set);
  let row = 0;
  for (const image of images) {
    const { labels } = set.record(image), imageId = originals.imageIds[image];
    for (let r = 0; r < labels.length; r++) {
      const region = first[image] + r;
      const box = [...originals.boxes.subarray(4 * region, 4 * region + 4)];
      yield { image, imageId, regionId: originals.regionIds[region], box, label: labels[r], row: row++ };
    }
  }
}

/** Regions before each image. */
function firstRegions(set: RegionDataset): number[] {
  let count = 0;
  return Array.from({ length: set.size }, (_, i) => {
    const before = count;
    count += set.record(i).labels.length;
    return before;
  });
}

/** Classes of a row by falling probability, the background left out: at most `most` of those that `takes`. */
export function likeliest(
  probabilities: Float32Array,
  classes: number,
  row: number,
  most: number,
  takes: (label: number) => boolean = () => true,
): { readonly label: number; readonly probability: number }[] {
  const own = probabilities.subarray(row * classes, (row + 1) * classes);
  const found = Array.from(own, (probability, label) => ({ label, probability }))
    .filter(({ label }) => label > 0 && takes(label));
  // Of equally likely classes the first one comes first, as in the metrics.
  return found.sort((a, b) => b.probability - a.probability || a.label - b.label).slice(0, most);
}

/** A probability in the nine digits that keep numbers of 32 bits apart. */
export function rounded(probability: number): number {
  return Number(probability.toPrecision(9));
}
