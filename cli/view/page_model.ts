/** The model of a page, from its facts and weights alone: the same code in Deno and in a page. */
import { type Device, type SafetensorsTensor } from "../../engine/mod.ts";
import { buildModel } from "../../model/regions/build.ts";
import type { RegionModel } from "../../model/regions/contract.ts";
import type { PageFacts } from "./payload.ts";
import { widened } from "./weights.ts";

/** Start of the names of weights among a page's tensors. */
const PREFIX = "model.";

/** The model of a page with its weights; those kept in 16 bits are widened. */
export function pageModel(
  device: Device,
  { config, classes, knowledge }: Pick<PageFacts, "config" | "classes" | "knowledge">,
  tensors: ReadonlyMap<string, SafetensorsTensor>,
): RegionModel {
  const vectors = new Float32Array(classes.length * (knowledge?.dim ?? 0));
  const model = buildModel(device, config, classes.length, knowledge && { ...knowledge, vectors });
  const weights = weightsAmong(tensors).map(([name, tensor]) => [name.slice(PREFIX.length), widened(tensor)] as const);
  model.load(new Map(weights));
  return model;
}

/** Weights among tensors, by their names. */
export function weightsAmong(tensors: ReadonlyMap<string, SafetensorsTensor>): [string, SafetensorsTensor][] {
  return [...tensors].filter(([name]) => name.startsWith(PREFIX));
}
