/** A model of the hop scenes on longer chains than those it was trained on, with as many more updates. */
import { openSplit } from "../trainer.ts";
import type { Device } from "../../../engine/mod.ts";
import { type Checkpoint, modelOf } from "../checkpoint.ts";
import { type EvaluationHooks, score } from "../evaluation/evaluate.ts";
import { type Results, resultsOf, scoredSet } from "../evaluation/results.ts";
import { evaluationConfig, reasoningUpdates } from "../evaluation/settings.ts";
import type { Json } from "../../run/layers.ts";
import { isHops } from "../../../datasets/hops/dataset.ts";
import { UserError } from "../../../engine/base/user_error.ts";

/** Links by which chains are longer, and updates that are made beyond those of the training. */
const MORE = 2;

/** Figures of longer chains. */
export interface Longer {
  /** Objects of a chain. */
  readonly chain: number;
  /** Updates made. */
  readonly updates: number;
  /** Updates made in training. */
  readonly trained: number;
  readonly results: Results;
}

/** Scores a trained model on chains of two objects more, by two updates more. Throws {@link UserError} for other data. */
export async function evaluateLonger(device: Device, checkpoint: Checkpoint, hooks: EvaluationHooks): Promise<Longer> {
  const { config } = checkpoint, own = await openSplit(config, config.dataset.testSplit);
  if (!isHops(own)) throw new UserError(`${checkpoint.path}: was trained on ${own.name}, not on hop scenes`);
  const trained = config.model.reasoning.iterations - 1, updates = trained + MORE, chain = own.options.chain + MORE;
  const options: Json = { dataset: { options: { ...config.dataset.options as Record<string, Json>, chain } } };
  const longer = evaluationConfig(config, [
    { source: "longer chains", value: options },
    reasoningUpdates(config, updates),
  ]);
  const test = await openSplit(longer, longer.dataset.testSplit);
  using model = modelOf(device, { ...checkpoint, config: longer });
  const scores = await score(model, test, longer, hooks, (image) => image);
  return { chain, updates, trained, results: resultsOf(longer.model.name, scores, scoredSet(test)) };
}
