/** Naming the regions of one picture. */
import type { LoadedImage } from "../../../datasets/images/loader.ts";
import { prepareImage, type RgbImage } from "../../../datasets/images/preprocess.ts";
import { softmax } from "../../../engine/mod.ts";
import type { RegionModel } from "../contract.ts";
import { imageScale } from "../build.ts";
import type { TrainConfig } from "../config.ts";

/** Scores of a region by one prediction. */
export interface RegionScores {
  /** `image`, `local 1`, …, `attended`. */
  readonly name: string;
  /** [C] softmax probabilities. */
  readonly probabilities: Float32Array;
}

/** A picture with regions as the networks take it. `boxes` [R, 4] are x1, y1, x2, y2 in pixels of the picture. */
export function preparedRegions(
  picture: RgbImage,
  boxes: Float32Array,
  config: Pick<TrainConfig, "image">,
): LoadedImage {
  const prepared = prepareImage(picture, false, imageScale(config));
  return {
    position: 0,
    index: 0,
    flipped: false,
    ...prepared,
    boxes: boxes.map((v) => v * prepared.scale),
    labels: new Int32Array(boxes.length / 4),
  };
}

/** Every prediction for every region, the answer last: [R][predictions]. */
export async function predictRegions(model: RegionModel, image: LoadedImage): Promise<RegionScores[][]> {
  const { device } = model;
  const count = image.labels.length;
  const reads = device.noGrad(() => {
    using _scope = device.scope();
    return model.predict(image).map(({ name, logits }) => ({ name, data: softmax(logits).data() }));
  });
  const all = await Promise.all(reads.map(async ({ name, data }) => ({ name, data: await data })));
  return Array.from({ length: count }, (_, r) =>
    all.map(({ name, data }) => {
      const classes = data.length / count;
      return { name, probabilities: data.slice(r * classes, (r + 1) * classes) };
    }));
}
