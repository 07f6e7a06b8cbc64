/**
 * Copies of an HDF5 file in the making. An interruption may break the copy that is written to, so whole copies are saved now
 * and then, and only the whole file gets its own name. Callers hold the output's lock.
 */
import { basename, dirname, join } from "node:path";
import { explainWriteError } from "../../../engine/base/atomic.ts";
import { crc32c } from "../../../engine/base/crc32c.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { Hdf5 } from "../../formats/hdf5.ts";
import { createRefexpFile, RefexpFile, type RefexpFileSettings, settingsOf } from "./refexp_file.ts";

/** Rows of an output that exist already. */
export interface Found {
  /** Rows after which encoding can go on. */
  readonly rows: number;
  /** Rows under the file's own name. */
  readonly whole: number;
  /** True where these rows have neither programs nor masks. */
  readonly wordsAlone: boolean;
  /** The last of these rows. */
  readonly last: { readonly refexp: readonly number[]; readonly image: number } | null;
  /** The file that holds them; null where there is none. */
  readonly path: string | null;
}

/**
 * Rows of `output` that exist: those of the whole file, or those that an interrupted run saved if they are more.
 *
 * @throws {UserError} when the whole file was made with other settings.
 */
export async function findOutput(output: string, settings: RefexpFileSettings): Promise<Found> {
  const whole = await inspect(output, settings, true);
  // A copy that cannot be read is ignored.
  const kept = await inspect(savedPath(output), settings, false).catch(() => null);
  const best = kept && kept.rows > (whole?.rows ?? -1) ? kept : whole;
  return { rows: 0, wordsAlone: false, last: null, path: null, ...best, whole: whole?.rows ?? 0 };
}

/** Makes the copy to write to, with the rows found, and returns its path. */
export async function beginOutput(
  output: string,
  found: Found,
  settings: RefexpFileSettings,
  programs = true,
): Promise<string> {
  const path = workingPath(output);
  try {
    if (found.path) await Deno.copyFile(found.path, path);
    else await createRefexpFile(path, settings, { named: output, programs });
  } catch (error) {
    throw explainWriteError(output, error);
  }
  return path;
}

/** Keeps a copy of the closed file, from which an interrupted run can go on; it is read back first. */
export async function saveOutput(output: string, written: Written): Promise<void> {
  await readBack(output, written);
  await Deno.rename(workingPath(output), savedPath(output));
  await Deno.copyFile(savedPath(output), workingPath(output));
}

/** Gives the closed file its name, once it was read back. */
export async function publishOutput(output: string, written: Written): Promise<void> {
  await readBack(output, written);
  using file = await Deno.open(workingPath(output), { read: true, write: true });
  await file.sync();
  await Deno.rename(workingPath(output), output);
  await Deno.remove(savedPath(output)).catch(() => {});
}

/** Masks written to the file since it was last read back: which rows, and their checksum in order. */
export interface Written {
  readonly from: number;
  readonly to: number;
  readonly crc: number;
}

/** Throws {@link UserError} where the file does not give back what was written. */
async function readBack(output: string, { from, to, crc }: Written): Promise<void> {
  using rows = await RefexpFile.open(workingPath(output), output);
  if (rows.size !== to) throw new UserError(`${output}: has ${rows.size} rows, ${to} were written; run this again`);
  let found = 0;
  for (let row = from; row < to && !rows.wordsAlone; row++) found = crc32c(rows.mask(row), found);
  if (found !== crc) throw new UserError(`${output}: answers: read otherwise than they were written; run this again`);
}

/** Rows of a file that these settings made; null where there is none, or only a left-over of others. */
async function inspect(path: string, settings: RefexpFileSettings, own: boolean): Promise<Omit<Found, "whole"> | null> {
  if (!(await Deno.stat(path).then(() => true, () => false))) return null;
  {
    using file = await Hdf5.open(path);
    const found = settingsOf(file);
    const wrong = (Object.keys(settings) as (keyof RefexpFileSettings)[]).find((key) => found?.[key] !== settings[key]);
    if (wrong) {
      if (!own) return null;
      const what = wrong === "vocabulary" ? "another vocabulary" : `${wrong} ${found?.[wrong]}, not ${settings[wrong]}`;
      throw new UserError(
        `${path}: was made with ${found ? what : "another program"}; remove it or choose another name`,
      );
    }
  }
  using rows = await RefexpFile.open(path);
  const at = rows.size - 1;
  const last = at < 0 ? null : {
    refexp: [...rows.refexps.subarray(at * rows.refexpLength, (at + 1) * rows.refexpLength)],
    image: rows.images[at],
  };
  return { rows: rows.size, wordsAlone: rows.wordsAlone, last, path };
}

function workingPath(output: string): string {
  return join(dirname(output), `.${basename(output)}.working`);
}

function savedPath(output: string): string {
  return join(dirname(output), `.${basename(output)}.saved`);
}
