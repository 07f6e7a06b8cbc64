/** Checks of what a user's kernel is run on, so that a slip is named where it is made. */
import { ArgumentError, DTypeError, EngineError } from "../base/errors.ts";
import { described, expectNumber, expectNumbers, expectOptions, expectSize } from "../base/given.ts";
import type { KernelInterface, ParamField } from "./wgsl.ts";

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

/** Values of a run, as callers without types give them. */
export interface GivenRun {
  readonly bind: Readonly<Record<string, unknown>>;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly constants?: Readonly<Record<string, unknown>>;
  readonly grid: unknown;
}

/**
 * Throws for names that a kernel does not have, or lacks, for tensors of another type or device than it wants, and for
 * numbers that are none. A variable that is declared and not reached may be given; the compiler knows why it is not.
 */
export function checkRun(
  kernel: string,
  own: KernelInterface,
  device: object,
  isTensor: (value: unknown) => value is Bound,
  run: GivenRun,
): void {
  expectOptions(kernel, run, { bind: true, params: true, constants: true, grid: true });
  const { bind, params = {}, constants = {}, grid } = run;
  for (const [what, value] of Object.entries({ bind, params, constants })) {
    if (typeof value !== "object" || value === null) {
      throw new ArgumentError(`${kernel}: ${what} is an object, not ${described(value)}`);
    }
  }
  checkNames(kernel, "storage variable", own.storage.map(({ name }) => name), Object.keys(bind), own.declared);
  checkNames(kernel, "parameter", own.params.map(({ name }) => name), Object.keys(params));
  const elements = new Map(own.storage.map(({ name, element }) => [name, element]));
  for (const [name, tensor] of Object.entries(bind)) {
    const element = elements.get(name);
    if (tensor === null) continue;
    if (!isTensor(tensor)) {
      throw new ArgumentError(`${kernel}: "${name}" is a tensor or null, not ${described(tensor)}`);
    }
    if (tensor.device !== device) throw new EngineError(`${kernel}: "${name}" is a tensor of another device`);
    if (element !== undefined && element !== tensor.dtype) {
      throw new DTypeError(`${kernel}: "${name}" holds ${element}, not ${tensor.dtype}; cast the tensor`);
    }
  }
  for (const field of own.params) checkParameter(kernel, field, params[field.name]);
  for (const name in constants) expectNumber(kernel, `the constant "${name}"`, constants[name]);
  expectNumbers(kernel, "the grid", grid);
  if ((grid as number[]).length !== 3) {
    throw new ArgumentError(`${kernel}: the grid has ${(grid as number[]).length} counts, not 3`);
  }
  for (const count of grid as number[]) expectSize(kernel, "a count of the grid", count, 0);
}

/** Throws unless a parameter's value is a number, or as many as it has components, of its type. */
function checkParameter(kernel: string, { name, scalar, width }: ParamField, value: unknown): void {
  const what = `the parameter "${name}"`;
  if (width > 1) {
    expectNumbers(kernel, what, value);
    const { length } = value as number[];
    if (length !== width) throw new ArgumentError(`${kernel}: ${what} has ${width} components, not ${length}`);
  } else expectNumber(kernel, what, value);
  if (scalar === "f32") return;
  const [low, high] = scalar === "u32" ? [0, 2 ** 32] : [-(2 ** 31), 2 ** 31];
  for (const one of [value].flat() as number[]) {
    if (Number.isInteger(one) && one >= low && one < high) continue;
    throw new ArgumentError(`${kernel}: ${what} is ${one}, which is no ${scalar}`);
  }
}

function checkNames(
  kernel: string,
  kind: string,
  wanted: readonly string[],
  given: readonly string[],
  allowed: readonly string[] = wanted,
): void {
  const all = wanted.length === 0 ? "it has none" : `it has ${wanted.join(", ")}`;
  const unknown = given.find((name) => !allowed.includes(name));
  if (unknown !== undefined) throw new EngineError(`${kernel}: there is no ${kind} "${unknown}"; ${all}`);
  const missing = wanted.find((name) => !given.includes(name));
  if (missing !== undefined) throw new EngineError(`${kernel}: the ${kind} "${missing}" is not given; ${all}`);
}
