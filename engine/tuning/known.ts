/** Where measured winners are kept, and which are known from the start. */
import { may, variable } from "../environment.ts";
import { SHIPPED } from "./shipped.ts";
import { formatTuning, parseTuning, type TunedTiling } from "./table.ts";

/**
 * The file of winners: `ITERA_TUNING`, else `itera/tuning.json` in the user's cache. Null where `ITERA_TUNING` is `none` or
 * there is no such folder.
 */
export function tuningPath(): string | null {
  const own = variable("ITERA_TUNING");
  if (own !== undefined) return own === "none" ? null : own;
  const home = variable("HOME");
  const cache = variable("XDG_CACHE_HOME") ?? (home && `${home}/.cache`);
  return cache ? `${cache}/itera/tuning.json` : null;
}

/**
 * Winners in the file; none where there is no file.
 *
 * @throws {EngineError} where the file is no tuning file.
 */
export function readTuning(path: string): TunedTiling[] {
  if (!may("read", path)) return [];
  let text;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    return [];
  }
  return parseTuning(text, path);
}

/** Writes the file beside and renames it: a run that starts meanwhile reads a whole one. */
export function writeTuning(path: string, winners: readonly TunedTiling[]): void {
  const at = path.lastIndexOf("/");
  if (at > 0) Deno.mkdirSync(path.slice(0, at), { recursive: true });
  const partial = `${path}.${Deno.pid}.partial`;
  Deno.writeTextFileSync(partial, formatTuning(winners));
  Deno.renameSync(partial, path);
}

let warned = false;

/** All winners that are known: those of the file, and shipped ones of adapters it says nothing of. A broken file is reported once. */
export function knownTuning(): TunedTiling[] {
  if (variable("ITERA_TUNING") === "none") return [];
  const path = tuningPath();
  if (path === null) return [...SHIPPED];
  try {
    const own = readTuning(path), measured = new Set(own.map(({ adapter }) => adapter));
    return [...SHIPPED.filter(({ adapter }) => !measured.has(adapter)), ...own];
  } catch (error) {
    const text = `${(error as Error).message}; it is ignored: delete it, or run \`itera tune\` again\n`;
    if (!warned) Deno.stderr.writeSync(new TextEncoder().encode(text));
    warned = true;
    return [...SHIPPED];
  }
}
