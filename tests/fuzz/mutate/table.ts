/** Changes of TensorFlow's tables: entries, their keys and messages, with checksums that fit. */
import { maskedCrc32c } from "../../../engine/base/crc32c.ts";
import type { Random } from "../../support/random.ts";
import { BINARY } from "./bytes.ts";
import { INTEGERS, NAMES } from "./hostile.ts";
import { type Bytes, concatenated, joined, type Mutator, pick, utf8 } from "./mutator.ts";

/** An entry of a table. */
export type TableEntry = readonly [key: Bytes, value: Bytes];

/** A number in groups of seven bits, lowest first. */
export function varint(value: number | bigint): Bytes {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    out.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(out);
}

/** The number at a place of some bytes, and where it ends. */
function number(bytes: Bytes, at: number): readonly [value: number, end: number] {
  let value = 0, factor = 1;
  for (; at < bytes.length; at++, factor *= 128) {
    value += (bytes[at] & 127) * factor;
    if (bytes[at] < 128) return [value, at + 1];
  }
  return [value, bytes.length];
}

function blockEntries(block: Bytes): TableEntry[] {
  const found: TableEntry[] = [],
    restarts = new DataView(block.buffer, block.byteOffset + block.length - 4).getUint32(0, true);
  const end = block.length - 4 * (restarts + 1);
  let key = new Uint8Array(0);
  for (let at = 0; at < end;) {
    const [shared, a] = number(block, at), [own, b] = number(block, a), [length, c] = number(block, b);
    key = joined(key.subarray(0, shared), block.subarray(c, c + own));
    found.push([key, block.slice(c + own, c + own + length)]);
    at = c + own + length;
  }
  return found;
}

/** The entries of a whole table. */
export function tableEntries(bytes: Bytes): TableEntry[] {
  const footer = bytes.slice(-48);
  let at = 0;
  const next = (): number => {
    const [value, end] = number(footer, at);
    at = end;
    return value;
  };
  next(), next();
  const index = bytes.slice(next()).subarray(0, next());
  return blockEntries(index).flatMap(([, handle]) => {
    const [from, end] = number(handle, 0), [size] = number(handle, end);
    return blockEntries(bytes.slice(from, from + size));
  });
}

/** A block without shared keys, with its checksum. */
function blockOf(entries: readonly TableEntry[]): Bytes {
  const body = entries.flatMap(([key, value]) => [varint(0), varint(key.length), varint(value.length), key, value]);
  const checked = concatenated([...body, new Uint8Array(4), Uint8Array.of(1, 0, 0, 0), Uint8Array.of(0)]),
    sum = new Uint8Array(4);
  new DataView(sum.buffer).setUint32(0, maskedCrc32c(checked), true);
  return joined(checked, sum);
}

/** A table of one block. */
export function tableOf(entries: readonly TableEntry[]): Bytes {
  const data = blockOf(entries), none = blockOf([]);
  const handle = (offset: number, block: Bytes): Bytes => joined(varint(offset), varint(block.length - 5));
  const index = blockOf([[entries.at(-1)?.[0] ?? new Uint8Array(0), handle(0, data)]]);
  const handles = joined(handle(data.length, none), handle(data.length + none.length, index));
  const magic = Uint8Array.of(0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb);
  return joined(data, none, index, handles, new Uint8Array(40 - handles.length), magic);
}

/** A field of a message: its tag with the number or the bytes that follow. */
interface Field {
  readonly tag: number;
  readonly content: Bytes;
}

function fieldsOf(message: Bytes): Field[] {
  const found: Field[] = [];
  for (let at = 0; at < message.length;) {
    const [tag, start] = number(message, at), wire = tag & 7;
    let end = start, content: Bytes;
    if (wire === 2) {
      const [length, from] = number(message, start);
      end = Math.min(message.length, from + length);
      content = message.slice(from, end);
    } else {
      end = wire === 5 ? start + 4 : wire === 1 ? start + 8 : number(message, start)[1];
      content = message.slice(start, end);
    }
    found.push({ tag, content });
    at = Math.max(end, at + 1);
  }
  return found;
}

function messageOf(fields: readonly Field[]): Bytes {
  return joined(
    ...fields.flatMap(({ tag, content }) =>
      (tag & 7) === 2 ? [varint(tag), varint(content.length), content] : [varint(tag), content]
    ),
  );
}

/** A message with a field changed, at any depth. */
function changed(message: Bytes, random: Random, depth = 0): Bytes {
  const all = fieldsOf(message);
  if (all.length === 0) return utf8(pick(random, NAMES));
  const a = random.integer(0, all.length), { tag, content } = all[a];
  if ((tag & 7) === 2 && depth < 5 && random() < 0.6) {
    all[a] = { tag, content: changed(content, random, depth + 1) };
    return messageOf(all);
  }
  pick(random, [
    () => all.splice(a, 1),
    () => all.splice(a, 0, all[random.integer(0, all.length)]),
    () => all[a] = { tag, content: (tag & 7) === 2 ? utf8(pick(random, NAMES)) : varint(pick(random, INTEGERS)) },
    () => all[a] = { tag: tag ^ (1 << random.integer(0, 6)), content },
    () => all.splice(a, 0, ...Array.from({ length: random.integer(2, 300) }, () => all[a])),
    () => all[a] = { tag, content: pick(random, BINARY).apply(content, random) },
  ])();
  return messageOf(all);
}

/** Changes of the entries of a table. */
export const TABLE: readonly Mutator[] = [
  ...[
    ["table entries", (all: TableEntry[], random: Random): void => {
      const [a, b] = [0, 1].map(() => random.integer(0, all.length));
      pick(random, [
        () => all.splice(a, 1),
        () => all.splice(b, 0, all[a]),
        () => all[a] = [utf8(pick(random, NAMES)), all[a][1]],
        () => all[a] = [all[b][0], all[a][1]],
        () => all[a] = [all[a][0], all[b][1]],
      ])();
    }],
    ["messages", (all: TableEntry[], random: Random): void => {
      const a = random.integer(0, all.length);
      all[a] = [all[a][0], changed(all[a][1], random)];
    }],
  ] as const,
].map(([kind, edit]): Mutator => ({
  kind,
  apply: (bytes, random) => {
    let all: TableEntry[];
    try {
      all = tableEntries(bytes);
    } catch {
      all = [];
    }
    if (all.length === 0) return pick(random, BINARY).apply(bytes, random);
    edit(all, random);
    return tableOf(all);
  },
})).concat(BINARY);
