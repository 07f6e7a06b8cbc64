/** `runs/<name>/`: all there is to know of a training run, and the checkpoints it can go on from. */
import { join } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { checkSafetensors, firstNonFinite } from "../../engine/internal.ts";
import { decodeSafetensors, SafetensorsError, type SafetensorsTensor } from "../../engine/mod.ts";
import {
  type AtomicOptions,
  explainWriteError,
  isPartial,
  removePartialFiles,
  writeFileAtomic,
} from "../../engine/base/atomic.ts";
import { writeJsonAtomic } from "../../engine/base/atomic.ts";
import { readBytes } from "../../engine/base/files.ts";
import { expectKind, type RunKind } from "./kind.ts";
import { fileLayer, fromHere, type Json, type Layer } from "./layers.ts";
import type { RunConfig } from "./run_config.ts";
import { exists, requireRun } from "./run_names.ts";

const CHECKPOINT = /^step_(\d{8})\.safetensors$/;
/** The checkpoint of the best validation, beside those that the run goes on from. */
const BEST = "best.safetensors";
const LOCK = ".lock";

/** A whole checkpoint file, decoded; its tensors are views of `bytes`. */
export interface CheckpointFile {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** True where it carries a checksum. */
  readonly checked: boolean;
}

/** A run's folder, held by one process at a time; of several ranks, by the first, and the others know of it. */
export class RunFolder<C extends RunConfig> implements Disposable {
  /** Path of the folder. */
  readonly path: string;
  /** The run's settings. */
  readonly config: C;
  /** Null where another rank holds the folder. */
  readonly #lock: Deno.FsFile | null;
  /** The settings in its file; null where this process began the run, which wrote them. */
  readonly #saved: Json | null;

  private constructor(path: string, config: C, lock: Deno.FsFile | null, saved: Json | null) {
    this.path = path;
    this.config = config;
    this.#lock = lock;
    this.#saved = saved;
  }

  /** Begins a run of a kind with the settings of `layers`. Throws {@link UserError} when `path` holds anything already. */
  static async create<C extends RunConfig>(
    path: string,
    layers: readonly Layer[],
    kind: RunKind<C>,
  ): Promise<RunFolder<C>> {
    const config = kind.begin(fromHere(layers, kind.paths));
    makeFolder(path);
    const lock = takeLock(path);
    try {
      for (const { name } of Deno.readDirSync(path)) {
        if (name === LOCK || isPartial(name) || (name === "checkpoints" && isEmpty(join(path, name)))) continue;
        throw new UserError(`${path}: there is a run already; go on with it by --resume, or choose another --name`);
      }
      await removePartialFiles(path);
      makeFolder(join(path, "checkpoints"));
      await writeJsonAtomic(join(path, "config.json"), config);
    } catch (error) {
      lock.close();
      throw error;
    }
    return new RunFolder(path, config, lock, null);
  }

  /**
   * Opens a run to go on with. Throws {@link UserError} when there is none, it is of another kind, or `layers` would make it
   * another run.
   */
  static async resume<C extends RunConfig>(
    path: string,
    layers: readonly Layer[],
    kind: RunKind<C>,
  ): Promise<RunFolder<C>> {
    const file = join(path, "config.json");
    requireRun(path, "there is no run to resume");
    const saved = fileLayer(file);
    expectKind(saved, kind);
    const config = kind.resume(saved, fromHere(layers, kind.paths));
    const lock = takeLock(path);
    try {
      makeFolder(join(path, "checkpoints"));
      await removePartialFiles(path);
      await removePartialFiles(join(path, "checkpoints"));
    } catch (error) {
      lock.close();
      throw error;
    }
    return new RunFolder(path, config, lock, saved.value);
  }

  /** A run whose folder another rank holds: nothing is read there, and what would be written is not. */
  static following<C extends RunConfig>(path: string, config: C): RunFolder<C> {
    return new RunFolder(path, config, null, null);
  }

  /** Keeps the settings that the run goes on with; done once its data and models fit, so that a refused change leaves none. */
  async keepSettings(): Promise<void> {
    if (this.#saved === null || this.#lock === null || JSON.stringify(this.config) === JSON.stringify(this.#saved)) {
      return;
    }
    await writeJsonAtomic(this.file("config.json"), this.config);
  }

  /** True where this process began the run, false where it goes on with one. */
  get began(): boolean {
    return this.#saved === null;
  }

  /** A path inside the folder. */
  file(name: string): string {
    return join(this.path, name);
  }

  /** The newest checkpoint that is whole and finite; null when there is none. `onBroken` is called for each one passed over. */
  async newestCheckpoint(onBroken: (path: string, reason: string) => void = () => {}): Promise<CheckpointFile | null> {
    return await newestWhole(this.path, onBroken);
  }

  /** Saves a checkpoint and removes those beyond the newest `checkpointKeep`, once it is on disk and was read back. */
  async saveCheckpoint(step: number, bytes: Uint8Array, options: AtomicOptions = {}): Promise<string> {
    const path = join(this.path, "checkpoints", `step_${String(step).padStart(8, "0")}.safetensors`);
    await writeFileAtomic(path, bytes, { check: checkSafetensors, ...options });
    this.removeOld(step);
    return path;
  }

