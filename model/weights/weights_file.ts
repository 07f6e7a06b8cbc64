/** Imported weights on disk, in safetensors with our names, and loading them into a model that begins. */
import { z } from "../../engine/base/packages/zod.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { checkSafetensors, firstNonFinite, sameShape } from "../../engine/internal.ts";
import { decodeSafetensors, encodeSafetensors, SafetensorsError, type SafetensorsTensor } from "../../engine/mod.ts";
import { writeFileAtomic } from "../../engine/base/atomic.ts";
import type { Json } from "../run/layers.ts";
import { checkpointPath } from "../run/run_folder.ts";
import { trainConfigSchema } from "../regions/config.ts";
import type { RegionModel } from "../regions/contract.ts";
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
  const bytes = await Deno.readFile(path).catch((error: unknown) => {
    const missing = error instanceof Deno.errors.NotFound;
    throw new UserError(`${path}: ${missing ? "there is no such file of weights" : (error as Error).message}`);
  });
  const foreign = (): UserError =>
    new UserError(`${path}: holds no weights by Itera's names; convert it with itera weights import ${path}`);
  try {
    const { tensors, metadata } = decodeSafetensors(bytes);
    const wrong = firstNonFinite(tensors);
    if (wrong) throw new UserError(`${path}: "${wrong.name}" holds ${wrong.value}; a run cannot begin from it`);
    if (metadata.weights !== undefined) {
      const { resnet, normalise, longSide } = factsSchema.parse(JSON.parse(metadata.weights));
      const image = { normalise, ...longSide === undefined ? {} : { longSide } };
      return { path, tensors, settings: { image, model: { resnet, calibrate: false } } };
    }
    if (metadata.config === undefined) throw foreign();
    const { image, model } = trainConfigSchema.parse(JSON.parse(metadata.config));
    const prefix = "model.";
    const own = [...tensors].filter(([name]) => name.startsWith(prefix));
    return {
      path,
      tensors: new Map(own.map(([name, tensor]) => [name.slice(prefix.length), tensor])),
      settings: { image: { normalise: image.normalise }, model: { resnet: model.resnet as Json, calibrate: false } },
    };
  } catch (error) {
    if (error instanceof z.ZodError || error instanceof SyntaxError) throw foreign();
    if (error instanceof SafetensorsError) {
      throw new UserError(`${path}: ${error.message}; other formats are converted by itera weights import`);
    }
    throw error;
  }
}

/**
 * Writes the weights into a model; the backbone must be whole. Returns, in words, which parts of the model the file has and
 * which start at random because it lacks them or has them for other classes.
 *
 * ```ts
 * import { deepStrictEqual, ok } from "node:assert/strict";
 * import { decodeSafetensors, Device, saveTensors } from "@itera/itera/engine";
 * import { applyWeights, BaselineClassifier, resnetPresets } from "@itera/itera/models";
 *
 * await using device = await Device.open();
 * const { small } = resnetPresets;
 * using trained = new BaselineClassifier(device, { classes: 3, resnet: small, seed: 1 });
 * using model = new BaselineClassifier(device, { classes: 5, resnet: small, seed: 2 });
 * const { tensors } = decodeSafetensors(await saveTensors(trained.stateDict()));
 * // The backbone is taken over; the scores are for other classes and stay random.
 * const found = applyWeights(model, { path: "a.safetensors", tensors, settings: {} });
 * ok(/resnet: \d+ tensors; cls_score: random \(its classes or sizes differ\)$/.test(found));
 * const weight = "resnet.conv1.weight";
 * deepStrictEqual(await model.stateDict().get(weight)!.data(), await trained.stateDict().get(weight)!.data());
 * ```
 *
 * @throws {UserError} when the backbone's weights are missing or of another network.
 */
export function applyWeights(model: RegionModel, { path, tensors }: StartingWeights): string {
  const parts = new Map<string, { found: number; random: number; other: boolean }>();
  const writes: (() => void)[] = [];
  for (const { name, tensor } of model.parameters()) {
    const part = name.slice(0, name.indexOf("."));
    const state = parts.get(part) ?? { found: 0, random: 0, other: false };
    parts.set(part, state);
    const given = tensors.get(name);
    const fits = given?.dtype === "F32" && sameShape(given.shape, tensor.shape);
    if (fits) {
      state.found++;
      writes.push(() => tensor.write(given.data));
      continue;
    }
    if (part === "resnet") {
      const has = given ? `has "${name}" as [${given.shape.join(", ")}]` : `lacks "${name}"`;
      throw new UserError(
        `${path}: ${has}, the model wants [${tensor.shape.join(", ")}]; does --resnet fit the weights?`,
      );
    }
    state.random++;
    state.other ||= given !== undefined;
  }
  for (const write of writes) write();
  const words = [...parts].map(([part, { found, random, other }]) => {
    if (random === 0) return `${part}: ${found} tensors`;
    const which = found === 0 ? "random" : `${found} tensors, ${random} random`;
    return `${part}: ${which}${other ? " (its classes or sizes differ)" : ""}`;
  });
  return `weights of ${path}: ${words.join("; ")}`;
}
