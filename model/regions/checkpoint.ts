/** Checkpoints of region classifiers: what they hold beside the weights, and models made from nothing else. */
import { z } from "../../engine/base/packages/zod.ts";
import type { Knowledge } from "../../datasets/knowledge/knowledge.ts";
import { type Device, loadTensors, tensorsOf } from "../../engine/mod.ts";
import { notOfARun, readRunCheckpoint, type RunCheckpoint } from "../run/checkpoint.ts";
import { jsonText } from "../run/json_metadata.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { buildModel } from "./build.ts";
import { REGION_RUNS, type TrainConfig, trainConfigSchema } from "./config.ts";
import type { RegionModel } from "./contract.ts";

/** Facts in a checkpoint on the data that its model was trained on. */
export interface RegionFacts {
  /** Class names, background first. */
  readonly classes: readonly string[];
  /** Types and edges of the knowledge graph; the vectors are among the tensors. */
  readonly knowledge: Knowledge | null;
}

/** The facts as a checkpoint's metadata, so that it can be used alone. */
export function regionFacts({ classes, knowledge }: RegionFacts): Record<string, string> {
  return {
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
const factsSchema = z.object({
  config: trainConfigSchema,
  classes: jsonText(z.array(z.string()).min(2)),
  knowledge: jsonText(z.object({ types: z.array(z.string()), edges: z.array(edge), dim: z.int().min(0) }).nullable()),
  position: jsonText(z.int().min(0)).default(0),
});

/** A checkpoint of a region classifier, read and checked. */
export interface Checkpoint extends Omit<RunCheckpoint, "config" | "facts">, RegionFacts {
  readonly config: TrainConfig;
  /** Place in the order of images of the next one. */
  readonly position: number;
}

/**
 * Reads a checkpoint, or of a run's folder its best, or where it keeps none, or for `newest`, the newest whole one. Throws
 * {@link UserError} when it is none of ours.
 */
export async function readCheckpoint(
  file: string,
  onBroken?: (path: string, reason: string) => void,
  options?: { readonly newest?: boolean },
): Promise<Checkpoint> {
  return checkedRegions(await readRunCheckpoint(file, [REGION_RUNS], onBroken, options));
}

/** A checkpoint's settings and facts, checked. Throws {@link UserError}. */
export function checkedRegions({ config, facts, ...read }: RunCheckpoint): Checkpoint {
  const parsed = factsSchema.safeParse({ ...facts, config });
  if (!parsed.success) throw notOfARun(read.path, parsed.error);
  const { knowledge, ...own } = parsed.data;
  // The vectors are among the tensors: a file too small for them claims what it does not hold.
  if (knowledge && 4 * own.classes.length * knowledge.dim > read.bytes.length) {
    throw new UserError(`${read.path}: claims class vectors of ${knowledge.dim} numbers and does not hold them`);
  }
  return { ...read, ...own, knowledge: knowledge && restored(knowledge, own.classes.length) };
}

/** A checkpoint's model, data and knowledge, a line each. */
export function describeRegions(read: RunCheckpoint): string[] {
  const { config: { model, dataset, steps }, step, classes, knowledge } = checkedRegions(read);
  const graph = knowledge &&
    `knowledge graph: ${knowledge.edges.length} edges of ${knowledge.types.length} types, vectors of ${knowledge.dim}`;
  return [
    `model: ${model.name}, after ${step} of ${steps} steps on ${dataset.dataset} ${dataset.trainSplit}`,
    `classes: ${classes.length - 1} and the background`,
    ...graph ? [graph] : [],
  ];
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
