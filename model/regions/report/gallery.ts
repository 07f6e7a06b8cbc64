/** The first images of a split with the model's scores of their regions, for a run's report. */
import type { LoadedImage } from "../../../datasets/images/loader.ts";
import { type PagePicture, pagePicture } from "../../../datasets/images/page_picture.ts";
import { pixelReader } from "../../../datasets/images/pixels.ts";
import type { RegionDataset } from "../../../datasets/types.ts";
import type { Scores } from "../evaluation/score.ts";
import { explain, type Explanation } from "./explain.ts";
import { predictions } from "../evaluation/metrics.ts";
import type { RegionModel } from "../contract.ts";
import type { Explained } from "../../run/report/parts.ts";
import type { Picture, PictureBox } from "../../run/report/pictures.ts";

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

/** A picture for the page, and the boxes of its regions there. */
export interface Drawn extends PagePicture {
  readonly boxes: readonly PictureBox["box"][];
}

/** Image `index` of a split as a file for the page. */
export async function drawnPicture(dataset: RegionDataset, index: number): Promise<Drawn> {
  const picture = await pagePicture(await (await pixelReader(dataset.source))(index)),
    { boxes, labels } = dataset.record(index);
  return {
    ...picture,
    boxes: Array.from(labels, (_, r): PictureBox["box"] => {
      const [x1, y1, x2, y2] = Array.from(boxes.subarray(4 * r, 4 * r + 4), (at) => at * picture.scale);
      return [x1, y1, x2, y2];
    }),
  };
}

/** Boxes with the class an answer gives each and its probability; wrong ones name the truth in brackets. */
export function answerBoxes(
  boxes: readonly PictureBox["box"][],
  labels: Int32Array,
  probabilities: Float32Array,
  classes: readonly string[],
): PictureBox[] {
  const guesses = predictions(probabilities, labels.length, classes.length);
  return boxes.map((box, r) => {
    const guess = guesses[r], right = guess === labels[r];
    const name = `${r + 1} ${classes[guess]} ${probabilities[r * classes.length + guess].toFixed(2)}`;
    return { box, label: right ? name : `${name} [${classes[labels[r]]}]`, right };
  });
}

/** `images` are the split's first with regions, in the order of the rows of `scores`. */
export async function gallery(
  images: readonly LoadedImage[],
  scores: Scores,
  dataset: RegionDataset,
  model: RegionModel,
): Promise<Picture[]> {
  const { classes } = dataset, { probabilities } = scores.outputs.at(-1)!;
  const pictures: Picture[] = [];
  let row = 0;
  for (const loaded of images) {
    const { labels, index } = loaded, end = row + labels.length;
    const { boxes, ...picture } = await drawnPicture(dataset, index);
    const marks = answerBoxes(
      boxes,
      labels,
      probabilities.subarray(row * classes.length, end * classes.length),
      classes,
    );
    row = end;
    const explanation = await explain(model, loaded);
    const right = marks.filter((mark) => mark.right).length;
    pictures.push({
      ...picture,
      title: `image ${dataset.record(index).id}: ${right} of ${labels.length} right`,
      boxes: marks,
      ...explanation ? { explained: inWords(explanation, labels, classes) } : {},
    });
  }
  return pictures;
}
