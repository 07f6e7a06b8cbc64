/** Training steps of IEP-Ref's models, ready to be profiled. */
import { readVocabulary } from "../../../datasets/refplus/encoding/tokens.ts";
import { Device, Tensor } from "../../../engine/mod.ts";
import type { StepWork } from "../../run/profile.ts";
import type { RefplusConfig } from "./config.ts";
import { Samples } from "./samples.ts";
import { innerSteps, learnersOf, type Session, startingModels, update } from "./session.ts";
import { batchOrder } from "./trainer.ts";

/** Batches in turn for a generator. */
const BATCHES = 3;

/** Opens data, device and models of a run's settings, from what they begin with. */
export async function refplusWork(config: RefplusConfig): Promise<StepWork> {
  const { step, data } = config;
  const vocabulary = await readVocabulary(data.vocabulary);
  const withPictures = step !== "pg";
  const train = await Samples.open(
    data.trainRefexps,
    withPictures ? data.trainFeatures : null,
    vocabulary,
    data.trainSamples,
  );
  const frame = withPictures ? { features: train.shape!, extractor: train.extractor, masks: train.maskSize } : null;
  const inner = await innerSteps(config, train, vocabulary);
  const device = await Device.open({ adapter: config.adapter });
  const models = await startingModels(device, config, vocabulary, frame, null);
  const learners = learnersOf(config, models), { generatorSteps } = learners;
  const session: Session = {
    config,
    models,
    optimisers: learners.optimisers,
    generatorSteps,
    vocabulary,
    frame,
    train,
    held: null,
    inner,
  };
  const order = batchOrder(config, train), progress = { step: 0, baseline: 0 };
  return {
    device,
    title: `${step} by ${config.batch} expressions`,
    // Sizes of a generator's batches come again and again; a size's first step runs plainly, its second is recorded.
    warm: generatorSteps ? 2 * BATCHES : 2,
    step: async (i) => {
      progress.step = i;
      const { values } = await update(session, order.batch(generatorSteps ? i % BATCHES : i), progress);
      if (values instanceof Tensor) values.dispose();
    },
    [Symbol.asyncDispose]: async () => {
      for (const part of [learners, models, train]) part?.[Symbol.dispose]();
      await device.close();
    },
  };
}
