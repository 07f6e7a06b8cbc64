/** Saving and loading named tensors as safetensors. */
import type { DType, TypedArray } from "./dtype.ts";
import { EngineError, ShapeError } from "./base/errors.ts";
import type { NamedParameter } from "./nn/layers.ts";
import { decodeSafetensors, encodeSafetensors, SafetensorsError, type SafetensorsTensor } from "./safetensors.ts";
import { formatShape, sameShape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

const CODES = { f32: "F32", i32: "I32", u32: "U32", f16: "F16" } as const satisfies Record<
  DType,
  SafetensorsTensor["dtype"]
>;

/** Tensors by name, as parameters or optimiser state give them. */
export type NamedTensors = ReadonlyMap<string, Tensor>;

/** The tensors of named parameters, keyed by `prefix + name`. */
export function tensorsOf(parameters: Iterable<NamedParameter>, prefix = ""): Map<string, Tensor> {
  return new Map([...parameters].map(({ name, tensor }) => [prefix + name, tensor]));
}

/** Reads all tensors (one wait for all) and encodes them with string metadata as a safetensors file. */
export async function saveTensors(
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const entries = [...tensors];
  const arrays = await Promise.all(entries.map(([, tensor]) => tensor.data()));
  const encoded = entries.map(([name, { dtype, shape }], i) =>
    [name, { dtype: CODES[dtype], shape, data: arrays[i] } as SafetensorsTensor] as const
  );
  return encodeSafetensors(encoded, metadata);
}

/** Options of {@link loadTensors}. */
export interface LoadOptions {
  /** Pass over tensors that only the file has; default false. */
  readonly allowExtra?: boolean;
  /** Adds to a file's tensors those that an earlier version did not write. */
  readonly complete?: (tensors: ReadonlyMap<string, SafetensorsTensor>) => ReadonlyMap<string, SafetensorsTensor>;
}

/**
 * Writes the tensors of a safetensors file into tensors of the same names; returns its metadata. Every tensor must be in
 * the file with the same shape and type; tensors only the file has are an error too by default. `what` names the
 * file in errors.
 */
export function loadTensors(
  bytes: Uint8Array,
  into: NamedTensors,
  what: string,
  options: LoadOptions = {},
): Record<string, string> {
  const { tensors: found, metadata } = decode(bytes, what);
  const tensors = options.complete?.(found) ?? found;
  for (const [name, target] of into) {
    const found = tensors.get(name);
    if (!found) throw new EngineError(`${what}: tensor "${name}" is missing; was it made by another model?`);
    if (!sameShape(found.shape, target.shape) || found.dtype !== CODES[target.dtype]) {
      throw new ShapeError(
        `${what}: tensor "${name}" is ${found.dtype} ${formatShape(found.shape)}, the model has ${
          CODES[target.dtype]
        } ${formatShape(target.shape)}`,
      );
    }
  }
  if (!options.allowExtra) {
    const extra = [...tensors.keys()].find((name) => !into.has(name));
    if (extra) throw new EngineError(`${what}: the model has no tensor "${extra}"; was it made by another model?`);
  }
  for (const [name, target] of into) target.write(tensors.get(name)!.data as TypedArray);
  return { ...metadata };
}

function decode(bytes: Uint8Array, what: string): ReturnType<typeof decodeSafetensors> {
  try {
    return decodeSafetensors(bytes);
  } catch (error) {
    if (error instanceof SafetensorsError) throw new SafetensorsError(`${what}: ${error.message}`);
    throw error;
  }
}
