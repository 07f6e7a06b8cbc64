/** Safetensors read number by number, as its format says: a length, a header of JSON, the numbers. */
import { independentJson, members, strictText } from "./json.ts";

type Read = (view: DataView, at: number) => number;

const TYPES: Readonly<Record<string, readonly [size: number, read: Read]>> = {
  F64: [8, (view, at) => view.getFloat64(at, true)],
  F32: [4, (view, at) => view.getFloat32(at, true)],
  F16: [2, (view, at) => view.getFloat16(at, true)],
  BF16: [2, (view, at) => {
    const four = new DataView(new ArrayBuffer(4));
    four.setUint16(0, view.getUint16(at, true));
    return four.getFloat32(0);
  }],
  I64: [8, (view, at) => Number(view.getBigInt64(at, true))],
  U64: [8, (view, at) => Number(view.getBigUint64(at, true))],
  I32: [4, (view, at) => view.getInt32(at, true)],
  U32: [4, (view, at) => view.getUint32(at, true)],
  I16: [2, (view, at) => view.getInt16(at, true)],
  U16: [2, (view, at) => view.getUint16(at, true)],
  I8: [1, (view, at) => view.getInt8(at)],
  U8: [1, (view, at) => view.getUint8(at)],
  BOOL: [1, (view, at) => view.getUint8(at)],
};

/** Shape and numbers of each tensor by name; undefined where the file must be refused. */
export function slowSafetensors(bytes: Uint8Array): Map<string, [shape: number[], numbers: number[]]> | undefined {
  if (bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), length = Number(view.getBigUint64(0, true));
  if (8 + length > bytes.length) return undefined;
  const text = strictText(bytes.subarray(8, 8 + length));
  const header = text?.startsWith("{") ? independentJson(text) : undefined;
  if (header === undefined) return undefined;
  const found = new Map<string, [number[], number[]]>();
  for (const [name, entry] of Object.entries(members(header))) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: offsets } = members(entry), type = TYPES[String(dtype)];
    if (!type || !Array.isArray(shape) || !Array.isArray(offsets)) return undefined;
    const [size, read] = type, count = shape.reduce((product: number, extent: number) => product * extent, 1);
    const [from, to] = offsets as number[];
    if (to - from !== count * size || 8 + length + to > bytes.length) return undefined;
    const numbers = Array.from({ length: count }, (_, i) => Math.fround(read(view, 8 + length + from + i * size)));
    found.set(name, [shape as number[], numbers]);
  }
  return found;
}
