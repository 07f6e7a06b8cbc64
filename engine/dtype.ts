/** Element types of tensors and the typed arrays that carry them on the host. */
import { DTypeError } from "./base/errors.ts";

/** Element type: 32-bit floats and integers, and 16-bit floats for storage where the adapter has `shader-f16`. */
export type DType = "f32" | "i32" | "u32" | "f16";

/** Every {@link DType}. */
export const DTYPES: readonly DType[] = ["f32", "i32", "u32", "f16"];

/** A host array that can fill, or be read from, a tensor. */
export type TypedArray =
  | Float32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Float16Array<ArrayBuffer>;

/** The host array of each element type. */
export interface HostArray {
  /** 32-bit float. */
  f32: Float32Array<ArrayBuffer>;
  /** 32-bit signed integer. */
  i32: Int32Array<ArrayBuffer>;
  /** 32-bit unsigned integer. */
  u32: Uint32Array<ArrayBuffer>;
  /** 16-bit float. */
  f16: Float16Array<ArrayBuffer>;
}

/** Bytes of one element. */
export function bytesOf(dtype: DType): number {
  return dtype === "f16" ? 2 : 4;
}

/** A host array of `dtype` from numbers, or over the bytes of `buffer`. */
export function hostArray(dtype: DType, from: ArrayBuffer | ArrayLike<number> | number): TypedArray {
  const Ctor = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, f16: Float16Array }[dtype];
  if (typeof from === "number") return new Ctor(from) as TypedArray;
  if (from instanceof ArrayBuffer) return new Ctor(from) as TypedArray;
  return Ctor.from(from) as TypedArray;
}

/** The element type a typed array holds; throws {@link DTypeError} for arrays no tensor can hold. */
export function dtypeOfArray(array: ArrayBufferView): DType {
  if (array instanceof Float32Array) return "f32";
  if (array instanceof Int32Array) return "i32";
  if (array instanceof Uint32Array) return "u32";
  if (array instanceof Float16Array) return "f16";
  throw new DTypeError(
    `a tensor cannot be made from ${array.constructor.name}; use Float32Array, Int32Array, Uint32Array or Float16Array`,
  );
}
