/** Every region classifier that a run can train, by name: one row each. */
import type { z } from "../../engine/base/packages/zod.ts";
import type { Knowledge } from "../../datasets/knowledge/knowledge.ts";
import { UserError } from "../../engine/base/user_error.ts";
import type { Device } from "../../engine/mod.ts";
import type { ResNetOptions } from "../backbones/resnet.ts";
import { BaselineClassifier } from "./baseline.ts";
import type { RegionModel } from "./contract.ts";
import { type ClassKnowledge, classKnowledge } from "./reasoning/knowledge.ts";
import type { ReasoningOptions } from "./reasoning/options.ts";
import { ReasoningClassifier, type ReasoningMode } from "./reasoning/reasoner.ts";

/** Settings and data of a run that a classifier is built from. */
export interface RegionModelSettings<O = unknown> {
  /** Classes, background (index 0) included. */
  readonly classes: number;
  readonly resnet: ResNetOptions;
  /** Cells of a region crop on each side. */
  readonly cropSize: number;
  /** Crop twice the size and take 2×2 maxima; the plain ConvNet alone. */
  readonly maxPool: boolean;
  readonly reasoning: ReasoningOptions;
  /** Knowledge of the classes, for models that use it. */
  readonly knowledge: Knowledge | null;
  /** `model.options`, as the row's schema reads them. */
  readonly options: O;
  readonly seed: number;
}

/** A classifier that `model.name` can name. */
export interface RegionModelRow<O = unknown> {
  readonly name: string;
  /** Settings of its own, `model.options`; none without a schema. */
  readonly options?: z.ZodType<O>;
  /** The classifier with random weights. */
  readonly build: (device: Device, settings: RegionModelSettings<O>) => RegionModel;
}

const reasoning = (mode: ReasoningMode): RegionModelRow => ({
  name: mode,
  build: (device, { knowledge, ...settings }) => {
    let known: ClassKnowledge;
    try {
      known = classKnowledge(knowledge, settings.classes, settings.reasoning.graph.classEdges, settings.seed);
    } catch (error) {
      if (error instanceof RangeError) throw new UserError(`model.reasoning.graph.classEdges: ${error.message}`);
      throw error;
    }
    return new ReasoningClassifier(device, { ...settings, mode, knowledge: known });
  },
});

/** The plain ConvNet; the spatial memory, the graph, and both joined. */
export const REGION_MODELS: readonly RegionModelRow[] = [
  { name: "baseline", build: (device, settings) => new BaselineClassifier(device, settings) },
  reasoning("local"),
  reasoning("global"),
  reasoning("final"),
];

/** Names that `model.name` takes. */
export const MODEL_NAMES: readonly string[] = REGION_MODELS.map(({ name }) => name);

/** Builds a classifier by name. Throws {@link UserError} for options that its schema refuses. */
export function buildRegionModel(name: string, device: Device, settings: RegionModelSettings): RegionModel {
  const { options: schema, build } = REGION_MODELS.find((row) => row.name === name)!;
  if (!schema) {
    const [unknown] = Object.keys(settings.options ?? {});
    if (unknown !== undefined) throw new UserError(`model.options.${unknown}: ${name} has no options of its own`);
    return build(device, settings);
  }
  const parsed = schema.safeParse(settings.options);
  if (parsed.success) return build(device, { ...settings, options: parsed.data });
  const [{ path, message }] = parsed.error.issues;
  throw new UserError(`model.options.${path.join(".")}: ${message}`);
}
