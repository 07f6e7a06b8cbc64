/** Messages on files that are broken or missing, as a set is opened. */
import { join } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { Listing } from "../../engine/base/files.ts";
import type { OpenHooks } from "./cache.ts";
import { Spelling } from "./spelling.ts";
import type { Findings, SplitTable } from "./table.ts";

/** Named one by one; more are counted. */
const NAMED = 20;

/** Reports what was left out, a message for each, up to {@link NAMED}. */
export function reportBroken({ missing, broken }: Findings, { onMessage }: OpenHooks): void {
  const all = [
    ...missing.map((path) => `${path}: is missing`),
    ...broken.map(({ path, reason }) => `${path}: ${reason}`),
  ];
  for (const text of all.slice(0, NAMED)) onMessage?.(`left out ${text}`);
  if (all.length > NAMED) onMessage?.(`left out ${all.length - NAMED} more; \`itera data check\` counts all`);
}

/**
 * Refuses a table from which something was left out.
 *
 * @throws {UserError} naming the first of it, and how much more there is.
 */
export function refuseBroken({ broken: [first, ...others] }: Findings): void {
  if (!first) return;
  const more = others.length > 0 ? `, and ${others.length} more` : "";
  throw new UserError(`${first.path}: ${first.reason}${more}; --skip-broken leaves out what cannot be read`);
}

/** A table with its pictures' paths as the folder spells them, and those that are not there. */
export function locatePictures(
  folder: string,
  table: SplitTable,
): { readonly table: SplitTable; readonly missing: readonly string[] } {
  const listing = new Listing(), spelling = new Spelling(folder), missing: string[] = [];
  let other = false;
  const paths = table.paths.map((path) => {
    if (listing.has(join(folder, path))) return path;
    const found = spelling.find(path);
    if (found === null) missing.push(path);
    else other = true;
    return found ?? path;
  });
  return { table: other ? { ...table, paths } : table, missing };
}

/**
 * Refuses a split whose pictures are not all there.
 *
 * @throws {UserError} naming the first missing one and the file that names it.
 */
export function requirePictures(
  folder: string,
  [missing]: readonly string[],
  namedIn: (path: string) => string,
): void {
  if (missing === undefined) return;
  throw new UserError(
    `${join(folder, missing)}: is named in ${namedIn(missing)} but missing; --skip-broken leaves such images out`,
  );
}
