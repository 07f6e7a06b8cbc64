/** The block an HDF5 file begins with, as far as it shows whether the file is complete. */

const SIGNATURE = "\x89HDF\r\n\x1a\n";

/** Bytes from the start of a file in which the longest such block ends. */
export const SUPERBLOCK = 128;

/** True where `start` is the start of an HDF5 file. */
export function isHdf5(start: Uint8Array): boolean {
  return String.fromCharCode(...start.subarray(0, SIGNATURE.length)) === SIGNATURE;
}

/** Size of the complete file by its `start`; Infinity where that is cut short, null for unknown versions. */
export function statedSize(start: Uint8Array): number | null {
  const version = start[SIGNATURE.length];
  if (version > 3) return null;
  // The third address is the file's end; how wide addresses are, and where the first is, depends on the version.
  const [width, first] = version < 2 ? [start[13], version === 0 ? 24 : 28] : [start[9], 12];
  const end = start.subarray(first + 2 * width, first + 3 * width);
  return end.length > 0 && end.length === width ? end.reduceRight((sum, byte) => 256 * sum + byte, 0) : Infinity;
}
