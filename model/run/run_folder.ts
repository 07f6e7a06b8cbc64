/** `runs/<name>/`: all there is to know of a training run, and the checkpoints it can go on from. */
import { isAbsolute, join, relative, sep } from "node:path";
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
import { explainReadError } from "../../engine/base/files.ts";
import { expectKind, kindOf, type RunKind } from "./kind.ts";
import { fileLayer, type Layer } from "./layers.ts";
import type { RunConfig } from "./run_config.ts";

const CHECKPOINT = /^step_(\d{8})\.safetensors$/;
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

/** A run's folder, held by one process at a time. */
export class RunFolder<C extends RunConfig> implements Disposable {
  /** Path of the folder. */
  readonly path: string;
  /** The run's settings. */
  readonly config: C;
  readonly #lock: Deno.FsFile;
  /** True where this process began the run. */
  readonly #began: boolean;

  private constructor(path: string, config: C, lock: Deno.FsFile, began: boolean) {
    this.path = path;
    this.config = config;
    this.#lock = lock;
    this.#began = began;
  }

  /** Begins a run of a kind with the settings of `layers`. Throws {@link UserError} when `path` holds anything already. */
  static async create<C extends RunConfig>(
    path: string,
    layers: readonly Layer[],
    kind: RunKind<C>,
  ): Promise<RunFolder<C>> {
    const config = kind.begin(layers);
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
    return new RunFolder(path, config, lock, true);
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
    if (!exists(file)) throw new UserError(`${path}: there is no run to resume, config.json is missing`);
    const saved = fileLayer(file);
    expectKind(saved, kind);
    const config = kind.resume(saved, layers);
    const lock = takeLock(path);
    try {
      makeFolder(join(path, "checkpoints"));
      await removePartialFiles(path);
      await removePartialFiles(join(path, "checkpoints"));
      if (JSON.stringify(config) !== JSON.stringify(saved.value)) await writeJsonAtomic(file, config);
    } catch (error) {
      lock.close();
      throw error;
    }
    return new RunFolder(path, config, lock, false);
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
    // A folder that has the name of a checkpoint is somebody's, and none of those to keep.
    const own = listCheckpoints(this.path).filter((found) => found.step <= step && Deno.statSync(found.path).isFile);
    const old = own.slice(0, -this.config.checkpointKeep);
    for (const { path } of old) Deno.removeSync(path);
    return path;
  }

  /**
   * Removes the folder again if this process began the run and nothing was recorded in it yet: a data set that is not there
   * should not use up the run's name. Returns whether it did.
   */
  async discardIfUnused(): Promise<boolean> {
    const metrics = this.file("metrics.jsonl");
    const recorded = listCheckpoints(this.path).length > 0 || (exists(metrics) && Deno.statSync(metrics).size > 0);
    if (!this.#began || recorded) return false;
    await Deno.remove(this.path, { recursive: true });
    return true;
  }

  /** Lets another process have the run. */
  close(): void {
    this.#lock.close();
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
  if (!exists(join(run, "config.json"))) throw new UserError(`${run}: is no run's folder, config.json is missing`);
  const newest = await newestWhole(run, onBroken);
  if (newest === null) throw new UserError(`${run}: there is no checkpoint yet`);
  return newest;
}

async function newestWhole(
  run: string,
  onBroken: (path: string, reason: string) => void,
): Promise<CheckpointFile | null> {
  for (const { path } of listCheckpoints(run).reverse()) {
    try {
      const bytes = await Deno.readFile(path).catch((error: unknown) => {
        throw explainReadError(path, error);
      });
      const found = { path, bytes, ...decodeSafetensors(bytes) };
      const wrong = firstNonFinite(found.tensors);
      if (!wrong) return found;
      onBroken(path, `"${wrong.name}" holds ${wrong.value}`);
    } catch (error) {
      if (!(error instanceof SafetensorsError || error instanceof UserError)) throw error;
      onBroken(path, error.message.replace(`${path}: `, ""));
    }
  }
  return null;
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

/** Folder `name` under `root`. Throws {@link UserError} for a name that leads out of it. */
export function runPath(root: string, name: string): string {
  const path = join(root, name), inside = relative(root, path);
  if (isAbsolute(name) || name.includes("\0") || inside === "" || inside.split(sep)[0] === "..") {
    throw new UserError(
      `--name ${name}: names no folder inside ${root}; give a plain name, and the folder above by --runs`,
    );
  }
  return path;
}

/** A name under `root` that no run has: `<stem>-1`, `<stem>-2`, and so on. */
export function freeName(root: string, stem: string): string {
  for (let n = 1;; n++) if (!exists(join(root, `${stem}-${n}`))) return `${stem}-${n}`;
}

/**
 * Name of the run or experiment under `root` that was worked on last, of those of `kinds`. An experiment is of the kind of its
 * runs. Throws {@link UserError} when there is none.
 */
export function latestRun(root: string, kinds: readonly Pick<RunKind, "kind" | "owns">[]): string {
  const runs = !exists(root) ? [] : [...Deno.readDirSync(root)].flatMap(({ name }) => {
    const time = lastWorkedOn(join(root, name), kinds);
    return time === null ? [] : [{ name, time }];
  });
  runs.sort((a, b) => b.time - a.time || (a.name < b.name ? 1 : -1));
  if (runs.length === 0) throw new UserError(`${root}: there is no run to resume`);
  return runs[0].name;
}

/** Time at which a run, or any run of an experiment, last recorded something; null for other folders and kinds. */
function lastWorkedOn(path: string, kinds: readonly Pick<RunKind, "kind" | "owns">[]): number | null {
  const time = (file: string): number => Deno.statSync(file).mtime?.getTime() ?? 0;
  const [metrics, config, experiment] = ["metrics.jsonl", "config.json", "experiment.json"].map((n) => join(path, n));
  if (exists(config)) return isOf(config, kinds) ? time(exists(metrics) ? metrics : config) : null;
  if (!exists(experiment)) return null;
  const runs = [...Deno.readDirSync(path)].flatMap(({ name }) => {
    const file = join(path, name, "config.json");
    return exists(file) ? [{ file, time: lastWorkedOn(join(path, name), kinds) }] : [];
  });
  if (runs.length > 0 && runs.every((run) => run.time === null)) return null;
  return Math.max(time(experiment), ...runs.map((run) => run.time ?? 0));
}

/**
 * True where settings are of one of the kinds; settings that cannot be read count as such, so that going on reports
 * why.
 */
function isOf(config: string, kinds: readonly Pick<RunKind, "kind" | "owns">[]): boolean {
  try {
    return kindOf(fileLayer(config).value, kinds) !== undefined;
  } catch (error) {
    if (error instanceof UserError) return true;
    throw error;
  }
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

function isEmpty(folder: string): boolean {
  return [...Deno.readDirSync(folder)].length === 0;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
