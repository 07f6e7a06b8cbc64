/** Training steps of the default model by images a step: images a second, and dispatches an image. */
import { SGD } from "../mod.ts";
import { classKnowledge } from "../model/regions/reasoning/knowledge.ts";
import { ReasoningClassifier } from "../model/regions/reasoning/reasoner.ts";
import { TrainSteps } from "../model/regions/train_steps.ts";
import { chain, imageOf, type ModelWork, row, SIZES, work } from "./models.ts";

/** A batch's step. */
export interface BatchRow {
  readonly batch: number;
  /** True where all images are taken in one pass. */
  readonly stack: boolean;
  readonly imagesPerSecond: number;
  readonly dispatchesPerImage: number;
  readonly peakMiB: number;
}

/** Batches that are measured. */
const BATCHES = [1, 2, 4, 8];

/** A step of `final` at the default data's size, by images of equal size. */
export function batchWork(batch: number, stack: boolean): ModelWork {
  const [{ resnet, reasoning, classes, ...size }] = SIZES, image = imageOf({ classes, ...size });
  return {
    name: `final: batch of ${batch}${stack ? ", stacked" : ""}`,
    prepare: (device) => {
      const knowledge = classKnowledge(chain(classes), classes, null, 1);
      const model = new ReasoningClassifier(device, { classes, resnet, seed: 3, mode: "final", reasoning, knowledge });
      const sgd = new SGD(device, model.trainable(), { rate: 1e-4, momentum: 0.9, weightDecay: 1e-4 });
      const steps = new TrainSteps(model, sgd);
      const run = (): void => {
        if (batch === 1) return steps.run(image).values.dispose();
        if (stack) steps.add(...Array.from({ length: batch }, () => image));
        else for (let i = 0; i < batch; i++) steps.add(image);
        steps.update().values.dispose();
      };
      return work(run, steps, model, sgd);
    },
  };
}

/** All batches, one image after another and in one pass. */
export async function* batchRows(): AsyncGenerator<BatchRow> {
  for (const stack of [false, true]) {
    for (const batch of BATCHES) {
      if (stack && batch === 1) continue;
      const { name, prepare } = batchWork(batch, stack);
      const { ms, dispatches, peakMiB } = await row(name, prepare);
      yield { batch, stack, imagesPerSecond: 1000 * batch / ms, dispatchesPerImage: dispatches / batch, peakMiB };
    }
  }
}
