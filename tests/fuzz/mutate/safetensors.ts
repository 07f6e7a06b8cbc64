/** Changes of safetensors files: the header as JSON, its length, the numbers; with a checksum that fits, or not. */
import { crc32c } from "../../../engine/base/crc32c.ts";
import { BINARY, counts, within } from "./bytes.ts";
import { JSON_MUTATORS } from "./json.ts";
import { type Bytes, joined, type Mutator, textOf, utf8 } from "./mutator.ts";

/** Bytes of the header, and where the numbers begin; the whole file where it has none. */
function headerEnd(bytes: Bytes): number {
  if (bytes.length < 8) return bytes.length;
  const claimed = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  return claimed < BigInt(bytes.length - 8) ? 8 + Number(claimed) : bytes.length;
}

/** Length, header, numbers. */
function assembled(header: Uint8Array, numbers: Uint8Array): Bytes {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return joined(length, header, numbers);
}

/** The header changed as `mutators` do, its length set right. */
function inHeader(mutators: readonly Mutator[]): Mutator[] {
  return mutators.map(({ kind, apply }): Mutator => ({
    kind,
    apply: (bytes, random) => {
      const end = headerEnd(bytes);
      return assembled(apply(bytes.slice(8, end), random), bytes.subarray(end));
    },
  }));
}

/** A value of the metadata that is JSON itself, changed. */
function inMetadata(mutators: readonly Mutator[]): Mutator[] {
  return mutators.map(({ kind, apply }): Mutator => ({
    kind: `${kind} in metadata`,
    apply: (bytes, random) => {
      const end = headerEnd(bytes);
      let header: { __metadata__?: Record<string, string> };
      try {
        header = JSON.parse(textOf(bytes.subarray(8, end)));
      } catch {
        return within(bytes, 8, end, counts, random);
      }
      const facts = Object.entries(header.__metadata__ ?? {}).filter(([key]) => key !== CHECKSUM);
      if (facts.length === 0) return within(bytes, 0, Math.min(bytes.length, 8), counts, random);
      const [key, text] = facts[random.integer(0, facts.length)];
      header.__metadata__![key] = textOf(apply(utf8(text), random));
      return assembled(utf8(JSON.stringify(header)), bytes.subarray(end));
    },
  }));
}

/** Changes of files without a checksum. */
export const SAFETENSORS: readonly Mutator[] = [...inHeader(JSON_MUTATORS), ...inMetadata(JSON_MUTATORS), ...BINARY];

const CHECKSUM = "itera.crc32c";

/** The file with the digits of its checksum set to fit, where it has one. */
export function withChecksum(bytes: Bytes): Bytes {
  const end = headerEnd(bytes), before = `"${CHECKSUM}":"`;
  // Byte by byte, so that places in the text are places in the file.
  const at = new TextDecoder("latin1").decode(bytes.subarray(0, end)).indexOf(before);
  if (at < 0 || at + before.length + 8 > end) return bytes;
  const out = bytes.slice(), digits = at + before.length;
  out.set(utf8("00000000"), digits);
  out.set(utf8(crc32c(out).toString(16).padStart(8, "0")), digits);
  return out;
}

/** The same changes with a checksum that fits. */
export const CHECKED_SAFETENSORS: readonly Mutator[] = SAFETENSORS.map(({ kind, apply }) => ({
  kind,
  apply: (bytes, random) => withChecksum(apply(bytes, random)),
}));
