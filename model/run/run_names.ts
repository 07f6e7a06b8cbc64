/** Names of runs: folders for new ones, the one worked on last, and what a folder is that is no run's. */
import { isAbsolute, join, relative, sep } from "node:path";
import { explainWriteError } from "../../engine/base/atomic.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { kindOf, type RunKind } from "./kind.ts";
import { fileLayer } from "./layers.ts";

/** File that marks an experiment's folder, which holds runs. */
export const EXPERIMENT_FILE = "experiment.json";

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

/**
 * Begins something in a folder under `root`: the one named, or a new one, `<stem>-1`, `<stem>-2` and so on, that no other
 * process takes meanwhile. Where beginning fails, a new folder that is still empty is taken away again.
 */
export async function inRunFolder<T>(
  root: string,
  name: string | undefined,
  stem: string,
  begin: (path: string) => Promise<T>,
): Promise<T> {
  if (name !== undefined) return await begin(runPath(root, name));
  const made = exists(root) ? [] : [root], path = claim(root, stem);
  try {
    return await begin(path);
  } catch (error) {
    for (const folder of [path, ...made]) removeIfEmpty(folder);
    throw error;
  }
}

/** Makes the first folder of `<stem>-1`, `<stem>-2`, … that is not there. */
function claim(root: string, stem: string): string {
  try {
    Deno.mkdirSync(root, { recursive: true });
    for (let n = 1;; n++) {
      const path = join(root, `${stem}-${n}`);
      try {
        Deno.mkdirSync(path);
        return path;
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      }
    }
  } catch (error) {
    throw explainWriteError(root, error);
  }
}

function removeIfEmpty(folder: string): void {
  try {
    Deno.removeSync(folder);
  } catch {
    // Something is in it by now, or it is gone.
  }
}

/** Throws {@link UserError} where a folder is no run's: `complaint`, or the runs of the experiment that it is. */
export function requireRun(path: string, complaint = "is no run's folder"): void {
  if (exists(join(path, "config.json"))) return;
  if (!exists(join(path, EXPERIMENT_FILE))) throw new UserError(`${path}: ${complaint}, config.json is missing`);
  const runs = runsIn(path);
  throw new UserError(
    `${path}: is an experiment of several runs${
      runs.length > 0 ? `; name one of them: ${runs.join(", ")}` : ", none of which has begun"
    }`,
  );
}

/** Paths of the runs in an experiment's folder. */
export function runsIn(experiment: string): string[] {
  return [...Deno.readDirSync(experiment)].map(({ name }) => join(experiment, name))
    .filter((path) => exists(join(path, "config.json"))).sort();
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
  const [metrics, config, experiment] = ["metrics.jsonl", "config.json", EXPERIMENT_FILE].map((n) => join(path, n));
  if (exists(config)) return isOf(config, kinds) ? time(exists(metrics) ? metrics : config) : null;
  if (!exists(experiment)) return null;
  const runs = runsIn(path).map((run) => ({ time: lastWorkedOn(run, kinds) }));
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

/** True where there is something at `path`. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
