/** Weights on disk to begin from, in safetensors with our names: imported ones, and those of a run. */
import { z } from "../../engine/base/packages/zod.ts";
import { readBytes } from "../../engine/base/files.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { checkSafetensors, firstNonFinite } from "../../engine/internal.ts";
import { decodeSafetensors, encodeSafetensors, SafetensorsError, type SafetensorsTensor } from "../../engine/mod.ts";
import { writeFileAtomic } from "../../engine/base/atomic.ts";
import { jsonText } from "../run/json_metadata.ts";
import type { Json } from "../run/layers.ts";
import { checkpointPath } from "../run/run_folder.ts";
import { trainConfigSchema } from "../regions/config.ts";
import type { EntryNames } from "../regions/contract.ts";
import type { GraphOptions } from "../regions/reasoning/options.ts";
import { resnetPresets } from "../backbones/resnet.ts";
import { WeightsError } from "./stored.ts";
import type { ImportedWeights, WeightFacts } from "./import.ts";

const factsSchema = z.strictObject({
  origin: z.enum(["torchvision", "slim", "port"]),
  format: z.string(),
  resnet: z.enum(Object.keys(resnetPresets) as [WeightFacts["resnet"]]),
  normalise: z.enum(["caffe", "torchvision", "port"]),
  longSide: z.number().positive().optional(),
  classes: z.int().min(2).optional(),
});

/**
 * Writes imported weights for `itera train --weights`.
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { readSafetensors } from "@itera/itera/engine";
 * import { saveWeights } from "@itera/itera/models";
 *
 * const facts = { origin: "torchvision", format: "made by hand", normalise: "torchvision" } as const;
 * const shift = { shape: [2], data: Float32Array.of(1, 2) };
 * const tensors = new Map([["resnet.conv1.shift", shift]]), file = await Deno.makeTempFile();
 * await saveWeights(file, { facts: { ...facts, resnet: "resnet50-torchvision" }, tensors, left: [], notes: [] });
 * const saved = await readSafetensors(file);
 * deepStrictEqual(saved.tensors.get("resnet.conv1.shift"), { dtype: "F32", ...shift });
 * strictEqual(JSON.parse(saved.metadata.weights).resnet, "resnet50-torchvision");
 * await Deno.remove(file);
 * ```
 */
export async function saveWeights(path: string, { facts, tensors }: ImportedWeights): Promise<void> {
  const entries = [...tensors].map(([name, { shape, data }]) =>
    [name, { dtype: "F32" as const, shape, data }] as const
  );
  const wrong = firstNonFinite(entries);
  if (wrong) throw new WeightsError(`"${wrong.name}" holds ${wrong.value}; no run could begin from it`);
  await writeFileAtomic(path, encodeSafetensors(entries, { weights: JSON.stringify(facts) }, { checksum: true }), {
    check: checkSafetensors,
  });
}

/** Weights to begin from: imported ones or a run's checkpoint. */
export interface StartingWeights {
  /** Path of the file. */
  readonly path: string;
  /** By the model's own names. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  /** Settings that a run with them needs: the network's description, the images' values. */
  readonly settings: Json;
  /** Names of the classes and edges that they have entries for; absent where the file does not say. */
  readonly names?: EntryNames;
}

/**
 * Reads weights to begin from: a file that `itera weights import` wrote, a run's checkpoint, or a run's folder for its newest.
 * Throws {@link UserError} when `file` is none of these.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { readStartingWeights, saveWeights } from "@itera/itera/models";
 *
 * const facts = { origin: "torchvision", format: "made by hand", normalise: "torchvision" } as const;
 * const shift = { shape: [2], data: Float32Array.of(1, 2) };
 * const tensors = new Map([["resnet.conv1.shift", shift]]), file = await Deno.makeTempFile();
 * await saveWeights(file, { facts: { ...facts, resnet: "resnet50-torchvision" }, tensors, left: [], notes: [] });
 * const { settings, tensors: read } = await readStartingWeights(file);
 * deepStrictEqual([...read.keys()], ["resnet.conv1.shift"]);
 * // The network that they are for, and the values that its images must have.
 * deepStrictEqual(settings, {
 *   image: { normalise: "torchvision" },
 *   model: { resnet: "resnet50-torchvision", calibrate: false },
 * });
 * await Deno.remove(file);
 * ```
 */
export async function readStartingWeights(file: string): Promise<StartingWeights> {
  const path = await checkpointPath(file);
  const bytes = await readBytes(path, "there is no such file of weights");
  const foreign = (): UserError =>
    new UserError(`${path}: holds no weights by Itera's names; convert it with itera weights import ${path}`);
  try {
    const { tensors, metadata } = decodeSafetensors(bytes);
    const wrong = firstNonFinite(tensors);
    if (wrong) throw new UserError(`${path}: "${wrong.name}" holds ${wrong.value}; a run cannot begin from it`);
    if (metadata.weights !== undefined) {
      const { resnet, normalise, longSide } = jsonText(factsSchema).parse(metadata.weights);
      const image = { normalise, ...longSide === undefined ? {} : { longSide } };
      return { path, tensors, settings: { image, model: { resnet, calibrate: false } } };
    }
    if (metadata.config === undefined) throw foreign();
    const { image, model } = jsonText(trainConfigSchema).parse(metadata.config);
    const prefix = "model.";
    const own = [...tensors].filter(([name]) => name.startsWith(prefix));
    return {
      path,
      tensors: new Map(own.map(([name, tensor]) => [name.slice(prefix.length), tensor])),
      settings: { image: { normalise: image.normalise }, model: { resnet: model.resnet as Json, calibrate: false } },
      ...namesIn(metadata, model.reasoning.graph),
    };
  } catch (error) {
    if (error instanceof z.ZodError) throw foreign();
    if (error instanceof SafetensorsError) {
      throw new UserError(`${path}: ${error.message}; other formats are converted by itera weights import`);
    }
    throw error;
  }
}

const namesSchema = z.object({
  classes: jsonText(z.array(z.string())),
  knowledge: jsonText(z.object({ types: z.array(z.string()) }).nullable()).default(null),
});

/** Names that a run's checkpoint states. */
function namesIn(
  metadata: Readonly<Record<string, string>>,
  { classEdges, regionEdges }: Pick<GraphOptions, "classEdges" | "regionEdges">,
): Pick<StartingWeights, "names"> {
  if (metadata.classes === undefined) return {};
  const { classes, knowledge } = namesSchema.parse(metadata);
  return { names: { classes, classEdges: classEdges ?? knowledge?.types ?? [], regionEdges } };
}
