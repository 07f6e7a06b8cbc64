/** Checkpoints of runs: tensors, the settings whole, and what a kind of run says beside them. One reader, one writer. */
import { z } from "../../engine/base/packages/zod.ts";
import { writeFileAtomic } from "../../engine/base/atomic.ts";
import { readBytes } from "../../engine/base/files.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { firstNonFinite, readTensors } from "../../engine/internal.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  SafetensorsError,
  type SafetensorsTensor,
  type Tensor,
} from "../../engine/mod.ts";
import { bestSchema, type BestSoFar } from "./best.ts";
import { jsonText } from "./json_metadata.ts";
import { kindOf, type RunKind } from "./kind.ts";
import type { Json } from "./layers.ts";
import type { LossLog, LossWindow } from "./logs/loss_log.ts";
import { MetricsLog } from "./logs/metrics_log.ts";
import { metricsTable } from "./logs/metrics_table.ts";
import type { RunConfig } from "./run_config.ts";
import { expectEqual } from "./ranks/exchange.ts";
import type { Ranks } from "./ranks/ranks.ts";
import { type CheckpointFile, chosenCheckpointOf, type RunFolder } from "./run_folder.ts";

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
  /** Losses read but not yet recorded; absent in what no run saved. */
  readonly window?: LossWindow;
  /** Length and checksum of the log it goes with; absent in what earlier versions saved. */
  readonly records?: string;
  /** The best validation up to here; absent where the run keeps no best checkpoint. */
  readonly best?: BestSoFar;
  /** True where the file carries a checksum. */
  readonly checked: boolean;
}

/** Point at which a run begins or goes on. */
export interface LoopStart {
  /** Updates done. */
  readonly step: number;
  /** Losses read but not yet recorded. */
  readonly window: LossWindow;
  /** Length and checksum of the log that belongs to it. */
  readonly records?: string;
  /** The best validation so far. */
  readonly best?: BestSoFar;
}

/** The start of a new run. */
export const BEGINNING: LoopStart = { step: 0, window: { names: [], rows: [] } };

/** Point at which a run goes on from a checkpoint. */
export function startOf(
  { step, window, records, best }: Pick<RunCheckpoint, "step" | "window" | "records" | "best">,
): LoopStart {
  const own = { ...records === undefined ? {} : { records }, ...best === undefined ? {} : { best } };
  return { step, window: window ?? BEGINNING.window, ...own };
}

/**
 * Saves a checkpoint: tensors, settings, step and losses not yet recorded, and what the learner says; among those that a run
 * goes on from, as the best of its validations, or as both.
 *
 * Of several ranks the first saves; all have the same.
 *
 * @throws {UserError} where a number is not finite, or ranks differ: the checkpoints before are whole, and this one would not be.
 */
export async function saveRunCheckpoint(
  folder: RunFolder<RunConfig>,
  step: number,
  log: LossLog,
  learner: { tensors(): Map<string, Tensor>; facts(): Readonly<Record<string, string>> },
  { best = null, as = ["step"], ranks }: {
    readonly best?: BestSoFar | null;
    readonly as?: readonly ("step" | "best")[];
    readonly ranks?: Ranks | null | undefined;
  } = {},
): Promise<void> {
  if (ranks && ranks.rank > 0) {
    return await expectEqual(ranks, step, await readTensors(learner.tensors()), learner.facts());
  }
  // A checkpoint promises the records up to its step, and their table.
  log.sync();
  await writeFileAtomic(folder.file("metrics.csv"), metricsTable(MetricsLog.read(folder.file("metrics.jsonl"))));
  const metadata = checkpointMetadata(step, folder.config, {
    ...learner.facts(),
    window: JSON.stringify(log.window),
    records: log.records,
    ...best === null ? {} : { best: JSON.stringify(best) },
  });
  const tensors = await readTensors(learner.tensors());
  const wrong = firstNonFinite(tensors);
  if (wrong) throw notFinite(`"${wrong.name}" holds ${wrong.value} after step ${step}`);
  if (ranks) await expectEqual(ranks, step, tensors, learner.facts());
  const bytes = encodeSafetensors(tensors, metadata, { checksum: true });
  if (as.includes("best")) await folder.saveBest(bytes);
  if (as.includes("step")) await folder.saveCheckpoint(step, bytes);
}

