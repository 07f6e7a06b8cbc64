/** Values for the tensors of a model, by name: from other tensors, files or arrays. */
import { ArgumentError, DisposedError } from "../base/errors.ts";
import { described, isPlain } from "../base/given.ts";
import { type DType, dtypeOfArray, type TypedArray } from "../dtype.ts";
import { flawOf, type SafetensorsTensor } from "../safetensors.ts";
import { formatShape, sameShape, sizeOf } from "../shape.ts";
import { Tensor } from "../tensor.ts";

/** Element types, as safetensors files spell them. */
export const CODES = { f32: "F32", i32: "I32", u32: "U32", f16: "F16" } as const satisfies Record<
  DType,
  SafetensorsTensor["dtype"]
>;

/** A value for a tensor: another tensor, one of a safetensors file, or a typed array of as many elements. */
export type NamedValue = Tensor | SafetensorsTensor | TypedArray;

/** A name under which a value and a tensor do not fit. */
export interface Misfit {
  /** The name. */
  readonly name: string;
  /** A tensor without a value, a value without a tensor, or both, of different shapes, types or devices. */
  readonly kind: "missing" | "unexpected" | "misshapen";
  /** The same in words. */
  readonly reason: string;
}

/** Type, shape where it has one, and number of elements of a value. */
function specOf(
  value: NamedValue,
): { readonly dtype: string; readonly shape?: readonly number[]; readonly size: number } {
  if (value instanceof Tensor) return { dtype: CODES[value.dtype], shape: value.shape, size: value.size };
  if (ArrayBuffer.isView(value)) return { dtype: CODES[dtypeOfArray(value)], size: value.length };
  return { dtype: value.dtype, shape: value.shape, size: sizeOf(value.shape) };
}

/** Named values, which are such: a map, or an object of nothing else. Throws {@link ArgumentError} otherwise. */
export function expectNamedValues(where: string, values: unknown): ReadonlyMap<string, NamedValue> {
  const named = expectNamed(where, "values", values);
  for (const [name, value] of named) {
    if (value instanceof Tensor || (ArrayBuffer.isView(value) && !(value instanceof DataView))) continue;
    if (value === null || typeof value !== "object" || !("dtype" in value)) {
      throw new ArgumentError(
        `${where}: "${name}" is a tensor, a typed array or a tensor of a file, not ${described(value)}`,
      );
    }
    const flaw = flawOf(name, value);
    if (flaw) throw new ArgumentError(`${where}: ${flaw}`);
  }
  return named as ReadonlyMap<string, NamedValue>;
}

/** Values by name, from a map or an object. Throws {@link ArgumentError} for anything else. */
export function expectNamed(where: string, what: string, given: unknown): ReadonlyMap<string, unknown> {
  if (given instanceof Map) return given;
  if (isPlain(given)) return new Map(Object.entries(given));
  throw new ArgumentError(`${where}: ${what} are named in a map or an object, not ${described(given)}`);
}

/** Throws {@link DisposedError} where a tensor that would be written, or its value, is gone: before any is written. */
export function expectAlive(
  where: string,
  into: ReadonlyMap<string, Tensor>,
  values: ReadonlyMap<string, NamedValue>,
): void {
  for (const [name, target] of into) {
    const value = values.get(name);
    if (value === undefined) continue;
    if (target.disposed) throw new DisposedError(`${where}: the model's tensor "${name}" is disposed`);
    if (value instanceof Tensor && value.disposed) {
      throw new DisposedError(`${where}: the tensor given for "${name}" is disposed`);
    }
  }
}

/** All names under which values do not fit tensors, in the order of the tensors, then of the values. */
export function misfits(into: ReadonlyMap<string, Tensor>, values: ReadonlyMap<string, NamedValue>): Misfit[] {
  const found = [...into].flatMap(([name, target]): Misfit[] => {
    const value = values.get(name);
    if (!value) return [{ name, kind: "missing", reason: `tensor "${name}" is missing` }];
    if (value instanceof Tensor && value.device !== target.device) {
      return [{ name, kind: "misshapen", reason: `tensor "${name}" lives on another device` }];
    }
    const { dtype, shape, size } = specOf(value), wanted = CODES[target.dtype];
    const fits = dtype === wanted && (shape ? sameShape(shape, target.shape) : size === target.size);
    if (fits) return [];
    const own = `${dtype} ${shape ? formatShape(shape) : `of ${size} elements`}`;
    const reason = `tensor "${name}" is ${own}, the model has ${wanted} ${formatShape(target.shape)}`;
    return [{ name, kind: "misshapen", reason }];
  });
  const unexpected = [...values.keys()].filter((name) => !into.has(name)).map((name): Misfit => (
    { name, kind: "unexpected", reason: `the model has no tensor "${name}"` }
  ));
  return [...found, ...unexpected];
}

/** Writes the values that have a tensor of their name; they must fit. */
export function fillTensors(into: ReadonlyMap<string, Tensor>, values: ReadonlyMap<string, NamedValue>): void {
  for (const [name, target] of into) {
    const value = values.get(name);
    if (value instanceof Tensor) target.copyFrom(value);
    else if (value) target.write((ArrayBuffer.isView(value) ? value : value.data) as TypedArray);
  }
}

/** The numbers of named tensors as a file would hold them; one wait for all. */
export async function readTensors(
  tensors: ReadonlyMap<string, Tensor>,
): Promise<[name: string, tensor: SafetensorsTensor][]> {
  const entries = [...tensors];
  const arrays = await Promise.all(entries.map(([, tensor]) => tensor.data()));
  return entries.map((
    [name, { dtype, shape }],
    i,
  ) => [name, { dtype: CODES[dtype], shape, data: arrays[i] } as SafetensorsTensor]);
}
