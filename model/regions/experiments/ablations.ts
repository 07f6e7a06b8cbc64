/** Named sets of runs: the proof that reasoning helps, and the ablations that say which part of it does. */
import type { Member } from "./experiment.ts";
import type { Json } from "../../run/layers.ts";

/** Settings of a quick look at the context scenes. */
export const QUICK: Json = {
  steps: 500,
  checkpointEvery: 100,
  validateEvery: 100,
  optimiser: { decaySteps: [250, 400] },
};

/** Each model from each seed. */
export function proofMembers(models: readonly string[], seeds: readonly number[]): Member[] {
  return seeds.flatMap((seed) =>
    models.map((name): Member => ({
      folder: seeds.length > 1 ? `${name}-seed${seed}` : name,
      name,
      settings: seeds.length > 1 ? { seed, model: { name } } : { model: { name } },
    }))
  );
}

const reasoning = (settings: Json, name = "final"): Member["settings"] => ({ model: { name, reasoning: settings } });

/** The whole model, and the whole model without one of its parts. */
export const ABLATIONS: readonly Member[] = [
  { folder: "baseline", name: "baseline", settings: { model: { name: "baseline" } } },
  { folder: "final", name: "final", settings: reasoning({}) },
  { folder: "no-memory", name: "no memory", settings: reasoning({}, "global") },
  { folder: "no-graph", name: "no graph", settings: reasoning({}, "local") },
  { folder: "no-cross-feed", name: "no cross-feed", settings: reasoning({ crossFeed: false }) },
  { folder: "no-attention", name: "no attention", settings: reasoning({ attention: false }) },
  { folder: "no-reweighting", name: "no re-weighting", settings: reasoning({ loss: { reweight: false } }) },
  ...[1, 2, 3, 4].filter((updates) => updates !== 2).map((updates): Member => ({
    folder: `iterations-${updates}`,
    name: `${updates} iteration${updates > 1 ? "s" : ""}`,
    settings: reasoning({ iterations: updates + 1 }),
  })),
];
