/** A hop scene with a model's predictions after each update: what a mark shows is seen to travel, link by link. */
import { join } from "node:path";
import { UserError } from "../../../engine/base/user_error.ts";
import { isHops } from "../../../datasets/hops/dataset.ts";
import type { Pictures } from "../../run/report/page.ts";
import type { PicturePair } from "../../run/report/pictures.ts";
import type { TrainConfig } from "../config.ts";
import { readScores } from "../evaluation/scores_file.ts";
import { answerBoxes, drawnPicture } from "../report/gallery.ts";
import { openSplit } from "../trainer.ts";

/** Scenes shown. */
const SHOWN = 2;

/** The first test scenes that have a chain of full length, with a run's predictions before any update and after each, from its scores. */
export async function travellingPredictions(run: string, name: string, config: TrainConfig): Promise<Pictures> {
  const { set: { classes }, scores: { outputs } } = await readScores(join(run, "scores.safetensors"));
  const test = await openSplit(config, config.dataset.testSplit);
  if (!isHops(test)) throw new UserError(`${run}: was trained on ${test.name}, not on hop scenes`);
  const { rangeOf, ranges } = test.answers!(), farthest = ranges.length - 1;
  // The last is weighed together from the others.
  const predictions = outputs.slice(0, -1).filter(({ name }) => /^image$|^global /.test(name));
  const pictures: PicturePair[] = [];
  for (let index = 0, row = 0; index < test.size && pictures.length < SHOWN; index++) {
    const { labels, id } = test.record(index), end = row + labels.length, first = row;
    row = end;
    if (!rangeOf.subarray(first, end).includes(farthest)) continue;
    const { boxes, ...picture } = await drawnPicture(test, index);
    pictures.push({
      ...picture,
      title: `image ${id}`,
      answers: predictions.map(({ probabilities }, update) => ({
        name: update === 0 ? "before any update" : `after ${update} update${update > 1 ? "s" : ""}`,
        boxes: answerBoxes(
          boxes,
          labels,
          probabilities.subarray(first * classes.length, end * classes.length),
          classes,
        ),
      })),
    });
  }
  return {
    title: `From link to link: ${name}`,
    note:
      "A mark shows what its object is; every other object's class follows from its neighbour's. The same scene before " +
      "any update and after each: what is one link further becomes right (green) by one update more.",
    pictures,
  };
}
