/** Checkpoints of runs: tensors, the settings whole, and what a kind of run says beside them. One reader, one writer. */
import { z } from "../../engine/base/packages/zod.ts";
import { UserError } from "../../engine/base/user_error.ts";
import {
  decodeSafetensors,
  SafetensorsError,
  type SafetensorsTensor,
  saveTensors,
  type Tensor,
} from "../../engine/mod.ts";
import { kindOf, type RunKind } from "./kind.ts";
import type { Json } from "./layers.ts";
import type { LossLog, LossWindow } from "./loss_log.ts";
import type { RunConfig } from "./run_config.ts";
import { type CheckpointFile, newestCheckpointOf, type RunFolder } from "./run_folder.ts";

/** A checkpoint file read, its settings not yet looked at by its kind. */
export interface RunCheckpoint {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  /** Updates done. */
  readonly step: number;
  /** The settings as saved. */
  readonly config: Json;
  /** Facts that the kind of run adds: strings by name. */
  readonly facts: Readonly<Record<string, string>>;
  /** Losses read but not yet recorded, as JSON; absent in what no run saved. */
  readonly window?: string;
}

/** Point at which a run begins or goes on. */
export interface LoopStart {
  /** Updates done. */
  readonly step: number;
  /** Losses read but not yet recorded. */
  readonly window: LossWindow;
}

/** The start of a new run. */
export const BEGINNING: LoopStart = { step: 0, window: { names: [], rows: [] } };

/** Point at which a run goes on from a checkpoint. */
export function startOf({ step, window }: Pick<RunCheckpoint, "step" | "window">): LoopStart {
  return { step, window: JSON.parse(window ?? '{"names":[],"rows":[]}') };
}

/** Saves a checkpoint: tensors, settings, step and losses not yet recorded, and what the learner says. */
export async function saveRunCheckpoint(
  folder: RunFolder<RunConfig>,
  step: number,
  log: LossLog,
  learner: { tensors(): Map<string, Tensor>; facts(): Readonly<Record<string, string>> },
): Promise<void> {
  // A checkpoint promises the records up to its step.
  log.sync();
  const metadata = checkpointMetadata(step, folder.config, { ...learner.facts(), window: JSON.stringify(log.window) });
  await folder.saveCheckpoint(step, await saveTensors(learner.tensors(), metadata));
}

/** A checkpoint's metadata. Facts may replace the settings, where a model has other sizes than its run asked for. */
export function checkpointMetadata(
  step: number,
  config: RunConfig,
  facts: Readonly<Record<string, string>>,
): Record<string, string> {
  return { kind: config.kind, step: String(step), config: JSON.stringify(config), ...facts };
}

const metadataSchema = z.looseObject({
  kind: z.string().optional(),
  step: z.coerce.number().int(),
  config: z.string().transform((text, context): Json => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: "is not JSON" });
      return z.NEVER;
    }
  }),
  window: z.string().optional(),
});

/**
 * Reads a checkpoint file, or the newest whole one of a run's folder; `onBroken` is called for each one passed over.
 *
 * @throws {UserError} when there is none, or it is broken or of another kind of run.
 */
export async function readRunCheckpoint(
  file: string,
  kinds: readonly Pick<RunKind, "kind" | "owns">[],
  onBroken?: (path: string, reason: string) => void,
): Promise<RunCheckpoint> {
  const isFolder = await Deno.stat(file).then((info) => info.isDirectory, () => false);
  return parseRunCheckpoint(isFolder ? await newestCheckpointOf(file, onBroken) : await readWhole(file), kinds);
}

/** A checkpoint file's contents by name. Throws {@link UserError} where it is of none of `kinds`. */
export function parseRunCheckpoint(
  { path, bytes, tensors, metadata }: CheckpointFile,
  kinds: readonly Pick<RunKind, "kind" | "owns">[],
): RunCheckpoint {
  const parsed = metadataSchema.safeParse(metadata);
  if (!parsed.success) throw notOfARun(path, parsed.error);
  const { kind: _, step, config, window, ...facts } = parsed.data;
  if (!kindOf(config, kinds)) {
    throw new UserError(
      `${path}: is a checkpoint of another kind of run than ${kinds.map((k) => k.kind).join(" or ")}`,
    );
  }
  return {
    path,
    bytes,
    tensors,
    step,
    config,
    facts: facts as Record<string, string>,
    ...window === undefined ? {} : { window },
  };
}

/** The complaint about a checkpoint whose settings or facts do not pass a schema. */
export function notOfARun(path: string, error: z.ZodError): UserError {
  const [issue] = error.issues;
  return new UserError(`${path}: is no checkpoint of a training run (${issue.path.join(".")}: ${issue.message})`);
}

async function readWhole(path: string): Promise<CheckpointFile> {
  const bytes = await Deno.readFile(path).catch((error: unknown) => {
    const missing = error instanceof Deno.errors.NotFound;
    throw new UserError(`${path}: ${missing ? "there is no such checkpoint" : (error as Error).message}`);
  });
  try {
    return { path, bytes, ...decodeSafetensors(bytes) };
  } catch (error) {
    if (error instanceof SafetensorsError) {
      throw new UserError(`${path}: is no whole checkpoint of a training run (${error.message})`);
    }
    throw error;
  }
}
