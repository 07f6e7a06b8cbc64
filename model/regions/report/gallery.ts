/** The first images of a split with the model's scores of their regions, for a run's report. */
import type { LoadedImage } from "../../../datasets/images/loader.ts";
import { toPng } from "../../../datasets/images/picture.ts";
import type { Normalisation } from "../../../datasets/images/preprocess.ts";
import type { RegionDataset } from "../../../datasets/types.ts";
import type { Scores } from "../evaluation/score.ts";
import { explain, type Explanation } from "./explain.ts";
import { predictions } from "../evaluation/metrics.ts";
import type { RegionModel } from "../contract.ts";
import type { Picture, PictureBox } from "../../run/report.ts";
import type { Explained } from "../../run/report_parts.ts";

/** A report's explanation in words: classes by name, regions by their number and what they truly are. */
export function inWords(
  { predictions: all, attention, memories, senders }: Explanation,
  labels: Int32Array,
  classes: readonly string[],
): Explained {
  const width = classes.length;
  const best = all.map(({ probabilities }) => predictions(probabilities, labels.length, width));
  const others = all.length - 1;
  return {
    columns: all.map(({ name }) => name),
    regions: Array.from(labels, (label, r) => ({
      truth: `${r + 1} ${classes[label]}`,
      scores: all.map(({ probabilities }, i) => ({
        label: classes[best[i][r]],
        share: probabilities[r * width + best[i][r]],
        right: best[i][r] === label,
      })),
      attention: attention && Array.from(attention.subarray(r * others, (r + 1) * others)),
      senders: (senders[r] ?? []).map(({ kind, index, share }) => {
        const name = kind === "region" ? `${index + 1} ${classes[labels[index]]}` : `class ${classes[index]}`;
        return `${name} ${(100 * share).toFixed(0)} %`;
      }),
    })),
    maps: memories.map(({ height, width, magnitude }, i) => ({
      title: i === 0 ? "memory at first" : `memory after update ${i}`,
      width,
      height,
      values: magnitude,
    })),
  };
}

/** `images` are the split's first with regions, in the order of the rows of `scores`. Wrong boxes name the truth in brackets. */
export async function gallery(
  images: readonly LoadedImage[],
  scores: Scores,
  dataset: RegionDataset,
  model: RegionModel,
  normalise: Normalisation,
): Promise<Picture[]> {
  const classes = dataset.classes.length;
  const { probabilities } = scores.outputs.at(-1)!;
  const predicted = predictions(probabilities, scores.labels.length, classes);
  const pictures: Picture[] = [];
  let row = 0;
  for (const loaded of images) {
    const { image, width, height, boxes, labels, index } = loaded;
    const marks = Array.from(labels, (label, r): PictureBox => {
      const [x1, y1, x2, y2] = boxes.subarray(4 * r, 4 * r + 4);
      const guess = predicted[row + r];
      const share = probabilities[(row + r) * classes + guess].toFixed(2);
      const right = guess === label;
      const name = dataset.classes[guess];
      return {
        box: [x1, y1, x2, y2],
        label: `${r + 1} ${right ? `${name} ${share}` : `${name} ${share} [${dataset.classes[label]}]`}`,
        right,
      };
    });
    row += labels.length;
    const explanation = await explain(model, loaded);
    const right = marks.filter((mark) => mark.right).length;
    pictures.push({
      title: `image ${dataset.record(index).id}: ${right} of ${labels.length} right`,
      width,
      height,
      png: await toPng(image, width, height, normalise),
      boxes: marks,
      ...explanation ? { explained: inWords(explanation, labels, dataset.classes) } : {},
    });
  }
  return pictures;
}