/** The complaint about a training in which something is no longer finite, `what` and when. */
export function notFinite(what: string): UserError {
  return new UserError(
    `${what}: lower optimiser.rate, lengthen optimiser.warmupSteps or bound gradients by optimiser.clipNorm; ` +
      "checkpoints saved before are whole",
  );
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
  step: jsonText(z.int().min(0)),
  config: jsonText(z.unknown()).transform((config) => config as Json),
  window: jsonText(z.object({ names: z.array(z.string()), rows: z.array(z.array(z.number())) })).optional(),
  records: z.string().optional(),
  best: jsonText(bestSchema).optional(),
});

/**
 * Reads a checkpoint file, or of a run's folder its best one, or where it keeps none, or for `newest`, the newest whole one;
 * `onBroken` is called for each one passed over. `anyNumbers` reads a file whose numbers are not all finite too, to look at it.
 *
 * @throws {UserError} when there is none, or it is broken, holds a number that is not finite, or is of another kind of run.
 */
export async function readRunCheckpoint(
  file: string,
  kinds: readonly Pick<RunKind, "kind" | "owns">[],
  onBroken?: (path: string, reason: string) => void,
  { anyNumbers = false, newest = false }: { readonly anyNumbers?: boolean; readonly newest?: boolean } = {},
): Promise<RunCheckpoint> {
  const isFolder = await Deno.stat(file).then((info) => info.isDirectory, () => false);
  const found = isFolder ? await chosenCheckpointOf(file, onBroken, { newest }) : await readWhole(file);
  if (!anyNumbers) requireFinite(found);
  return parseRunCheckpoint(found, kinds);
}

/** Throws {@link UserError} naming file and tensor where a number is not finite. */
export function requireFinite({ path, tensors }: Pick<CheckpointFile, "path" | "tensors">): void {
  const wrong = firstNonFinite(tensors);
  if (!wrong) return;
  throw new UserError(`${path}: "${wrong.name}" holds ${wrong.value}; take a checkpoint of before the training failed`);
}

/** A checkpoint file's contents by name. Throws {@link UserError} where it is of none of `kinds`. */
export function parseRunCheckpoint(
  { path, bytes, tensors, metadata, checked }: CheckpointFile,
  kinds: readonly Pick<RunKind, "kind" | "owns">[],
): RunCheckpoint {
  const parsed = metadataSchema.safeParse(metadata);
  if (!parsed.success) throw notOfARun(path, parsed.error);
  const { kind: _, step, config, window, records, best, ...facts } = parsed.data;
  // Whatever states its log was written with a checksum too.
  if (records !== undefined && !checked) throw new UserError(`${path}: has lost its checksum, so it is damaged`);
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
    checked,
    ...window === undefined ? {} : { window },
    ...records === undefined ? {} : { records },
    ...best === undefined ? {} : { best },
  };
}

/** The complaint about a checkpoint whose settings or facts do not pass a schema. */
export function notOfARun(path: string, error: z.ZodError): UserError {
  const [issue] = error.issues;
  return new UserError(`${path}: is no checkpoint of a training run (${issue.path.join(".")}: ${issue.message})`);
}

async function readWhole(path: string): Promise<CheckpointFile> {
  const bytes = await readBytes(path, "there is no such checkpoint");
  try {
    return { path, bytes, ...decodeSafetensors(bytes) };
  } catch (error) {
    if (error instanceof SafetensorsError) {
      throw new UserError(`${path}: is no whole checkpoint of a training run (${error.message})`);
    }
    throw error;
  }
}
