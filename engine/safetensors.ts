/**
 * The safetensors file format: eight bytes of header length, a JSON header, then the tensors' bytes without gaps.
 * Pure format code; it knows nothing of devices. Files from elsewhere are not trusted: every claim of the header is
 * checked against the bytes that are there before anything is allocated for it.
 */
import { crc32c, hexadecimal } from "./base/crc32c.ts";
import { EngineError } from "./base/errors.ts";
import { described, expectFlag, expectOptions, isPlain } from "./base/given.ts";
import { shortened } from "./base/printable.ts";

/**
 * The bytes are not a safetensors file this code can read, or the tensors cannot be written as one.
 *
 * ```ts
 * import { throws } from "node:assert/strict";
 * import { decodeSafetensors, SafetensorsError } from "@itera/itera/engine";
 *
 * throws(() => decodeSafetensors(new Uint8Array(4)), SafetensorsError);
 * ```
 */
export class SafetensorsError extends EngineError {
  /** Tells it apart by name. */
  override readonly name = "SafetensorsError";
}

/** The host array that carries each element type; BF16 keeps its bits, BOOL is one byte of 0 or 1. */
export interface SafetensorsArray {
  /** 64-bit floats. */
  F64: Float64Array<ArrayBuffer>;
  /** 32-bit floats. */
  F32: Float32Array<ArrayBuffer>;
  /** 16-bit floats (IEEE 754). */
  F16: Float16Array<ArrayBuffer>;
  /** The upper halves of 32-bit floats, as bits. */
  BF16: Uint16Array<ArrayBuffer>;
  /** Signed 64-bit integers. */
  I64: BigInt64Array<ArrayBuffer>;
  /** Unsigned 64-bit integers. */
  U64: BigUint64Array<ArrayBuffer>;
  /** Signed 32-bit integers. */
  I32: Int32Array<ArrayBuffer>;
  /** Unsigned 32-bit integers. */
  U32: Uint32Array<ArrayBuffer>;
  /** Signed 16-bit integers. */
  I16: Int16Array<ArrayBuffer>;
  /** Unsigned 16-bit integers. */
  U16: Uint16Array<ArrayBuffer>;
  /** Signed bytes. */
  I8: Int8Array<ArrayBuffer>;
  /** Unsigned bytes. */
  U8: Uint8Array<ArrayBuffer>;
  /** Bytes of 0 or 1. */
  BOOL: Uint8Array<ArrayBuffer>;
}

/** Element type, as the format spells it. */
export type SafetensorsDType = keyof SafetensorsArray;

/** One tensor: row-major elements and their extents, outermost axis first. */
export type SafetensorsTensor = {
  [D in SafetensorsDType]: { readonly dtype: D; readonly shape: readonly number[]; readonly data: SafetensorsArray[D] };
}[SafetensorsDType];

/** A file's contents. */
export interface Safetensors {
  /** Tensors by name, in file order. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  /** Free text under `__metadata__`; empty when absent. */
  readonly metadata: Readonly<Record<string, string>>;
  /** True where the file carries a checksum over all its bytes, which they fit. */
  readonly checked: boolean;
}

/** Options of {@link encodeSafetensors}. */
export interface EncodeSafetensorsOptions {
  /** Let the file carry a checksum over all its bytes, in its metadata, so that damage is found; default false. */
  readonly checksum?: boolean;
}

const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Float16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

const METADATA = "__metadata__";
/** Metadata that holds the CRC-32C of the whole file, its own digits taken as zeros. */
const CHECKSUM = "itera.crc32c";
const DIGITS = /^[0-9a-f]{8}$/;
const ZEROS = "0".repeat(8);
/** The reference reader refuses longer headers too. */
const MAX_HEADER = 100_000_000;

/**
 * The bytes of a safetensors file. The same tensors and metadata give the same bytes whatever order they come in: wider
 * element types first, so that each tensor is aligned, then by name. Throws {@link SafetensorsError} when a tensor's data
 * does not fill its shape or is not the array its type calls for, and for metadata that are no strings.
 *
 * ```ts
 * import { deepStrictEqual, throws } from "node:assert/strict";
 * import { encodeSafetensors, SafetensorsError } from "@itera/itera/engine";
 *
 * const data = Float32Array.of(1, 2);
 * const bytes = encodeSafetensors({ a: { dtype: "F32", shape: [2], data } });
 * // Eight bytes of the header's length, the header, eight bytes of data.
 * const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, -8)));
 * deepStrictEqual(header, { a: { dtype: "F32", shape: [2], data_offsets: [0, 8] } });
 * throws(() => encodeSafetensors({ a: { dtype: "F32", shape: [3], data } }), SafetensorsError);
 * ```
 */
