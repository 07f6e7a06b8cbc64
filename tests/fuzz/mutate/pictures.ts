/** Changes of picture files: chunks of PNG with checksums that fit, segments of JPEG. */
import { crc32 } from "node:zlib";
import { BINARY } from "./bytes.ts";
import { type Bytes, joined, type Mutator, pick, utf8 } from "./mutator.ts";

/** A chunk of a PNG file. */
interface Chunk {
  readonly type: string;
  readonly data: Bytes;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10);

function chunksOf(bytes: Bytes): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), found: Chunk[] = [];
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at), end = at + 8 + length;
    if (end > bytes.length) break;
    found.push({ type: String.fromCharCode(...bytes.subarray(at + 4, at + 8)), data: bytes.slice(at + 8, end) });
    at = end + 4;
  }
  return found;
}

/** A PNG file of chunks, each with its checksum. */
export function pngOf(chunks: readonly Chunk[]): Bytes {
  return joined(
    SIGNATURE,
    ...chunks.flatMap(({ type, data }) => {
      const length = new Uint8Array(4), sum = new Uint8Array(4), body = joined(utf8(type), data);
      new DataView(length.buffer).setUint32(0, data.length);
      new DataView(sum.buffer).setUint32(0, crc32(body));
      return [length, body, sum];
    }),
  );
}

/** Sizes, depths, profiles, marks of how to turn it, twice the same, none. */
export const PNG: readonly Mutator[] = [
  {
    kind: "chunks",
    apply: (bytes, random) => {
      const all = chunksOf(bytes);
      if (all.length === 0) return pick(random, BINARY).apply(bytes, random);
      const [a, b] = [0, 1].map(() => random.integer(0, all.length)), { type, data } = all[a];
      pick(random, [
        () => all.splice(a, 1),
        () => all.splice(b, 0, all[a]),
        () => [all[a], all[b]] = [all[b], all[a]],
        () => all[a] = { type: pick(random, ["IDAT", "PLTE", "tRNS", "iCCP", "eXIf", "gAMA", "zTXt"]), data },
        () => all[a] = { type, data: pick(random, BINARY).apply(data, random) },
        () => all[0] = { type: all[0].type, data: pick(random, BINARY).apply(all[0].data, random) },
      ])();
      return pngOf(all);
    },
  },
  ...BINARY,
];

/** A JPEG file as its segments; from the picture's own numbers on, one piece. */
function segmentsOf(bytes: Bytes): Bytes[] {
  const found: Bytes[] = [bytes.slice(0, 2)];
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda) {
    const end = at + 2 + bytes[at + 2] * 256 + bytes[at + 3];
    found.push(bytes.slice(at, end));
    at = end;
  }
  return [...found, bytes.slice(at)];
}

/** Segments, their lengths set right. */
export const JPEG: readonly Mutator[] = [
  {
    kind: "segments",
    apply: (bytes, random) => {
      const all = segmentsOf(bytes), [a, b] = [0, 1].map(() => random.integer(0, all.length));
      pick(random, [
        () => all.splice(a, 1),
        () => all.splice(b, 0, all[a]),
        () => [all[a], all[b]] = [all[b], all[a]],
        () => {
          const body = pick(random, BINARY).apply(all[a].slice(4), random), length = Math.min(65535, body.length + 2);
          all[a] = joined(all[a].subarray(0, 2), Uint8Array.of(length >> 8, length & 255), body);
        },
      ])();
      return joined(...all);
    },
  },
  ...BINARY,
];
