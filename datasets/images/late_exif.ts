/**
 * PNG files whose EXIF data stand behind the pixels, where the standard allows them and some programs write them. The library
 * that decodes looks before the pixels alone.
 */

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Length and type before a chunk's data, checksum behind. */
const AROUND = 12;

/** True for the first bytes of a PNG file. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/** The file with its EXIF data before its pixels; the bytes themselves where they stand there, or it has none. */
export function withEarlyExif(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (!isPng(bytes)) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let pixels = -1;
  for (let at = SIGNATURE.length; at + AROUND <= bytes.length;) {
    const end = at + AROUND + view.getUint32(at), type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === "IDAT" && pixels < 0) pixels = at;
    if (type === "eXIf") {
      if (pixels < 0 || end > bytes.length) return bytes;
      const moved = new Uint8Array(bytes.length);
      moved.set(bytes.subarray(0, pixels));
      moved.set(bytes.subarray(at, end), pixels);
      moved.set(bytes.subarray(pixels, at), pixels + end - at);
      moved.set(bytes.subarray(end), end);
      return moved;
    }
    at = end;
  }
  return bytes;
}