export function encodeSafetensors(
  tensors: Iterable<readonly [string, SafetensorsTensor]> | Readonly<Record<string, SafetensorsTensor>>,
  metadata: Readonly<Record<string, string>> = {},
  options: EncodeSafetensorsOptions = {},
): Uint8Array<ArrayBuffer> {
  expectOptions("encodeSafetensors", options, { checksum: true });
  const { checksum = false } = options;
  expectFlag("encodeSafetensors", "checksum", checksum);
  if (!isPlain(tensors) && typeof (tensors as Partial<Iterable<unknown>> | null)?.[Symbol.iterator] !== "function") {
    fail(`tensors are named in a map, a list or an object, not ${described(tensors)}`);
  }
  if (!isPlain(metadata)) fail(`metadata are an object of strings, not ${described(metadata)}`);
  const entries = Symbol.iterator in tensors
    ? [...tensors as Iterable<readonly [string, SafetensorsTensor]>]
    : Object.entries(tensors);
  for (const [name, tensor] of entries) {
    const flaw = flawOf(name, tensor);
    if (flaw) fail(flaw);
  }
  for (const [key, text] of Object.entries(metadata)) {
    if (typeof text !== "string") fail(`metadata are strings, and "${key}" is ${described(text)}`);
    if (isChecksum(key)) fail(`the name "${key}" in the metadata is the checksum's own`);
  }
  entries.sort(([nameA, a], [nameB, b]) =>
    ARRAYS[b.dtype].BYTES_PER_ELEMENT - ARRAYS[a.dtype].BYTES_PER_ELEMENT || (nameA < nameB ? -1 : 1)
  );

  const header = new Map<string, unknown>();
  const facts = Object.entries(metadata).sort(([a], [b]) => a < b ? -1 : 1);
  // First in the header: its digits are found without a search through all of it.
  if (checksum) facts.unshift([CHECKSUM, ZEROS]);
  if (facts.length > 0) header.set(METADATA, Object.fromEntries(facts));
  let end = 0;
  for (const [name, { dtype, shape, data }] of entries) {
    if (name === METADATA || header.has(name)) fail(`the tensor name "${name}" is taken`);
    header.set(name, { dtype, shape, data_offsets: [end, end += data.byteLength] });
  }

  const text = new TextEncoder().encode(stringifyHeader(header));
  const headerLength = Math.ceil(text.length / 8) * 8;
  if (headerLength > MAX_HEADER) fail(`the header would be ${headerLength} bytes long, ${MAX_HEADER} is the limit`);
  const bytes = new Uint8Array(8 + headerLength + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8 + text.length, 8 + headerLength);
  bytes.set(text, 8);
  const start = 8 + headerLength;
  let at = start;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  if (checksum) bytes.set(new TextEncoder().encode(hexadecimal(crc32c(bytes))), digitsIn(bytes, start));
  return bytes;
}

/**
 * The tensors and metadata of a safetensors file, copied out of `bytes`. Throws {@link SafetensorsError} with the reason
 * when the file is cut short, has bytes to spare, contradicts itself, names anything twice, or does not fit its checksum.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { decodeSafetensors, encodeSafetensors } from "@itera/itera/engine";
 *
 * const data = Int32Array.of(3, 4);
 * const bytes = encodeSafetensors({ a: { dtype: "I32", shape: [2], data } }, { made: "by hand" });
 * const { tensors, metadata } = decodeSafetensors(bytes);
 * deepStrictEqual(tensors.get("a"), { dtype: "I32", shape: [2], data });
 * deepStrictEqual(metadata, { made: "by hand" });
 * ```
 */
export function decodeSafetensors(bytes: Uint8Array): Safetensors {
  const { entries, start, metadata, checked } = layoutOf(bytes);
  const tensors = new Map<string, SafetensorsTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    const copy = new Uint8Array(bytes.subarray(start + begin, start + end));
    tensors.set(name, { dtype, shape, data: new ARRAYS[dtype](copy.buffer) } as SafetensorsTensor);
  }
  return { tensors, metadata, checked };
}

