/** Tables made by hand, whose checksums fit and whose claims do not. */
import { deepStrictEqual, throws } from "node:assert/strict";
import { maskedCrc32c } from "../../../engine/base/crc32c.ts";
import { tableEntries } from "../../../model/weights/sstable.ts";
import { WeightsError } from "../../../model/weights/stored.ts";

type Entry = readonly [shared: number, own: number, key: string, value: readonly number[]];

function varint(value: number): number[] {
  return value < 128 ? [value] : [128 + value % 128, ...varint(Math.floor(value / 128))];
}

/** A block of entries, with one restart, its compression and its checksum. */
function block(entries: readonly Entry[]): number[] {
  const bytes = entries.flatMap(([shared, own, key, value]) =>
    [shared, own, value.length].flatMap(varint).concat([...new TextEncoder().encode(key)], value)
  );
  const whole = [...bytes, 0, 0, 0, 0, 1, 0, 0, 0, 0], crc = new DataView(new ArrayBuffer(4));
  crc.setUint32(0, maskedCrc32c(Uint8Array.from(whole)), true);
  return [...whole, ...new Uint8Array(crc.buffer)];
}

/** A table of one data block, which its index lists so often. */
function table(entries: readonly Entry[], times = 1): Uint8Array {
  const data = block(entries), handle = [0, data.length - 5].flatMap(varint);
  const index = block(Array.from({ length: times }, (): Entry => [0, 1, "k", handle]));
  const footer = [0, 0, data.length, index.length - 5].flatMap(varint);
  const magic = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];
  return Uint8Array.from([...data, ...index, ...footer, ...new Array(40 - footer.length).fill(0), ...magic]);
}

const keysOf = (bytes: Uint8Array): string[] =>
  Array.from(tableEntries(bytes), ([key]) => new TextDecoder().decode(key));

Deno.test("keys share their beginnings", () => {
  deepStrictEqual(keysOf(table([[0, 2, "ab", [1]], [1, 2, "cd", [2]]])), ["ab", "acd"]);
});

Deno.test("claims beyond a table's bytes are refused before anything is made for them", () => {
  const refused = (bytes: Uint8Array, reason: RegExp): void =>
    throws(() => keysOf(bytes), (error) => error instanceof WeightsError && reason.test(error.message));
  refused(table([[0, 2 ** 45, "ab", []]]), /cut short/);
  refused(table(Array.from({ length: 5000 }, (_, i): Entry => [i, 1, "a", []])), /a key of the table has 4097 bytes/);
  refused(table(Array.from({ length: 100 }, (): Entry => [0, 1, "a", []]), 40), /lists a block twice/);
});
