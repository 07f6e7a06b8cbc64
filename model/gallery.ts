/** The first images of a split with what the model said of their regions, for a run's report. */
import type { LoadedImage } from "../datasets/loader.ts";
import { toPng } from "../datasets/picture.ts";
import type { RegionDataset } from "../datasets/types.ts";
import type { Scores } from "./evaluate.ts";
import { predictions } from "./metrics.ts";
import type { Picture, PictureBox } from "./run/report.ts";

/** `images` are the split's first with regions, in the order of the rows of `scores`. Wrong boxes name the truth in brackets. */
export async function gallery(
  images: readonly LoadedImage[],
  scores: Scores,
  dataset: RegionDataset,
): Promise<Picture[]> {
  const classes = dataset.classes.length;
  const predicted = predictions(scores.probabilities, scores.labels.length, classes);
  const pictures: Picture[] = [];
  let row = 0;
  for (const { image, width, height, boxes, labels, index } of images) {
    const marks = Array.from(labels, (label, r): PictureBox => {
      const [x1, y1, x2, y2] = boxes.subarray(4 * r, 4 * r + 4);
      const guess = predicted[row + r];
      const share = scores.probabilities[(row + r) * classes + guess].toFixed(2);
      const right = guess === label;
      const name = dataset.classes[guess];
      return {
        box: [x1, y1, x2, y2],
        label: right ? `${name} ${share}` : `${name} ${share} [${dataset.classes[label]}]`,
        right,
      };
    });
    row += labels.length;
    const right = marks.filter((mark) => mark.right).length;
    pictures.push({
      title: `image ${dataset.record(index).id}: ${right} of ${labels.length} right`,
      width,
      height,
      png: await toPng(image, width, height),
      boxes: marks,
    });
  }
  return pictures;
}
