/** Imported weights on disk, in safetensors with our names, and loading them into a model that begins. */
import { z } from "../../engine/base/packages/zod.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { sameShape } from "../../engine/internal.ts";
import { decodeSafetensors, encodeSafetensors, SafetensorsError, type SafetensorsTensor } from "../../engine/mod.ts";
import { writeFileAtomic } from "../../engine/base/atomic.ts";
import type { Json } from "../run/layers.ts";
import { trainConfigSchema } from "../regions/config.ts";
import type { RegionModel } from "../regions/contract.ts";
import { resnetPresets } from "../backbones/resnet.ts";
import type { ImportedWeights, WeightFacts } from "./import.ts";

const factsSchema = z.strictObject({
  origin: z.enum(["torchvision", "slim", "port"]),
  format: z.string(),
  resnet: z.enum(Object.keys(resnetPresets) as [WeightFacts["resnet"]]),
  normalise: z.enum(["caffe", "torchvision", "port"]),
  longSide: z.number().positive().optional(),
  classes: z.int().min(2).optional(),
});

/** Writes imported weights for `itera train --weights`. */
export async function saveWeights(path: string, { facts, tensors }: ImportedWeights): Promise<void> {
  const entries = [...tensors].map(([name, { shape, data }]) =>
    [name, { dtype: "F32" as const, shape, data }] as const
  );
  await writeFileAtomic(path, encodeSafetensors(entries, { weights: JSON.stringify(facts) }));
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

/** Reads weights to begin from. Throws {@link UserError} when the file is none that `itera weights import` or a run wrote. */
export async function readStartingWeights(path: string): Promise<StartingWeights> {
  const bytes = await Deno.readFile(path).catch((error: unknown) => {
    const missing = error instanceof Deno.errors.NotFound;
    throw new UserError(`${path}: ${missing ? "there is no such file of weights" : (error as Error).message}`);
  });
  const foreign = (): UserError =>
    new UserError(`${path}: holds no weights by Itera's names; convert it with itera weights import ${path}`);
  try {
    const { tensors, metadata } = decodeSafetensors(bytes);
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
