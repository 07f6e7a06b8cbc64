/** Settings of an evaluation: the run's own, but for what it may be tried on. */
import { UserError } from "../../../engine/base/user_error.ts";
import { differences, type Layer, lookup, settle } from "../../run/layers.ts";
import { type TrainConfig, trainConfigSchema } from "../config.ts";

/** Settings that may be others than in training: none enters a weight's shape. */
const FREE = /^(dataset|pictures|image|model\.reasoning\.iterations)(\.|$)/;

/**
 * A run's settings with those of `layers` over them.
 *
 * @throws {UserError} for a setting that would make another model of it, or that the schema refuses.
 */
export function evaluationConfig(config: TrainConfig, layers: readonly Layer[]): TrainConfig {
  return layers.reduce((before, layer) => {
    const after = settle(trainConfigSchema, [{ source: "the run", value: before }, layer]);
    const changed = differences(before, after).find((path) => !FREE.test(path));
    if (changed === undefined) return after;
    const was = JSON.stringify(lookup(before, changed.split(".")));
    throw new UserError(`${layer.source}: "${changed}" belongs to the trained model, where it is ${was}`);
  }, config);
}

/**
 * The layer by which a model is rolled out for `updates` reasoning updates, however many it was trained with. They are counted
 * without the ConvNet's own prediction, which `iterations` counts too.
 *
 * @throws {UserError} for a model without any.
 */
export function reasoningUpdates(config: TrainConfig, updates: number): Layer {
  const source = "--reasoning-updates", { name } = config.model;
  if (name === "baseline") throw new UserError(`${source}: ${name} has none`);
  return { source, value: { model: { reasoning: { iterations: updates + 1 } } } };
}
