/** Space on a disk: how much there is, and how much a fetch takes. */
import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Bytes that a user may still write where a folder is or will be; null where the system does not say. */
export async function freeBytes(folder: string): Promise<number | null> {
  for (let at = resolve(folder);; at = dirname(at)) {
    try {
      const { bavail, bsize } = await statfs(at);
      return bavail * bsize;
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      if (code !== "ENOENT" && code !== "ENOTDIR" || dirname(at) === at) return null;
    }
  }
}

/** One file of a fetch, in bytes. */
export interface Step {
  /** Bytes still to download. */
  readonly download: number;
  /** Bytes of what is unpacked from it; 0 for a file that is taken as it is. */
  readonly unpacked: number;
  /** True where the archive is removed once it is unpacked. */
  readonly removed: boolean;
  /** Bytes of the archive that are there already and are removed with it. */
  readonly there: number;
}

/** Bytes that must be free before the first step, since one archive after another is fetched, unpacked and removed. */
export function spaceFor(steps: readonly Step[]): number {
  let used = 0, most = 0;
  for (const { download, unpacked, removed, there } of steps) {
    most = Math.max(most, used + download + unpacked);
    used += unpacked + (removed ? -there : download);
  }
  return Math.max(most, used);
}
