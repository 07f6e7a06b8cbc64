/** The common form of files of weights: named tensors whose numbers are turned into f32 when asked for. */

/** A tensor in a file. */
export interface StoredTensor {
  /** Extents, outermost axis first. */
  readonly shape: readonly number[];
  /** The elements, row-major, as f32. */
  read(): Float32Array<ArrayBuffer>;
}

/** A file of weights. */
export interface WeightFile {
  /** Kind of file, in words. */
  readonly format: string;
  /** Tensors by name. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Metadata of the file, such as the vocabulary of the module network's authors; empty where there are none. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The file cannot be read, or must not be; the message is the reason. */
export class WeightsError extends Error {
  override readonly name = "WeightsError";
}

/** Element types of the formats, and their bytes. */
export const ELEMENT_BYTES = {
  f64: 8,
  f32: 4,
  f16: 2,
  bf16: 2,
  i64: 8,
  i32: 4,
  i16: 2,
  i8: 1,
  u8: 1,
  bool: 1,
} as const;

/** Type of an element in a file. */
export type Element = keyof typeof ELEMENT_BYTES;

/** Little-endian elements as f32. `bytes` holds a whole number of them. */
export function toFloat32(bytes: Uint8Array, element: Element): Float32Array<ArrayBuffer> {
  const own = new Uint8Array(bytes).buffer;
  switch (element) {
    case "f32":
      return new Float32Array(own);
    case "f64":
      return new Float32Array(new Float64Array(own));
    case "f16":
      return new Float32Array(new Float16Array(own));
    case "bf16": {
      const bits = Uint32Array.from(new Uint16Array(own), (half) => half << 16);
      return new Float32Array(bits.buffer);
    }
    case "i64":
      return Float32Array.from(new BigInt64Array(own), Number);
    case "i32":
      return new Float32Array(new Int32Array(own));
    case "i16":
      return new Float32Array(new Int16Array(own));
    case "i8":
      return new Float32Array(new Int8Array(own));
    case "u8":
    case "bool":
      return new Float32Array(new Uint8Array(own));
  }
}

/** Number of elements of a shape a file claims. Throws {@link WeightsError} for extents that are none or overflow. */
export function claimedSize(name: string, shape: readonly number[]): number {
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0) || !Number.isSafeInteger(size * 8)) {
    throw new WeightsError(`tensor "${name}" claims the shape [${shape.join(", ")}], which cannot be`);
  }
  return size;
}
