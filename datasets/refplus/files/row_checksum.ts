/** Checksums of rows of features: over the bytes of a row, its number, and what all rows have in common. */
import { crc32c } from "../../../engine/base/crc32c.ts";

/** Name of the checksum in a file. */
export const CHECKSUM = "CRC-32C of extractor, shape, row and values";

const encoder = new TextEncoder();

/**
 * CRC-32C of the row `index` of features by these settings: of `["extractor",channels,rows,columns,index]` as JSON and the
 * values as little-endian float32. So a row at another's place, and settings that changed, do not fit either.
 */
export function rowChecksum(
  values: Float32Array,
  { extractor, shape }: { readonly extractor: string; readonly shape: readonly number[] },
  index: number,
): number {
  const head = encoder.encode(JSON.stringify([extractor, ...shape, index]));
  return crc32c(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), crc32c(head));
}
