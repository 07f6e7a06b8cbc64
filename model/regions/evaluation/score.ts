/** Class probabilities of every region of a split, read back in bulk. */
import type { LoadedImage } from "../../../datasets/images/loader.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { concat, reshape, softmax, StepCache, type Tensor } from "../../../engine/mod.ts";
import type { RegionModel } from "../contract.ts";
import { bucketKey, type StaticRegionInputs } from "../static_inputs.ts";
import type { RegionInput } from "../regions.ts";

/** Scores of one kind of prediction. */
export interface Output {
  /** `image`, `local 1`, …, `attended`. */
  readonly name: string;
  /** [N, classes] softmax probabilities. */
  readonly probabilities: Float32Array<ArrayBuffer>;
}

/** Scores of a split: rows in the order of the data set, regions in annotation order. */
export interface Scores {
  /** Every prediction of the model; the last is its answer. */
  readonly outputs: readonly Output[];
  /** [N] true classes. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Number of classes, background included. */
  readonly classes: number;
}

/** Images whose results are read together; a read costs 10 ms at least, so not after every image. */
const BATCH = 32;

/**
 * Runs `model` on every image of the schedule; `onImage` is called after each, with the number done.
 *
 * ```ts
 * import { deepStrictEqual, ok } from "node:assert/strict";
 * import { Device } from "@itera/itera/engine";
 * import { evaluationOrder, Loader, openContext } from "@itera/itera/datasets";
 * import { BaselineClassifier, resnetPresets, scoreSplit } from "@itera/itera/models";
 *
 * await using device = await Device.open();
 * const val = openContext({ split: "val", images: 2 }), classes = val.classes.length;
 * using model = new BaselineClassifier(device, { classes, resnet: resnetPresets.small, seed: 1 });
 * const loader = new Loader(val, { scale: { target: 64, max: 96 } });
 * const { outputs, labels } = await scoreSplit(model, loader.run(evaluationOrder(val)), classes);
 * loader.close();
 * deepStrictEqual([...labels], [...val.record(0).labels, ...val.record(1).labels]);
 * const [{ name, probabilities }] = outputs;
 * deepStrictEqual([name, probabilities.length], ["image", labels.length * classes]);
 * ok(Math.abs(probabilities.subarray(0, classes).reduce((sum, p) => sum + p, 0) - 1) < 1e-5);
 * ```
 */
export async function scoreSplit(
  model: RegionModel,
  images: AsyncIterable<LoadedImage>,
  classes: number,
  onImage: (done: number, image: LoadedImage) => void = () => {},
): Promise<Scores> {
  const { device } = model;
  const rows: Scored[] = [];
  const labels: Int32Array[] = [];
  let names: readonly string[] = [];
  let pending: Tensor[] = [];
  let done = 0;
  // [outputs, R, C], R the regions of the bucket.
  const probabilities = (input: RegionInput | StaticRegionInputs): Tensor =>
    device.noGrad(() => {
      using scope = device.scope();
      const all = model.predict(input);
      names = all.map(({ name }) => name);
      const [{ logits: { shape } }] = all;
      if (shape.at(-1) !== classes) {
        throw new UserError(`scoreSplit: the model has ${shape.at(-1)} classes with the background, not ${classes}`);
      }
      return scope.keep(softmax(concat(all.map(({ logits }) => reshape(logits, [1, ...logits.shape])), 0)));
    });
  using cache = new StepCache<StaticRegionInputs>(device, probabilities);
  const score = (image: LoadedImage): Tensor => {
    const { height, width, labels } = image;
    if (!model.staticInputs) return probabilities(image).unscoped();
    return cache.run(
      bucketKey(image),
      () => model.staticInputs!(height, width, labels.length),
      (inputs) => inputs.write(image),
    );
  };
  const read = async (): Promise<void> => {
    const data = await Promise.all(pending.map((t) => t.data()));
    pending.forEach(({ shape }, i) => rows.push({ data: data[i], padded: shape[1] }));
    for (const tensor of pending) tensor.dispose();
    pending = [];
  };
  for await (const image of images) {
    if (image.labels.length > 0) {
      pending.push(score(image));
      labels.push(image.labels);
    }
    onImage(++done, image);
    if (pending.length === BATCH) await read();
  }
  await read();
  return join(names, rows, labels, classes);
}

/** One image's results. */
interface Scored {
  /** [outputs, padded, classes]. */
  readonly data: Float32Array;
  /** Regions with the padding; those of the image come first. */
  readonly padded: number;
}

/** From [outputs, R, classes] for each image to [N, classes] for each output. */
function join(
  names: readonly string[],
  rows: readonly Scored[],
  labels: readonly Int32Array[],
  classes: number,
): Scores {
  const count = labels.reduce((n, l) => n + l.length, 0);
  const outputs = names.map((name) => ({ name, probabilities: new Float32Array(count * classes) }));
  const truth = new Int32Array(count);
  let at = 0;
  labels.forEach((own, i) => {
    const { data, padded } = rows[i];
    outputs.forEach(({ probabilities }, k) => {
      const first = k * padded * classes;
      probabilities.set(data.subarray(first, first + own.length * classes), at * classes);
    });
    truth.set(own, at);
    at += own.length;
  });
  return { outputs, labels: truth, classes };
}
