/** The place of the file of winners and refused kernels, and all that is known. */
import { host } from "../host.ts";
import { SHIPPED } from "./shipped.ts";
import { parseTuning, type TuningFile } from "./file.ts";

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
 * All that is in the file; nothing where there is none.
 *
 * @throws {EngineError} where the file is no tuning file.
 */
export function readTuning(path: string): TuningFile {
  const text = host.readText(path);
  return text === undefined ? { winners: [], refused: [] } : parseTuning(text, path);
}

let warned = false;

/**
 * Refused kernels and winners of the file, and shipped winners of adapters it says nothing of. Nothing where `ITERA_TUNING` is
 * `none`. A broken file is reported once.
 */
export function knownTuning(): TuningFile {
  if (host.variable("ITERA_TUNING") === "none") return { winners: [], refused: [] };
  const path = tuningPath();
  if (path === null) return { winners: [...SHIPPED], refused: [] };
  try {
    const { winners, refused } = readTuning(path), measured = new Set(winners.map(({ adapter }) => adapter));
    return { winners: [...SHIPPED.filter(({ adapter }) => !measured.has(adapter)), ...winners], refused };
  } catch (error) {
    if (!warned) {
      host.warn(
        `${
          (error as Error).message
        }; it is ignored: delete it, or run \`itera tune\` and \`itera doctor --kernels\` again`,
      );
    }
    warned = true;
    return { winners: [...SHIPPED], refused: [] };
  }
}