/** The reason why a value is no tensor that a file can hold; null where it is one. */
export function flawOf(name: string, value: unknown): string | null {
  if (!isRecord(value)) return `tensor "${name}" is { dtype, shape, data }, not ${described(value)}`;
  const { dtype, shape, data } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(ARRAYS, dtype)) return unknownType(name, dtype);
  if (!Array.isArray(shape) || !shape.every(isCount)) return `tensor "${name}" has no shape of non-negative integers`;
  if (!(data instanceof ARRAYS[dtype as SafetensorsDType])) {
    return `tensor "${name}" of type ${dtype} has ${described(data)}`;
  }
  const size = elementCount(shape);
  if (size === data.length) return null;
  return `tensor "${name}" has ${data.length} elements, its shape [${shape}] asks for ${size}`;
}

/** Throws what {@link decodeSafetensors} would, and copies nothing. */
export function checkSafetensors(bytes: Uint8Array): void {
  layoutOf(bytes);
}

/** Name of the first tensor with a NaN or an infinity, and that value; null where all numbers are finite. */
export function firstNonFinite(
  tensors: Iterable<readonly [string, SafetensorsTensor]>,
): { readonly name: string; readonly value: number } | null {
  for (const [name, { dtype, data }] of tensors) {
    if (dtype === "F32" || dtype === "F64" || dtype === "F16") {
      const at = nonFiniteAt(data as Float32Array);
      if (at >= 0) return { name, value: Number(data[at]) };
    }
    if (dtype === "BF16" && data.some((half) => (half & 0x7f80) === 0x7f80)) return { name, value: NaN };
  }
  return null;
}

function nonFiniteAt(data: Float32Array | Float64Array | Float16Array): number {
  // Differences with themselves: tested one by one, as checkpoints have many millions.
  for (let i = 0; i < data.length; i++) if (data[i] - data[i] !== 0) return i;
  return -1;
}

/** A file's tensors and where their bytes are, after its header. */
interface FileLayout {
  readonly entries: readonly Entry[];
  /** First byte of the tensors. */
  readonly start: number;
  readonly metadata: Record<string, string>;
  readonly checked: boolean;
}

function layoutOf(bytes: Uint8Array): FileLayout {
  if (bytes.length < 8) fail(`the file has ${bytes.length} bytes, the header length alone takes 8`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const claimed = view.getBigUint64(0, true);
  if (claimed > BigInt(MAX_HEADER)) fail(`the header claims ${claimed} bytes, ${MAX_HEADER} is the limit`);
  const start = 8 + Number(claimed);
  if (start > bytes.length) {
    fail(`the header claims ${claimed} bytes, the file has ${bytes.length - 8} after the length`);
  }

  const header = parseHeader(bytes.subarray(8, start));
  let metadata: Record<string, string> = {};
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA) metadata = { ...checkMetadata(value) };
    else entries.push(checkEntry(name, value));
  }

  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const available = bytes.length - start;
  let at = 0;
  for (const { name, begin, end } of entries) {
    if (begin < at) fail(`tensor "${name}" begins at byte ${begin}, inside the tensor before it`);
    if (begin > at) fail(`${begin - at} bytes before tensor "${name}" belong to no tensor`);
    if (end > available) {
      fail(`tensor "${name}" ends at byte ${end}, the file holds ${available} bytes of tensors: it is cut short`);
    }
    at = end;
  }
  if (at !== available) fail(`${available - at} bytes at the end belong to no tensor`);
  const named = Object.keys(metadata).find(isChecksum), checked = named !== undefined;
  if (checked) refuseDamage(bytes, start, metadata[CHECKSUM] ?? "");
  delete metadata[CHECKSUM];

  return { entries, start, metadata, checked };
}

/** True for the name of the checksum, also with a letter damaged: a file must not pass for one without. */
function isChecksum(key: string): boolean {
  return key.length === CHECKSUM.length && [...key].filter((letter, i) => letter !== CHECKSUM[i]).length <= 1;
}

