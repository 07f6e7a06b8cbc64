/** Several models' answers as one: the mean of their probabilities (the "w/ Ensemble" row of Chen et al., CVPR 2018). */
import { classDifference } from "../../../datasets/match_classes.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import type { Scores } from "./score.ts";
import type { ScoredSet } from "./results.ts";

/** One model's scores of a split. */
export interface EnsembleMember {
  /** Name in messages and rows. */
  readonly name: string;
  /** Its scores of the split. */
  readonly scores: Scores;
  /** The split that was scored. */
  readonly set: ScoredSet;
}

/**
 * Each member's answer, named, then their mean.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { ensemble } from "@itera/itera/models";
 *
 * const set = { split: "context test", images: 1, classes: ["__background__", "cat", "dog"], answers: null, options: null };
 * const member = (name: string, ...probabilities: number[]) => {
 *   const outputs = [{ name: "image", probabilities: Float32Array.from(probabilities) }];
 *   return { name, set, scores: { outputs, labels: Int32Array.of(1), classes: 3 } };
 * };
 * const { scores } = ensemble([member("a", 0, 0.75, 0.25), member("b", 0, 0.25, 0.75)]);
 * deepStrictEqual(scores.outputs.map(({ name }) => name), ["a", "b", "ensemble"]);
 * deepStrictEqual([...scores.outputs[2].probabilities], [0, 0.5, 0.5]);
 * ```
 *
 * @throws {UserError} when the members did not score the same regions of the same classes.
 */
export function ensemble(members: readonly EnsembleMember[]): { readonly scores: Scores; readonly set: ScoredSet } {
  const [first, ...others] = members;
  for (const { name, scores, set } of others) {
    const difference = classDifference(set.classes, first.set.classes, first.name);
    if (difference) throw new UserError(`${name}: scored ${difference}; an ensemble needs the same split and classes`);
    const same = set.split === first.set.split &&
      scores.labels.length === first.scores.labels.length &&
      scores.labels.every((label, n) => label === first.scores.labels[n]);
    if (!same) {
      throw new UserError(
        `${name}: scored ${scores.labels.length} regions of ${set.split}, other ones than ${first.name}; ` +
          "an ensemble needs the same split and classes",
      );
    }
  }
  const answers = members.map(({ scores }) => scores.outputs.at(-1)!.probabilities);
  const mean = answers[0].map((_, i) => answers.reduce((sum, p) => sum + p[i], 0) / answers.length);
  return {
    set: first.set,
    scores: {
      ...first.scores,
      outputs: [
        ...members.map(({ name }, i) => ({ name, probabilities: answers[i] })),
        { name: "ensemble", probabilities: mean },
      ],
    },
  };
}
