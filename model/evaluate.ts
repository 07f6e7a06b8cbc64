/** Class probabilities of every region of a split, read back in bulk. */
import type { LoadedImage } from "../datasets/loader.ts";
import type { Tensor } from "../engine/mod.ts";
import { softmax } from "../engine/mod.ts";
import type { BaselineClassifier } from "./baseline.ts";

/** Scores of a split: rows in the order of the data set, regions in annotation order. */
export interface Scores {
  /** [N, classes] softmax probabilities. */
  readonly probabilities: Float32Array;
  /** [N] true classes. */
  readonly labels: Int32Array;
}

/** Images whose results are read together; a read costs 10 ms at least, so not after every image. */
const BATCH = 32;

/** Runs `model` on every image of the schedule; `onImage` is told of each, and how many are done. */
export async function scoreSplit(
  model: BaselineClassifier,
  images: AsyncIterable<LoadedImage>,
  classes: number,
  onImage: (done: number, image: LoadedImage) => void = () => {},
): Promise<Scores> {
  const { device } = model;
  const rows: Float32Array[] = [];
  const labels: Int32Array[] = [];
  let pending: Tensor[] = [];
  let done = 0;
  const read = async (): Promise<void> => {
    for (const data of await Promise.all(pending.map((t) => t.data()))) rows.push(data);
    for (const tensor of pending) tensor.dispose();
    pending = [];
  };
  for await (const image of images) {
    if (image.labels.length > 0) {
      device.noGrad(() => {
        using scope = device.scope();
        const tensor = scope.keep(softmax(model.forward(image)));
        pending.push(tensor.unscoped());
      });
      labels.push(image.labels);
    }
    onImage(++done, image);
    if (pending.length === BATCH) await read();
  }
  await read();
  const count = labels.reduce((n, l) => n + l.length, 0);
  const probabilities = new Float32Array(count * classes);
  const truth = new Int32Array(count);
  let at = 0;
  rows.forEach((row, i) => {
    probabilities.set(row, at * classes);
    truth.set(labels[i], at);
    at += labels[i].length;
  });
  return { probabilities, labels: truth };
}
