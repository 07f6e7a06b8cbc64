/** Steps of the authors' optimiser: momentum with weight decay, biases at twice the rate where they say so. */
import { type NamedParameter, SGD } from "../../../engine/mod.ts";
import type { BaselineClassifier } from "../../../model/regions/baseline.ts";
import type { RegionInput } from "../../../model/regions/regions.ts";
import { TrainSteps } from "../../../model/regions/train_steps.ts";
import type { NetworkGolden } from "./golden.ts";
import type { Parameters } from "./parameters.ts";
import type { Rows } from "./rows.ts";

/** The authors' WEIGHT_DECAY. */
export const DECAY = 1e-4;
/** Bound of the change by several steps, relative to the largest value of the tensor. */
const STEPS = 5e-3;

/** The image of every step. */
export type Picture = RegionInput & { readonly boxes: Float32Array<ArrayBuffer> };

/** The losses before each step, and how far all of them moved every variable. */
export async function compareSteps(
  model: BaselineClassifier,
  own: Parameters,
  input: Picture,
  { args, labels, steps, moved }: NetworkGolden,
  rows: Rows,
): Promise<void> {
  const before = new Map<string, Float32Array>();
  const variables = Object.entries(moved ?? {}), read = (p: NamedParameter) => p.tensor.data();
  for await (const [name, values] of own.each(variables, read)) before.set(name, values);
  const biasRateFactor = args.doublebias ? 2 : 1;
  using sgd = new SGD(model.device, model.trainable(), {
    rate: args.rate,
    momentum: 0.9,
    weightDecay: DECAY,
    biasRateFactor,
  });
  using updates = new TrainSteps(model, sgd);
  const image = { ...input, labels: Int32Array.from(labels), index: 0, flipped: false, scale: 1 };
  for (const [position, [, entropy]] of steps!.entries()) {
    const { values } = updates.run({ ...image, position });
    rows.add(`loss before step ${position + 1}`, Math.abs((await values.data())[0] - entropy) / entropy, STEPS);
    values.dispose();
  }
  for await (const [name, now, want] of own.each(variables, read)) {
    const start = before.get(name)!;
    rows.tensor(`${name}, moved by ${steps!.length} steps`, now.map((v, i) => v - start[i]), want, STEPS);
  }
}
