/** A region classifier's training steps, ready to be profiled. */
import { type LoadedImage, Loader } from "../../datasets/images/loader.ts";
import { trainingOrder } from "../../datasets/images/schedule.ts";
import { Device } from "../../engine/mod.ts";
import type { StepWork } from "../run/profile.ts";
import type { TrainConfig } from "./config.ts";
import { buildModel, loaderOptions } from "./build.ts";
import { TrainSteps } from "./train_steps.ts";
import { knowledgeOf, makeOptimiser, openSplit, orderOf } from "./trainer.ts";

/** Images in turn; they are loaded before anything is measured. */
const IMAGES = 4;

/** Opens data, device and model of a run's settings, from random weights. */
export async function regionWork(config: TrainConfig): Promise<StepWork> {
  const train = await openSplit(config, config.dataset.trainSplit);
  const knowledge = await knowledgeOf(config, train.classes);
  const loader = new Loader(train, loaderOptions(config));
  const images: LoadedImage[] = [];
  try {
    for await (const image of loader.run(trainingOrder(train, orderOf(config, 0)))) {
      if (images.push(image) === IMAGES) break;
    }
  } finally {
    loader.close();
  }
  const device = await Device.open({ adapter: config.adapter });
  device.halfSaves = config.precision === "mixed";
  const model = buildModel(device, config, train.classes.length, knowledge);
  if (config.model.calibrate) model.calibrate(images[0]);
  const optimiser = makeOptimiser(device, model, config);
  const updates = new TrainSteps(model, optimiser);
  return {
    device,
    title: `${config.model.name} on ${train.name}`,
    // A shape's first step runs plainly, its second is recorded.
    warm: 2 * IMAGES,
    step: (i) => updates.run(images[i % IMAGES]).values.dispose(),
    [Symbol.asyncDispose]: async () => {
      updates[Symbol.dispose]();
      optimiser[Symbol.dispose]();
      model[Symbol.dispose]();
      await device.close();
    },
  };
}
