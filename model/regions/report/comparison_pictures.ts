/** The same pictures with the answers of two runs side by side, from the scores that they saved. */
import { matchClasses } from "../../../datasets/match_classes.ts";
import { join } from "node:path";
import type { PicturePair } from "../../run/report/pictures.ts";
import { readScores } from "../evaluation/scores_file.ts";
import type { TrainConfig } from "../config.ts";
import { openSplit } from "../trainer.ts";
import { answerBoxes, drawnPicture } from "./gallery.ts";

/** Images shown. */
const SHOWN = 8;

/** A run whose answers are shown. */
export interface Answering {
  readonly name: string;
  /** Folder of the run. */
  readonly path: string;
}

/**
 * The first images of the test split that have regions, with both runs' answers. None where the scores are of other regions
 * than the split has now: data may be changed, or gone.
 */
export async function pairedPictures(runs: readonly Answering[], config: TrainConfig): Promise<PicturePair[]> {
  const saved = await Promise.all(runs.map(({ path }) => readScores(join(path, "scores.safetensors"))));
  const [{ set: { classes }, scores: { labels } }] = saved;
  if (saved.some(({ scores }) => scores.labels.length !== labels.length)) return [];
  const dataset = matchClasses(await openSplit(config, config.dataset.testSplit), classes, "the scores");
  const pairs: PicturePair[] = [];
  for (let index = 0, row = 0; index < dataset.size && pairs.length < SHOWN; index++) {
    const own = dataset.record(index).labels, end = row + own.length;
    if (own.length === 0) continue;
    if (own.some((label, r) => label !== labels[row + r])) return [];
    const { boxes, ...picture } = await drawnPicture(dataset, index);
    const [from, to] = [row, end].map((at) => at * classes.length);
    pairs.push({
      ...picture,
      title: `image ${dataset.record(index).id}`,
      answers: saved.map(({ scores }, i) => ({
        name: runs[i].name,
        boxes: answerBoxes(boxes, own, scores.outputs.at(-1)!.probabilities.subarray(from, to), classes),
      })),
    });
    row = end;
  }
  return pairs;
}
