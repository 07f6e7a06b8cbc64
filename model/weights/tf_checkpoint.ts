/** TensorFlow's checkpoints: version 1, one table with the numbers in it; version 2, a table of where they lie in others. */
import { BinaryReader, WireType } from "../../engine/base/packages/protobuf.ts";
import { maskedCrc32c } from "../../engine/base/crc32c.ts";
import { tableEntries } from "./sstable.ts";
import {
  claimedSize,
  type Element,
  ELEMENT_BYTES,
  type StoredTensor,
  toFloat32,
  type WeightFile,
  WeightsError,
} from "./stored.ts";

/** tensorflow/core/framework/types.proto. */
const TYPES: Readonly<Record<number, Element>> = {
  1: "f32",
  2: "f64",
  3: "i32",
  4: "u8",
  5: "i16",
  6: "i8",
  9: "i64",
  10: "bool",
  14: "bf16",
  19: "f16",
};

/** A message's fields by number, each as its values in order: numbers, or bytes that are text, numbers or a message. */
type Fields = ReadonlyMap<number, readonly (number | Uint8Array)[]>;

/** Reads a table; `shard` gives the bytes of data file number `index` of `count`, which only version 2 has. */
export async function readTfCheckpoint(
  table: Uint8Array,
  shard: (index: number, count: number) => Promise<Uint8Array>,
): Promise<WeightFile> {
  const entries = [...tableEntries(table)];
  const header = entries.find(([key]) => key.length === 0);
  if (!header) throw new WeightsError("the table has no header; it is no checkpoint of TensorFlow's");
  const [, head] = header;
  const rest = entries.filter((entry) => entry !== header);
  // Version 1 begins with a message of descriptions (field 1), version 2 with a number of shards (field 1).
  const fields = parse(head);
  return fields.get(1)?.[0] instanceof Uint8Array
    ? { format: "TensorFlow checkpoint V1", tensors: readFirst(fields, rest), metadata: {} }
    : { format: "TensorFlow checkpoint V2", tensors: await readSecond(fields, rest, shard), metadata: {} };
}

/**
 * The header is SavedTensorSlices { meta = 1 { tensor = 1 { name = 1, shape = 2, type = 3, slice = 4 } } }, an entry
 * SavedTensorSlices { data = 2 { name = 1, slice = 2, data = 3: TensorProto, which repeats neither type nor shape } }.
 */
function readFirst(
  header: Fields,
  entries: readonly (readonly [Uint8Array, Uint8Array])[],
): Map<string, StoredTensor> {
  const described = new Map(
    (parse(bytesOf(header, 1)).get(1) ?? []).map((bytes) => {
      const tensor = messageOf(bytes);
      return [text(bytesOf(tensor, 1)), tensor];
    }),
  );
  const tensors = new Map<string, StoredTensor>();
  for (const [, value] of entries) {
    const slice = parse(bytesOf(parse(value), 2));
    const name = text(bytesOf(slice, 1));
    const description = described.get(name);
    if (!description) throw new WeightsError(`tensor "${name}" is not described in the header`);
    const element = elementOf(name, description.get(3)?.[0]);
    if (!element) continue;
    const shape = shapeOf(description, 2);
    const size = claimedSize(name, shape);
    refuseParts(name, parse(optionalBytes(slice, 2)));
    const proto = parse(bytesOf(slice, 3));
    if (countOf(proto, element) !== size) {
      throw new WeightsError(`tensor "${name}" of shape [${shape.join(", ")}] does not hold its ${size} numbers`);
    }
    addTensor(tensors, name, { shape, read: () => numbers(proto, element) });
  }
  return tensors;
}

/** BundleEntryProto { dtype = 1, shape = 2, shard_id = 3, offset = 4, size = 5, crc32c = 6, slices = 7 }. */
async function readSecond(
  header: Fields,
  entries: readonly (readonly [Uint8Array, Uint8Array])[],
  shard: (index: number, count: number) => Promise<Uint8Array>,
): Promise<Map<string, StoredTensor>> {
  if ((header.get(2)?.[0] ?? 0) !== 0) throw new WeightsError("the checkpoint was written on a big-endian machine");
  const count = number(header, 1);
  const shards = new Map<number, Uint8Array>();
  const tensors = new Map<string, StoredTensor>();
  for (const [key, value] of entries) {
    // A part of a tensor, by a key that is no text; the tensor's own entry names it.
    if (key[0] === 0) continue;
    const entry = parse(value), name = text(key);
    if (entry.has(7)) throw new WeightsError(`tensor "${name}" is stored in parts, which is not read`);
    const element = elementOf(name, entry.get(1)?.[0]);
    if (!element) continue;
    const shape = shapeOf(entry, 2);
    const [index, offset, size] = [number(entry, 3), number(entry, 4), number(entry, 5)];
    if (claimedSize(name, shape) * ELEMENT_BYTES[element] !== size) {
      throw new WeightsError(`tensor "${name}" of shape [${shape.join(", ")}] claims ${size} bytes`);
    }
    if (index >= count) throw new WeightsError(`tensor "${name}" lies in file ${index} of ${count}`);
    const data = shards.get(index) ?? await shard(index, count);
    shards.set(index, data);
    if (offset + size > data.length) throw new WeightsError(`tensor "${name}" lies beyond the end of its data file`);
    const bytes = data.subarray(offset, offset + size);
    if (entry.has(6) && maskedCrc32c(bytes) !== number(entry, 6)) {
      throw new WeightsError(`tensor "${name}" does not match its checksum; copy or download the data file again`);
    }
    addTensor(tensors, name, { shape, read: () => toFloat32(bytes, element) });
  }
  return tensors;
}

