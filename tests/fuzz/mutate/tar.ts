/** Changes of tar archives: fields of headers, with checksums that fit, and whole blocks. */
import { BINARY } from "./bytes.ts";
import { INTEGERS, NAMES } from "./hostile.ts";
import { type Bytes, type Mutator, pick, utf8 } from "./mutator.ts";

const BLOCK = 512;

/** Offsets of headers. */
function headersOf(bytes: Bytes): number[] {
  const found: number[] = [];
  for (let at = 0; at + BLOCK <= bytes.length; at += BLOCK) {
    if (String.fromCharCode(...bytes.subarray(at + 257, at + 262)) === "ustar") found.push(at);
  }
  return found;
}

const headers: Mutator = {
  kind: "tar headers",
  apply: (bytes, random) => {
    const places = headersOf(bytes);
    if (places.length === 0) return pick(random, BINARY).apply(bytes, random);
    const out = bytes.slice(), header = out.subarray(pick(random, places)).subarray(0, BLOCK);
    const put = (at: number, length: number, text: Uint8Array): void => {
      header.fill(0, at, at + length);
      header.set(text.subarray(0, length), at);
    };
    pick(random, [
      () => put(0, 100, utf8(pick(random, NAMES))),
      () => put(345, 155, utf8(pick(random, NAMES))),
      () => put(124, 12, utf8((pick(random, INTEGERS) % 2n ** 36n).toString(8).padStart(11, "0"))),
      () => put(124, 12, Uint8Array.from({ length: 12 }, () => 128 | random.integer(0, 256))),
      () => header[156] = pick(random, [..."01234567xgLKSVA\0"]).charCodeAt(0),
      () => header[random.integer(0, BLOCK)] ^= 1 << random.integer(0, 8),
    ])();
    const sum = header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);
    put(148, 8, utf8(`${sum.toString(8).padStart(6, "0")}\0 `));
    return out;
  },
};

/** Changes of an archive as such. */
export const TAR: readonly Mutator[] = [headers, headers, ...BINARY];
