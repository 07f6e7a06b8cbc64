import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { crc32c } from "../../../../engine/base/crc32c.ts";
import { EventWriter } from "../../../../model/run/logs/event_file.ts";
import { withFolder } from "../../../support/folder.ts";

/** A bitwise CRC-32C: the polynomial division as the definition has it, without a table. */
function slowCrc(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  return Number(crc ^ 0xffffffffn);
}

/** A protobuf message as [field, wire type, value] in order; nested messages stay bytes. */
function fields(bytes: Uint8Array): [number, number, bigint | Uint8Array][] {
  const found: [number, number, bigint | Uint8Array][] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n;; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const wire = key & 7;
    if (wire === 0) found.push([key >> 3, wire, varint()]);
    else {
      const length = wire === 1 ? 8 : wire === 5 ? 4 : Number(varint());
      found.push([key >> 3, wire, bytes.slice(at, at += length)]);
    }
  }
  strictEqual(at, bytes.length, "the message ends in the middle of a field");
  return found;
}

/** The events of a file; checks lengths and both checksums of every record. */
function events(path: string): Uint8Array[] {
  const bytes = Deno.readFileSync(path);
  const view = new DataView(bytes.buffer);
  const masked = (data: Uint8Array): number => {
    const crc = slowCrc(data);
    return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  };
  const found: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = Number(view.getBigUint64(at, true));
    strictEqual(view.getUint32(at + 8, true), masked(bytes.subarray(at, at + 8)));
    const data = bytes.slice(at + 12, at + 12 + length);
    strictEqual(view.getUint32(at + 12 + length, true), masked(data));
    found.push(data);
    at += 16 + length;
  }
  return found;
}

const words = (value: bigint | Uint8Array): string => new TextDecoder().decode(value as Uint8Array);
const get = (bytes: Uint8Array, field: number): bigint | Uint8Array =>
  fields(bytes).find(([number]) => number === field)![2];

Deno.test("CRC-32C has its published check value and that of the definition on odd lengths", () => {
  strictEqual(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  for (const length of [0, 1, 7, 300]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 255);
    strictEqual(crc32c(bytes), slowCrc(bytes));
  }
});

Deno.test("a parser of its own reads back scalars and pictures", async () => {
  await withFolder((folder) => {
    const png = new Uint8Array(300).map((_, i) => i);
    let path: string;
    {
      using writer = EventWriter.open(folder);
      path = writer.path;
      writer.scalar("loss/cross_entropy", 0.1, 3);
      writer.scalar("loss/cross_entropy", NaN, 2 ** 40);
      writer.image("pictures/1", { width: 20, height: 300, png }, 4);
    }
    const [first, small, large, picture, ...rest] = events(path);
    strictEqual(rest.length, 0);
    strictEqual(words(get(first, 3)), "brain.Event:2");
    const time = new Float64Array((get(first, 1) as Uint8Array).buffer as ArrayBuffer)[0];
    ok(Math.abs(time - Date.now() / 1000) < 60);
    strictEqual(get(small, 2), 3n);
    const value = get(get(small, 5) as Uint8Array, 1) as Uint8Array;
    strictEqual(words(get(value, 1)), "loss/cross_entropy");
    deepStrictEqual(get(value, 2), new Uint8Array(new Float32Array([0.1]).buffer));
    strictEqual(get(large, 2), 2n ** 40n);
    const image = get(get(get(picture, 5) as Uint8Array, 1) as Uint8Array, 4) as Uint8Array;
    deepStrictEqual(fields(image).map(([number]) => number), [1, 2, 3, 4]);
    deepStrictEqual([get(image, 1), get(image, 2), get(image, 4)], [300n, 20n, png]);
  });
});

Deno.test("a resumed run begins a later file that voids what comes after its step", async () => {
  await withFolder((folder) => {
    const paths = [undefined, 7, 9].map((step) => {
      using writer = EventWriter.open(folder, step === undefined ? {} : { resumeStep: step });
      return writer.path;
    });
    deepStrictEqual([...Deno.readDirSync(folder)].map(({ name }) => join(folder, name)).sort(), paths);
    const [, start] = events(paths[1]);
    strictEqual(get(start, 2), 8n);
    strictEqual(get(get(start, 7) as Uint8Array, 1), 1n);
  });
});