/** Throws where the bytes, whose header ends at `start`, do not fit their checksum. */
function refuseDamage(bytes: Uint8Array, start: number, stated: string): void {
  const at = digitsIn(bytes, start);
  if (at >= 0 && DIGITS.test(stated)) {
    const zeros = new TextEncoder().encode(ZEROS);
    const found = crc32c(bytes.subarray(at + 8), crc32c(zeros, crc32c(bytes.subarray(0, at))));
    if (hexadecimal(found) === stated) return;
  }
  fail(
    `its bytes do not fit its checksum: they were damaged, or changed by another program, which should take ` +
      `"${CHECKSUM}" out of the metadata`,
  );
}

/** Byte at which the digits of the checksum stand in a header that ends at `start`; -1 where they do not. */
function digitsIn(bytes: Uint8Array, start: number): number {
  const before = new TextEncoder().encode(`"${CHECKSUM}":"`);
  for (let at = bytes.indexOf(before[0], 8); at >= 0 && at < start; at = bytes.indexOf(before[0], at + 1)) {
    if (before.every((byte, i) => bytes[at + i] === byte)) return at + before.length;
  }
  return -1;
}

interface Entry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    fail("the header is not UTF-8");
  }
  if (!text.startsWith("{")) fail("the header does not begin with {");
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    fail(`the header is not JSON: ${(error as Error).message}`);
  }
  refuseRepeatedKeys(text);
  return header as Record<string, unknown>;
}

/**
 * JSON.parse keeps the last of two equal keys without a word, and another reader may keep the first. `text` is JSON. Strings
 * are stepped over by hand: a regular expression would run out of stack in one of megabytes.
 */
function refuseRepeatedKeys(text: string): void {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "{") open.push(new Set());
    else if (text[at] === "}") open.pop();
    if (text[at] !== '"') continue;
    const begin = at++;
    for (; text[at] !== '"'; at++) if (text[at] === "\\") at++;
    let next = at + 1;
    while (" \t\n\r".includes(text[next])) next++;
    if (text[next] !== ":") continue;
    const key = JSON.parse(text.slice(begin, at + 1)) as string;
    const seen = open.at(-1)!;
    if (seen.has(key)) fail(`the header has the key "${key}" twice`);
    seen.add(key);
  }
}

function checkMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value)) fail(`${METADATA} is not an object`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") fail(`${METADATA} "${key}" is not a string`);
  }
  return value as Record<string, string>;
}

function checkEntry(name: string, value: unknown): Entry {
  if (!isRecord(value)) fail(`tensor "${name}" is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  for (const key of Object.keys(value)) {
    if (!["dtype", "shape", "data_offsets"].includes(key)) fail(`tensor "${name}" has an unknown key "${key}"`);
  }
  if (typeof dtype !== "string" || !Object.hasOwn(ARRAYS, dtype)) fail(unknownType(name, dtype));
  if (!Array.isArray(shape) || !shape.every(isCount)) fail(`tensor "${name}" has no shape of non-negative integers`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    fail(`tensor "${name}" has no data_offsets of two non-negative integers`);
  }
  const [begin, end] = offsets as [number, number];
  if (end < begin) fail(`tensor "${name}" ends at byte ${end}, before it begins at ${begin}`);
  const wanted = elementCount(shape) * ARRAYS[dtype as SafetensorsDType].BYTES_PER_ELEMENT;
  if (!Number.isSafeInteger(wanted)) fail(`tensor "${name}" of shape [${shape}] is too large to address`);
  if (wanted !== end - begin) {
    fail(
      `tensor "${name}" of type ${dtype} and shape [${shape}] takes ${wanted} bytes, its offsets span ${end - begin}`,
    );
  }
  return { name, dtype: dtype as SafetensorsDType, shape, begin, end };
}

function unknownType(name: string, dtype: unknown): string {
  // Not more of it: what a file holds there may be deep.
  const found = typeof dtype === "string" ? JSON.stringify(dtype) : typeof dtype;
  return `tensor "${name}" has ${dtype === undefined ? "no type" : `the type ${found}`}; known: ${
    Object.keys(ARRAYS).join(", ")
  }`;
}

/** JSON text of the header; not by way of an object, which would reorder number-like names. */
function stringifyHeader(header: ReadonlyMap<string, unknown>): string {
  return `{${[...header].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`;
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fail(reason: string): never {
  throw new SafetensorsError(shortened(`safetensors: ${reason}`));
}
