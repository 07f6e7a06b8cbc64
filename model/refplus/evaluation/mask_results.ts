/** Masks that the module network finds, as a file in COCO's format of results. */
import { type CocoMask, cocoMask } from "../../../datasets/coco/rle.ts";
import { stretchMask } from "../../../datasets/refplus/files/overlay.ts";
import { HEIGHT, WIDTH } from "../../../datasets/refplus/scenes/camera.ts";
import type { Samples } from "../training/samples.ts";

/** The mask of one expression. */
export interface MaskResult {
  /** Number of its picture, `image_index` of scenes and expressions. */
  readonly image_id: number;
  /** Place of the expression in its JSON file, from 0. */
  readonly refexp_id: number;
  /** COCO's results want a category: there is one, what the expression refers to. */
  readonly category_id: 1;
  /** Mask in pixels of the picture, 480 × 320: the model's, stretched to the nearest. */
  readonly segmentation: CocoMask;
  /** Always 1: a mask is found or is not. */
  readonly score: 1;
}

/** Results of some expressions of `samples`, whose masks [count, height, width] of 0 and 1 follow each other. */
export function maskResults(
  samples: Pick<Samples, "maskSize" | "pictures" | "originals">,
  indices: readonly number[],
  masks: Float32Array,
  packed: boolean,
): MaskResult[] {
  const [height, width] = samples.maskSize, pictures = samples.pictures(indices), { originals } = samples;
  return indices.map((index, i) => {
    const data = masks.subarray(i * height * width, (i + 1) * height * width);
    const whole = stretchMask({ data, width, height }, WIDTH, HEIGHT);
    return {
      image_id: pictures[i],
      refexp_id: originals[index],
      category_id: 1,
      segmentation: cocoMask(whole, WIDTH, HEIGHT, packed),
      score: 1,
    };
  });
}

/** The file: a list, one result a line. */
export function maskResultsText(results: readonly MaskResult[]): string {
  return results.length === 0 ? "[]\n" : `[\n${results.map((one) => JSON.stringify(one)).join(",\n")}\n]\n`;
}