  /**
   * Removes checkpoints beyond the newest `checkpointKeep` up to the whole one of `step`. A process that was killed may have
   * left one too many.
   */
  removeOld(step: number): void {
    if (this.#lock === null) return;
    // A folder that has the name of a checkpoint is somebody's, and none of those to keep.
    const own = listCheckpoints(this.path).filter((found) => found.step <= step && Deno.statSync(found.path).isFile);
    for (const { path } of own.slice(0, -this.config.checkpointKeep)) Deno.removeSync(path);
  }

  /** Saves the checkpoint of the best validation in place of the one before. */
  async saveBest(bytes: Uint8Array, options: AtomicOptions = {}): Promise<void> {
    await writeFileAtomic(bestPath(this.path), bytes, { check: checkSafetensors, ...options });
  }

  /** The checkpoint of the best validation; null where there is none that is whole, as `onBroken` then says. */
  async bestCheckpoint(onBroken: (path: string, reason: string) => void = () => {}): Promise<CheckpointFile | null> {
    return exists(bestPath(this.path)) ? await wholeOf(bestPath(this.path), onBroken) : null;
  }

  /**
   * Removes the folder again if this process began the run and nothing was recorded in it yet: a data set that is not there
   * should not use up the run's name. Returns whether it did.
   */
  async discardIfUnused(): Promise<boolean> {
    if (this.#lock === null) return false;
    const metrics = this.file("metrics.jsonl");
    const recorded = listCheckpoints(this.path).length > 0 || (exists(metrics) && Deno.statSync(metrics).size > 0);
    if (!this.began || recorded) return false;
    await Deno.remove(this.path, { recursive: true });
    return true;
  }

  /** Lets another process have the run. */
  close(): void {
    this.#lock?.close();
  }

  /** Same as {@link RunFolder.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * The newest whole checkpoint of a run. Nothing is written or locked: the run may be in training.
 *
 * @throws {UserError} when the folder is no run's or has none.
 */
export async function newestCheckpointOf(
  run: string,
  onBroken: (path: string, reason: string) => void = () => {},
): Promise<CheckpointFile> {
  requireRun(run);
  const newest = await newestWhole(run, onBroken);
  if (newest === null) throw new UserError(`${run}: there is no checkpoint yet`);
  return newest;
}

/**
 * The checkpoint of a run's best validation, or where it keeps none, or for `newest`, its newest whole one.
 *
 * @throws {UserError} when the folder is no run's or has none.
 */
export async function chosenCheckpointOf(
  run: string,
  onBroken: (path: string, reason: string) => void = () => {},
  { newest = false }: { readonly newest?: boolean } = {},
): Promise<CheckpointFile> {
  requireRun(run);
  const best = !newest && exists(bestPath(run)) ? await wholeOf(bestPath(run), onBroken) : null;
  return best ?? await newestCheckpointOf(run, onBroken);
}

/**
 * Path of a file of weights: `path`, or of a run's folder its best whole checkpoint, or its newest where it keeps no best.
 *
 * @throws {UserError} where a folder is no run's or has none.
 */
export async function checkpointPath(
  path: string,
  onBroken?: (path: string, reason: string) => void,
): Promise<string> {
  const isFolder = await Deno.stat(path).then((info) => info.isDirectory, () => false);
  return isFolder ? (await chosenCheckpointOf(path, onBroken)).path : path;
}

async function newestWhole(
  run: string,
  onBroken: (path: string, reason: string) => void,
): Promise<CheckpointFile | null> {
  for (const { path } of listCheckpoints(run).reverse()) {
    const found = await wholeOf(path, onBroken);
    if (found) return found;
  }
  return null;
}

/** A checkpoint that is whole and finite; null for one that is not, as `onBroken` then says. */
async function wholeOf(
  path: string,
  onBroken: (path: string, reason: string) => void,
): Promise<CheckpointFile | null> {
  try {
    const bytes = await readBytes(path);
    const found = { path, bytes, ...decodeSafetensors(bytes) };
    const wrong = firstNonFinite(found.tensors);
    if (!wrong) return found;
    onBroken(path, `"${wrong.name}" holds ${wrong.value}`);
  } catch (error) {
    if (!(error instanceof SafetensorsError || error instanceof UserError)) throw error;
    onBroken(path, error.message.replace(`${path}: `, ""));
  }
  return null;
}

/** Path of the checkpoint of a run's best validation. */
function bestPath(run: string): string {
  return join(run, "checkpoints", BEST);
}

/** Checkpoints of a run, oldest first, whole or not. */
export function listCheckpoints(run: string): { readonly path: string; readonly step: number }[] {
  const folder = join(run, "checkpoints");
  if (!exists(folder)) return [];
  return [...Deno.readDirSync(folder)]
    .flatMap(({ name }) => {
      const step = CHECKPOINT.exec(name)?.[1];
      return step === undefined ? [] : [{ path: join(folder, name), step: Number(step) }];
    })
    .sort((a, b) => a.step - b.step);
}

/** The lock is the operating system's: it goes with the process that holds it, however that ends. */
function takeLock(path: string): Deno.FsFile {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(join(path, LOCK), { write: true, create: true });
  } catch (error) {
    throw explainWriteError(path, error);
  }
  if (file.tryLockSync(true)) return file;
  file.close();
  throw new UserError(`${path}: another process is working on this run; wait for it or choose another --name`);
}

/** Makes a folder and those above it. Throws {@link UserError} where it cannot be. */
export function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw explainWriteError(path, error);
  }
}

/** True where nothing is in a folder. */
export function isEmpty(folder: string): boolean {
  return [...Deno.readDirSync(folder)].length === 0;
}
