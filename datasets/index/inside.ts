/** Names of files that stand in other files: they may not lead out of the folder they belong to. */
import { isAbsolute, normalize } from "node:path";

/** True where `name` is a file below the folder it is looked for in. */
export function isInside(name: string): boolean {
  const path = normalize(name);
  return name !== "" && !isAbsolute(name) && !name.includes("\0") && path !== "." && !/^\.\.(\/|$)/.test(path) &&
    !path.endsWith("/");
}

/** The complaint about a name that is not {@link isInside}. */
export const OUTSIDE = "names a file outside of the pictures' folder";
