/** Messages on files that are broken or missing, as a set is opened. */
import { join } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { Listing } from "../../engine/base/files.ts";
import type { OpenHooks } from "./cache.ts";
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

/** Pictures of a table that are not there, as paths below `folder`. */
function missingPictures(folder: string, { paths }: SplitTable): string[] {
  const listing = new Listing();
  return paths.filter((path) => !listing.has(join(folder, path)));
}

/**
 * Refuses a table whose pictures are not all there.
 *
 * @throws {UserError} naming the first missing one and the file that names it.
 */
export function requirePictures(folder: string, table: SplitTable, namedIn: (path: string) => string): void {
  const [missing] = missingPictures(folder, table);
  if (missing === undefined) return;
  throw new UserError(
    `${join(folder, missing)}: is named in ${namedIn(missing)} but missing; --skip-broken leaves such images out`,
  );
}
