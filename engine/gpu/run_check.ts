/** Checks of what a user's kernel is run on, so that a slip is named where it is made. */
import { DTypeError, EngineError } from "../base/errors.ts";
import type { KernelInterface } from "./wgsl.ts";

/** The part of a tensor that is checked. */
interface Bound {
  readonly dtype: string;
  readonly device: object;
}

/** Throws where memory that a kernel writes is bound to another of its variables too, which no device allows. */
export function checkMemory<T>(
  kernel: string,
  { storage }: KernelInterface,
  memoryOf: (name: string) => T | undefined,
): void {
  for (const { name } of storage.filter(({ writable }) => writable)) {
    const memory = memoryOf(name);
    const twin = memory !== undefined &&
      storage.find((other) => other.name !== name && memoryOf(other.name) === memory);
    if (twin) {
      throw new EngineError(
        `${kernel}: "${name}" and "${twin.name}" are the same memory, which is written; clone() one`,
      );
    }
  }
}

/** Throws for names that a kernel does not have, or lacks, and for tensors of another type or device than it wants. */
export function checkRun(
  kernel: string,
  { storage, params }: KernelInterface,
  device: object,
  bind: Readonly<Record<string, Bound | null>>,
  given: Readonly<Record<string, unknown>> = {},
): void {
  checkNames(kernel, "storage variable", storage.map(({ name }) => name), Object.keys(bind));
  checkNames(kernel, "parameter", params.map(({ name }) => name), Object.keys(given));
  for (const { name, element } of storage) {
    const tensor = bind[name];
    if (tensor === null) continue;
    if (tensor.device !== device) throw new EngineError(`${kernel}: "${name}" is a tensor of another device`);
    if (element !== undefined && element !== tensor.dtype) {
      throw new DTypeError(`${kernel}: "${name}" holds ${element}, not ${tensor.dtype}; cast the tensor`);
    }
  }
}

function checkNames(kernel: string, kind: string, wanted: readonly string[], given: readonly string[]): void {
  const all = wanted.length === 0 ? "it has none" : `it has ${wanted.join(", ")}`;
  const unknown = given.find((name) => !wanted.includes(name));
  if (unknown !== undefined) throw new EngineError(`${kernel}: there is no ${kind} "${unknown}"; ${all}`);
  const missing = wanted.find((name) => !given.includes(name));
  if (missing !== undefined) throw new EngineError(`${kernel}: the ${kind} "${missing}" is not given; ${all}`);
}
