/** The same pictures with the answers of two runs side by side, from the scores that they saved. */
import { matchClasses } from "../../../datasets/match_classes.ts";
import { join } from "node:path";
import { UserError } from "../../../engine/base/user_error.ts";
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

/** Pictures of a comparison, or the reason why there are none. */
export interface Paired {
  readonly pictures: readonly PicturePair[];
  readonly missing?: string;
}

/** Reason where the regions are others by now. */
const OTHER_REGIONS = "the runs were scored on other regions than the data has now";

/**
 * The first images of the test split that have regions, with both runs' answers. None where the scores are of other regions
 * than the split has now: data may be changed, or gone, and what was scored can be compared all the same.
 */
export async function pairedPictures(runs: readonly Answering[], config: TrainConfig): Promise<Paired> {
  try {
    return { pictures: await pairs(runs, config) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { pictures: [], missing: `Left out: ${error.message}.` };
  }
}

async function pairs(runs: readonly Answering[], config: TrainConfig): Promise<PicturePair[]> {
  const saved = await Promise.all(runs.map(({ path }) => readScores(join(path, "scores.safetensors"))));
  const [{ set: { classes }, scores: { labels } }] = saved;
  if (saved.some(({ scores }) => scores.labels.length !== labels.length)) throw new UserError(OTHER_REGIONS);
  const dataset = matchClasses(await openSplit(config, config.dataset.testSplit), classes, "the scores");
  const found: PicturePair[] = [];
  for (let index = 0, row = 0; index < dataset.size && found.length < SHOWN; index++) {
    const own = dataset.record(index).labels, end = row + own.length;
    if (own.length === 0) continue;
    if (own.some((label, r) => label !== labels[row + r])) throw new UserError(OTHER_REGIONS);
    const { boxes, ...picture } = await drawnPicture(dataset, index);
    const [from, to] = [row, end].map((at) => at * classes.length);
    found.push({
      ...picture,
      title: `image ${dataset.record(index).id}`,
      answers: saved.map(({ scores }, i) => ({
        name: runs[i].name,
        boxes: answerBoxes(boxes, own, scores.outputs.at(-1)!.probabilities.subarray(from, to), classes),
      })),
    });
    row = end;
  }
  return found;
}
