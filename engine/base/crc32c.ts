/** CRC-32C (Castagnoli), plain and masked, as TensorFlow's files carry it. */

/** CRC-32C of `bytes`, unsigned; `before` is that of the bytes before them. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES;
  let crc = ~before, at = 0;
  // Eight bytes at a time, each looked up in the table of its place: checkpoints have hundreds of megabytes.
  for (const end = bytes.length - 7; at < end; at += 8) {
    crc = t7[(crc ^ bytes[at]) & 255] ^ t6[(crc >>> 8 ^ bytes[at + 1]) & 255] ^
      t5[(crc >>> 16 ^ bytes[at + 2]) & 255] ^ t4[crc >>> 24 ^ bytes[at + 3]] ^
      t3[bytes[at + 4]] ^ t2[bytes[at + 5]] ^ t1[bytes[at + 6]] ^ t0[bytes[at + 7]];
  }
  for (; at < bytes.length; at++) crc = t0[(crc ^ bytes[at]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** The checksum as files hold it: masked, because a checksum of data that holds its own checksum says little. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return ((crc >>> 15 | crc << 17) + 0xa282ead8) >>> 0;
}

/** A checksum as eight hexadecimal digits. */
export function hexadecimal(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}

/** The remainders of a byte followed by 0 to 7 others. */
const TABLES = remainders();

function remainders(): Int32Array[] {
  const first = Int32Array.from({ length: 256 }, (_, i) => {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    return crc;
  });
  const tables = [first];
  while (tables.length < 8) tables.push(tables.at(-1)!.map((crc) => first[crc & 255] ^ (crc >>> 8)));
  return tables;
}
