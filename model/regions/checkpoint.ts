/** Checkpoints: what they hold beside the weights, and models made from nothing else. */
import { z } from "zod";
import type { Knowledge } from "../../datasets/knowledge/knowledge.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { type Device, loadTensors, tensorsOf } from "../../engine/mod.ts";
import { decodeSafetensors, SafetensorsError, type SafetensorsTensor } from "../../engine/safetensors.ts";
import type { RegionModel } from "./contract.ts";
import { type TrainConfig, trainConfigSchema } from "./config.ts";
import { buildModel } from "./build.ts";

/** What a checkpoint says of itself, as strings. */
export interface CheckpointFacts {
  /** Steps done. */
  readonly step: number;
  readonly config: TrainConfig;
  /** Class names, background first. */
  readonly classes: readonly string[];
  /** Types and edges of the knowledge graph; the vectors are among the tensors. */
  readonly knowledge: Knowledge | null;
}

/** Whole settings with everything a checkpoint of them needs to be used alone, as safetensors metadata. */
export function factsMetadata({ step, config, classes, knowledge }: CheckpointFacts): Record<string, string> {
  return {
    step: String(step),
    config: JSON.stringify(config),
    classes: JSON.stringify(classes),
    knowledge: JSON.stringify(
      knowledge && {
        types: knowledge.types,
        edges: knowledge.edges.map(({ type, from, to, weight }) => [type, from, to, weight]),
        dim: knowledge.dim,
      },
    ),
  };
}

const edge = z.tuple([z.int(), z.int(), z.int(), z.number()]);
const metadataSchema = z.object({
  step: z.coerce.number().int(),
  config: json(trainConfigSchema),
  classes: json(z.array(z.string()).min(2)),
  knowledge: json(z.object({ types: z.array(z.string()), edges: z.array(edge), dim: z.int() }).nullable()),
});

function json<T>(schema: z.ZodType<T>) {
  return z.string().transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: "is not JSON" });
      return z.NEVER;
    }
  }).pipe(schema);
}

/** A checkpoint file read and checked. */
export interface Checkpoint extends CheckpointFacts {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
}

/** Reads a checkpoint. Throws {@link UserError} when it is missing, broken or none of ours. */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    throw new UserError(`${path}: ${missing ? "there is no such checkpoint" : (error as Error).message}`);
  }
  try {
    const { tensors, metadata } = decodeSafetensors(bytes);
    const { step, config, classes, knowledge } = metadataSchema.parse(metadata);
    return { path, bytes, tensors, step, config, classes, knowledge: knowledge && restored(knowledge, classes.length) };
  } catch (error) {
    if (error instanceof SafetensorsError) throw new UserError(`${path}: ${error.message}`);
    if (error instanceof z.ZodError) {
      const [issue] = error.issues;
      throw new UserError(`${path}: is no checkpoint of a training run (${issue.path.join(".")}: ${issue.message})`);
    }
    throw error;
  }
}

/** The model of a checkpoint with its weights. */
export function modelOf(device: Device, checkpoint: Checkpoint): RegionModel {
  const { config, classes, knowledge, bytes, path } = checkpoint;
  const model = buildModel(device, config, classes.length, knowledge);
  loadTensors(bytes, tensorsOf(model.parameters(), "model."), path, { allowExtra: true });
  return model;
}

function restored(
  { types, edges, dim }: { types: string[]; edges: [number, number, number, number][]; dim: number },
  classes: number,
): Knowledge {
  return {
    types,
    edges: edges.map(([type, from, to, weight]) => ({ type, from, to, weight })),
    vectors: new Float32Array(classes * dim),
    dim,
  };
}
