/** Training steps of the default model by images a step: images a second, and dispatches an image. */
import { SGD } from "../mod.ts";
import { classKnowledge } from "../model/regions/reasoning/knowledge.ts";
import { ReasoningClassifier } from "../model/regions/reasoning/reasoner.ts";
import { TrainSteps } from "../model/regions/train_steps.ts";
import { chain, imageOf, row, SIZES, work } from "./models.ts";

/** A batch's step. */
export interface BatchRow {
  readonly batch: number;
  readonly imagesPerSecond: number;
  readonly dispatchesPerImage: number;
  readonly peakMiB: number;
}

/** Batches that are measured. */
const BATCHES = [1, 2, 4, 8];

/** Steps of `final` at the default data's size. */
export async function* batchRows(): AsyncGenerator<BatchRow> {
  const [{ resnet, reasoning, classes, ...size }] = SIZES, image = imageOf({ classes, ...size });
  for (const batch of BATCHES) {
    const { ms, dispatches, peakMiB } = await row(`final: batch of ${batch}`, (device) => {
      const knowledge = classKnowledge(chain(classes), classes, null, 1);
      const model = new ReasoningClassifier(device, { classes, resnet, seed: 3, mode: "final", reasoning, knowledge });
      const sgd = new SGD(device, model.trainable(), { rate: 1e-4, momentum: 0.9, weightDecay: 1e-4 });
      const steps = new TrainSteps(model, sgd);
      const run = (): void => {
        if (batch === 1) return steps.run(image).values.dispose();
        for (let i = 0; i < batch; i++) steps.add(image);
        steps.update().values.dispose();
      };
      return work(run, steps, model, sgd);
    });
    yield { batch, imagesPerSecond: 1000 * batch / ms, dispatchesPerImage: dispatches / batch, peakMiB };
  }
}
