/**
 * A parsed split as one file: a line of JSON (what it was made from, names, lengths), then the arrays as they are in
 * memory, then a checksum of all that. It is a cache: whatever is not understood is made again.
 */
import { crc32c, hexadecimal } from "../../engine/base/crc32c.ts";
import type { SplitTable } from "./table.ts";

const MAGIC = "itera-index";
/** Digits of the checksum that a file ends with. */
const DIGITS = 8;
const ARRAYS = ["stamps", "offsets", "sizes", "boxes", "labels"] as const;
const KINDS = {
  stamps: Float64Array,
  offsets: Uint32Array,
  sizes: Uint16Array,
  boxes: Uint16Array,
  labels: Uint16Array,
} as const;

/** The bytes of a table made from `key`. */
export function encodeIndex(key: string, table: SplitTable): Uint8Array<ArrayBuffer> {
  const { classes, ids, paths, findings } = table;
  const lengths = ARRAYS.map((name) => table[name].length);
  const head = JSON.stringify({ format: MAGIC, key, lengths, classes, ids, paths, findings });
  // The head is padded to whole multiples of the widest number, so that the arrays can lie where they are read.
  const text = new TextEncoder().encode(head);
  const start = Math.ceil((text.length + 1) / 8) * 8;
  const total = ARRAYS.reduce((sum, name) => sum + table[name].byteLength, start);
  const bytes = new Uint8Array(total + DIGITS).fill(0x20, 0, start);
  bytes.set(text);
  bytes[start - 1] = 0x0a;
  let at = start;
  for (const name of ARRAYS) {
    const array = table[name];
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += array.byteLength;
  }
  bytes.set(new TextEncoder().encode(hexadecimal(crc32c(bytes.subarray(0, total)))), total);
  return bytes;
}

/** Key and table that {@link encodeIndex} wrote; null when the bytes are not just what it wrote. */
export function decodeIndex(
  file: Uint8Array<ArrayBuffer>,
): { readonly key: string; readonly table: SplitTable } | null {
  const bytes = file.subarray(0, Math.max(0, file.length - DIGITS));
  if (new TextDecoder().decode(file.subarray(bytes.length)) !== hexadecimal(crc32c(bytes))) return null;
  const start = bytes.indexOf(0x0a) + 1;
  if (start === 0) return null;
  try {
    const { format, key, lengths, classes, ids, paths, findings } = JSON.parse(
      new TextDecoder().decode(bytes.subarray(0, start)),
    );
    if (format !== MAGIC) return null;
    let at = bytes.byteOffset + start;
    const arrays = Object.fromEntries(ARRAYS.map((name, i) => {
      const array = new KINDS[name](bytes.buffer, at, lengths[i]);
      at += array.byteLength;
      return [name, array];
    })) as unknown as Pick<SplitTable, typeof ARRAYS[number]>;
    if (at !== bytes.byteOffset + bytes.byteLength) return null;
    return { key, table: { ...arrays, classes, ids, paths, findings } };
  } catch {
    return null;
  }
}
