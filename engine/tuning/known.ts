/** The file of measured winners, and all that are known. */
import { host } from "../host.ts";
import { SHIPPED } from "./shipped.ts";
import { parseTuning, type TunedTiling } from "./table.ts";

/**
 * The file of winners: `ITERA_TUNING`, else `itera/tuning.json` in the user's cache. Null where `ITERA_TUNING` is `none` or
 * there is no such folder.
 */
export function tuningPath(): string | null {
  const own = host.variable("ITERA_TUNING");
  if (own !== undefined) return own === "none" ? null : own;
  const home = host.variable("HOME");
  const cache = host.variable("XDG_CACHE_HOME") ?? (home && `${home}/.cache`);
  return cache ? `${cache}/itera/tuning.json` : null;
}

/** True unless `ITERA_WINOGRAD` is `none`: convolutions may be computed by Winograd's way. */
export function winogradWanted(): boolean {
  return host.variable("ITERA_WINOGRAD") !== "none";
}

/**
 * Winners in the file; none where there is no file.
 *
 * @throws {EngineError} where the file is no tuning file.
 */
export function readTuning(path: string): TunedTiling[] {
  const text = host.readText(path);
  return text === undefined ? [] : parseTuning(text, path);
}

let warned = false;

/** All known winners: those of the file, and shipped ones of adapters it says nothing of. A broken file is reported once. */
export function knownTuning(): TunedTiling[] {
  if (host.variable("ITERA_TUNING") === "none") return [];
  const path = tuningPath();
  if (path === null) return [...SHIPPED];
  try {
    const own = readTuning(path), measured = new Set(own.map(({ adapter }) => adapter));
    return [...SHIPPED.filter(({ adapter }) => !measured.has(adapter)), ...own];
  } catch (error) {
    if (!warned) host.warn(`${(error as Error).message}; it is ignored: delete it, or run \`itera tune\` again`);
    warned = true;
    return [...SHIPPED];
  }
}