function addTensor(tensors: Map<string, StoredTensor>, name: string, tensor: StoredTensor): void {
  if (tensors.has(name)) throw new WeightsError(`tensor "${name}" is there twice or in parts, which is not read`);
  tensors.set(name, tensor);
}

/** A slice that is the whole tensor has extents without start and length. */
function refuseParts(name: string, slice: Fields): void {
  const whole = (slice.get(1) ?? []).every((extent) => messageOf(extent).size === 0);
  if (!whole) throw new WeightsError(`tensor "${name}" is stored in parts, which is not read`);
}

/** Undefined for text and the like, which is no weight. */
function elementOf(name: string, code: unknown): Element | undefined {
  if (typeof code !== "number") throw new WeightsError(`tensor "${name}" has no type`);
  return TYPES[code];
}

/** TensorShapeProto { dim = 2: Dim { size = 1 } }. */
function shapeOf(message: Fields, field: number): number[] {
  const dims = parse(optionalBytes(message, field)).get(2) ?? [];
  return dims.map((dim) => {
    return Number(messageOf(dim).get(1)?.[0] ?? 0);
  });
}

/** Fields of a TensorProto with its numbers: raw (4), or packed floats (5), doubles (6), integers (7) or longs (10). */
const LISTS: Readonly<Partial<Record<Element, number>>> = { f32: 5, f64: 6 };

function countOf(proto: Fields, element: Element): number {
  const list = LISTS[element];
  const bytes = optionalBytes(proto, 4).length || (list ? packed(proto, list).length : 0);
  if (bytes > 0) return bytes / ELEMENT_BYTES[element];
  return list ? 0 : integers(proto, element).length;
}

function numbers(proto: Fields, element: Element): Float32Array<ArrayBuffer> {
  const raw = optionalBytes(proto, 4);
  if (raw.length > 0) return toFloat32(raw, element);
  const list = LISTS[element];
  return list ? toFloat32(packed(proto, list), element) : Float32Array.from(integers(proto, element));
}

function integers(proto: Fields, element: Element): number[] {
  const values = proto.get(element === "i64" ? 10 : 7) ?? [];
  return values.flatMap((value) => {
    if (typeof value === "number") return [value];
    return reading(value, (reader) => {
      const list: number[] = [];
      while (reader.pos < reader.len) list.push(Number(reader.int64()));
      return list;
    });
  });
}

/** Result of reading a message's bytes; what the library finds wrong is the checkpoint's fault. */
function reading<T>(bytes: Uint8Array, read: (reader: BinaryReader) => T): T {
  try {
    return read(new BinaryReader(bytes));
  } catch (error) {
    throw new WeightsError(`a message of the checkpoint is broken (${(error as Error).message})`);
  }
}

function packed(proto: Fields, field: number): Uint8Array {
  const parts = proto.get(field) ?? [];
  if (!parts.every((part) => part instanceof Uint8Array)) {
    throw new WeightsError("numbers are stored one by one, not packed");
  }
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function parse(bytes: Uint8Array): Fields {
  const fields = new Map<number, (number | Uint8Array)[]>();
  return reading(bytes, (reader) => {
    while (reader.pos < reader.len) {
      const [field, wire] = reader.tag();
      let value: number | Uint8Array;
      if (wire === WireType.Varint) value = Number(reader.int64());
      else if (wire === WireType.LengthDelimited) value = reader.bytes();
      else if (wire === WireType.Bit32) value = reader.fixed32();
      else {
        // Groups and 64-bit numbers: no field that is read here has these kinds.
        reader.skip(wire);
        continue;
      }
      const list = fields.get(field);
      if (list) list.push(value);
      else fields.set(field, [value]);
    }
    return fields;
  });
}

function messageOf(value: number | Uint8Array): Fields {
  if (!(value instanceof Uint8Array)) throw new WeightsError("a message of the checkpoint is a number");
  return parse(value);
}

function bytesOf(fields: Fields, field: number): Uint8Array {
  const value = fields.get(field)?.[0];
  if (!(value instanceof Uint8Array)) throw new WeightsError("an entry of the table is no tensor of a checkpoint");
  return value;
}

function optionalBytes(fields: Fields, field: number): Uint8Array {
  return fields.has(field) ? bytesOf(fields, field) : new Uint8Array();
}

function number(fields: Fields, field: number): number {
  const value = fields.get(field)?.[0] ?? 0;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new WeightsError("an entry of the table has no readable place or size");
  }
  return value;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function text(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new WeightsError("a tensor's name is not text");
  }
}
