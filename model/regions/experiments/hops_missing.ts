/** Hop scenes of which a model sees only some objects: a missing one breaks its chain, and the posterior knows where. */
import type { HopDataset } from "../../../datasets/hops/dataset.ts";
import { type HopScene, onlyObjects } from "../../../datasets/hops/layout.ts";
import { classPosteriors } from "../../../datasets/hops/posteriors.ts";
import type { TrainConfig } from "../config.ts";
import type { RegionModel } from "../contract.ts";
import { type EvaluationHooks, score } from "../evaluation/evaluate.ts";
import { predictions } from "../evaluation/metrics.ts";
import { keptRegions, onlyRegions } from "../evaluation/region_dropout.ts";

/** Objects that are left of a scene. */
export interface Gaps {
  /** Name of what is missing. */
  readonly missing: string;
  /** Rows of the objects that are left in image `index`. */
  readonly kept: (scene: HopScene, index: number) => number[];
}

/** Nothing, every witness, and a random share of all objects. */
export const HOP_GAPS: readonly Gaps[] = [
  { missing: "nothing", kept: ({ objects }) => [...objects.keys()] },
  { missing: "witnesses", kept: ({ objects }) => [...objects.keys()].filter((i) => objects[i].mark === 0) },
  ...[0.25, 0.5].map((share) => ({
    missing: `${100 * share} % of objects`,
    kept: ({ objects }: HopScene, index: number) => keptRegions(index, objects.length, share),
  })),
];

/** Figures of the objects that are left. */
export interface WithGaps {
  readonly instances: number;
  /** Accuracy of the model's answer. */
  readonly accuracy: number;
  /** Accuracy to be expected of the posterior's best guess from the same objects, as many links away as there are updates. */
  readonly posterior: number;
}

/** Scores a model on the split without the objects that `gaps` leaves out. */
export async function evaluateWithGaps(
  model: RegionModel,
  test: HopDataset,
  config: TrainConfig,
  { kept }: Gaps,
  hooks: EvaluationHooks,
): Promise<WithGaps> {
  const rowsOf = (index: number): number[] => kept(test.scene(index), index);
  const { outputs, labels, classes } = await score(
    model,
    test,
    config,
    hooks,
    (image) => onlyRegions(image, rowsOf(image.index)),
  );
  const guesses = predictions(outputs.at(-1)!.probabilities, labels.length, classes);
  const { iterations, graph } = config.model.reasoning;
  const hops = (iterations - 1) * Math.max(1, graph.layers);
  let expected = 0;
  for (let index = 0; index < test.size; index++) {
    const scene = onlyObjects(test.scene(index), rowsOf(index));
    for (const posterior of classPosteriors(scene, test.tables, hops)) expected += Math.max(...posterior);
  }
  return {
    instances: labels.length,
    accuracy: guesses.filter((guess, n) => guess === labels[n]).length / labels.length,
    posterior: expected / labels.length,
  };
}
