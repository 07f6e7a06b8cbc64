/** Changes of ZIP archives: the contents and names of entries, with checksums that fit, and the archive's own tables. */
import { crc32, deflateRawSync } from "node:zlib";
import { BINARY } from "./bytes.ts";
import { NAMES } from "./hostile.ts";
import { type Bytes, concatenated, type Mutator, pick, textOf, utf8 } from "./mutator.ts";

/** An entry, stored as it is. */
export interface ZipEntry {
  readonly name: string;
  readonly data: Bytes;
  /** Packed by deflate. */
  readonly packed?: boolean;
}

/** Entries of an archive that stores them as they are, found by its central directory; none where there is none. */
export function entriesOf(bytes: Bytes): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), found: ZipEntry[] = [];
  for (let at = 0; at + 46 <= bytes.length; at++) {
    if (view.getUint32(at, false) !== 0x504b0102) continue;
    const [size, name, extra] = [view.getUint32(at + 24, true), view.getUint16(at + 28, true), 0];
    const local = view.getUint32(at + 42, true);
    if (local + 30 > bytes.length) continue;
    const data = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true) + extra;
    found.push({ name: textOf(bytes.subarray(at + 46, at + 46 + name)), data: bytes.slice(data, data + size) });
  }
  return found;
}

/** An archive of the entries. */
export function zipOf(entries: readonly ZipEntry[]): Bytes {
  const locals: Uint8Array[] = [], central: Uint8Array[] = [];
  let offset = 0;
  for (const { name, data, packed = false } of entries) {
    const text = utf8(name), stored = packed ? new Uint8Array(deflateRawSync(data)) : data;
    const fields = new Uint8Array(26), view = new DataView(fields.buffer);
    view.setUint16(0, 20, true);
    view.setUint16(2, 0x800, true); // names in UTF-8
    view.setUint16(4, packed ? 8 : 0, true);
    view.setUint32(10, crc32(data), true);
    view.setUint32(14, stored.length, true);
    view.setUint32(18, data.length, true);
    view.setUint16(22, text.length, true);
    locals.push(utf8("PK\x03\x04"), fields, text, stored);
    const rest = new Uint8Array(14);
    new DataView(rest.buffer).setUint32(10, offset, true);
    central.push(utf8("PK\x01\x02"), Uint8Array.of(20, 0), fields, rest, text);
    offset += 30 + text.length + stored.length;
  }
  const size = central.reduce((sum, part) => sum + part.length, 0), end = new Uint8Array(18);
  const view = new DataView(end.buffer);
  view.setUint16(4, entries.length, true);
  view.setUint16(6, entries.length, true);
  view.setUint32(8, size, true);
  view.setUint32(12, offset, true);
  return concatenated([...locals, ...central, utf8("PK\x05\x06"), end]);
}

/** An entry's contents changed as `mutators` do: those of `chosen`, or of any. */
export function inEntries(mutators: readonly Mutator[], chosen: (name: string) => boolean): Mutator[] {
  return mutators.map(({ kind, apply }): Mutator => ({
    kind,
    apply: (bytes, random) => {
      const entries = entriesOf(bytes), able = entries.filter(({ name }) => chosen(name));
      if (able.length === 0) return apply(bytes, random);
      const one = pick(random, able);
      return zipOf(entries.map((entry) => entry === one ? { ...entry, data: apply(one.data, random) } : entry));
    },
  }));
}

const entries: Mutator = {
  kind: "ZIP entries",
  apply: (bytes, random) => {
    const all = entriesOf(bytes);
    if (all.length === 0) return pick(random, BINARY).apply(bytes, random);
    const [a, b] = [0, 1].map(() => random.integer(0, all.length));
    pick(random, [
      () => all.splice(a, 1),
      () => all.splice(b, 0, all[a]),
      () => all[a] = { ...all[a], name: pick(random, NAMES) },
      () => all[a] = { ...all[a], name: all[b].name },
      () => all[a] = { ...all[a], data: all[b].data },
      () => all[a] = { ...all[a], packed: true },
      () => all[a] = { ...all[a], packed: true, data: new Uint8Array(pick(random, [0, 100, 1 << 22])) },
      () => all.reverse(),
    ])();
    return zipOf(all);
  },
};

/** Changes of an archive as such. */
export const ZIP: readonly Mutator[] = [entries, ...BINARY];
