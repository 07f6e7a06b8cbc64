/** Checksums of files that are larger than memory. */
import { createHash } from "node:crypto";
import { explainReadError } from "../../engine/base/files.ts";
import type { Checksum } from "./addresses.ts";

export type { Checksum };

/** The checksum of a file in hexadecimal. Throws the signal's reason when it is given. */
export async function checksumOf(
  path: string,
  algorithm: Checksum["algorithm"],
  { signal, onProgress }: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((done: number, of: number | null) => void) | undefined;
  } = {},
): Promise<string> {
  const hash = createHash(algorithm), buffer = new Uint8Array(1 << 20);
  try {
    using file = await Deno.open(path);
    const { size } = await file.stat();
    let done = 0;
    for (let read = await file.read(buffer); read !== null; read = await file.read(buffer)) {
      signal?.throwIfAborted();
      hash.update(buffer.subarray(0, read));
      onProgress?.(done += read, size);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw explainReadError(path, error);
  }
  return hash.digest("hex");
}
