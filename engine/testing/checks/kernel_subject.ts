/** A kernel as something that is checked: inputs by shape and range, what it should give, and how far it may be off. */
import type { Device } from "../../device.ts";
import { hostArray, type TypedArray } from "../../dtype.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { SampleInput } from "../../op.ts";
import type { Shape } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { elements } from "../float64/ndarray64.ts";
import { type Random, randomStream } from "../random.ts";
import { EPS32, SAFETY } from "../tolerance.ts";
import type { Result, Wanted } from "./compare.ts";
import { type Case, sizeCheck, type Subject } from "./subject.ts";

/** A value, or what it is for a size. */
export type Sized<T> = T | ((size: number) => T);

/** Numbers of an input as the reference has them: reals as float64, so that what is computed of them is. */
export type ReferenceInput = Float64Array | Int32Array | Uint32Array;

/** An input: drawn in its range, or given. */
export interface KernelInput extends SampleInput {
  /** Its numbers, where they are not to be drawn. */
  readonly data?: TypedArray;
}

/** Description of a kernel's run and of its result. */
export interface KernelCheck {
  /** Storage variables that are filled before it runs, by name; numbers are drawn in their ranges. */
  readonly inputs: Sized<Readonly<Record<string, KernelInput>>>;
  /** Storage variables that it fills, by name. One that is among `inputs` too is compared as it is after the run. */
  readonly outputs: Sized<Readonly<Record<string, Pick<SampleInput, "shape" | "dtype">>>>;
  /** Fields of its `Params` by name. */
  readonly params?: Sized<Readonly<Record<string, number | readonly number[]>>>;
  /** Workgroups; `device.grid(size, 64)` folds them as large sizes need. */
  readonly grid: (size: number, device: Device) => readonly [number, number, number];
  /** Outputs as they should be, in float64, from the inputs by name. */
  readonly reference: (
    inputs: Readonly<Record<string, ReferenceInput>>,
    size: number,
    constants: Readonly<Record<string, number>>,
  ) => Readonly<Record<string, ArrayLike<number>>>;
  /** Bound on the error of a number: units in the last place of what it should be, or the distance for each. */
  readonly bound: number | ((expected: number, output: string, index: number, size: number) => number);
  /** Sets of overridable constants; each is run. Default one, of what the text says. */
  readonly constants?: readonly Readonly<Record<string, number>>[];
  /** Sizes that it is run at where inputs go by the size; default some from 0 to 5000, mostly odd. */
  readonly sizes?: readonly number[];
}

/** Sizes by default: around powers of two and vectors, empty, and of many workgroups. */
export const SIZES: readonly number[] = [0, 1, 2, 3, 4, 7, 8, 31, 64, 65, 130, 256, 1021, 4096, 5003];

function at<T>(value: Sized<T>, size: number): T {
  return typeof value === "function" ? (value as (size: number) => T)(size) : value;
}

/** Distance of a number to the next one that float32 has. */
export function ulpOf(value: number): number {
  return Math.max(2 ** (Math.floor(Math.log2(Math.abs(value))) - 23), 2 ** -149);
}

/** Bound of a number in units of `eps32`, as references give it, from the distance that is allowed. */
export function boundOf(distance: number): number {
  return distance / (SAFETY * EPS32);
}

/** A kernel to be checked. */
export function kernelSubject(kernel: Kernel, check: KernelCheck, seed: number): Subject {
  const sized = typeof check.inputs === "function" || typeof check.outputs === "function";
  const sizes = check.sizes ?? (sized ? SIZES : [1]);
  const [usual = {}, ...others] = check.constants ?? [];
  const make = (constants: Readonly<Record<string, number>>, as: Case["check"] | null): Case[] =>
    sizes.map((size) => kernelCase(kernel, check, size, constants, as, randomStream(`${kernel.name} ${size}`, seed)));
  return {
    name: kernel.name,
    cases: make(usual, null),
    ...others.length > 0
      ? { specialised: () => others.flatMap((constants) => make(constants, "specialisations")) }
      : {},
  };
}

interface Drawn {
  readonly shape: Shape;
  readonly data: TypedArray;
}

function drawnInput(input: KernelInput, random: Random): Drawn {
  const { shape, dtype = "f32", range: [low, high] = [-1, 1], data } = input;
  if (data) return { shape, data };
  const size = elements(shape), real = dtype === "f32" || dtype === "f16";
  return { shape, data: hostArray(dtype, real ? random.reals(size, low, high) : random.integers(size, low, high)) };
}

function kernelCase(
  kernel: Kernel,
  check: KernelCheck,
  size: number,
  constants: Readonly<Record<string, number>>,
  as: Case["check"] | null,
  random: Random,
): Case {
  const described = at(check.inputs, size), outputs = at(check.outputs, size), params = at(check.params, size);
  const inputs = Object.fromEntries(
    Object.entries(described).map(([name, input]) => [name, drawnInput(input, random)]),
  );
  const shapes = [...Object.values(inputs), ...Object.values(outputs)].map(({ shape }) => shape);
  const record = (device: Device): Map<string, Tensor> => {
    const tensors = new Map<string, Tensor>();
    for (const [name, { data, shape }] of Object.entries(inputs)) tensors.set(name, device.tensor(data, shape));
    for (const [name, { shape, dtype }] of Object.entries(outputs)) {
      if (!tensors.has(name)) tensors.set(name, device.empty(shape, dtype));
    }
    const grid = check.grid(size, device), bind = Object.fromEntries(tensors);
    device.run(kernel, { bind, grid, constants, ...params === undefined ? {} : { params } });
    return tensors;
  };
  const set = Object.entries(constants).map(([name, value]) => `${name} = ${value}`);
  const words = Object.entries(inputs).map(([name, { shape }]) => `${name} [${shape}]`);
  return {
    title: [`size ${size}`, ...words, ...set].join(", "),
    check: as ?? sizeCheck(shapes),
    record: (device) => {
      using _scope = device.scope();
      record(device);
    },
    run: async (device): Promise<Result[]> => {
      const reads = (() => {
        using _scope = device.scope();
        const tensors = record(device);
        return Object.keys(outputs).map((name) => {
          const tensor = tensors.get(name)!;
          return { name: `"${name}"`, shape: tensor.shape, values: tensor.data() as Promise<TypedArray> };
        });
      })();
      return await Promise.all(reads.map(async ({ values, ...rest }) => ({ ...rest, values: await values })));
    },
    wanted: () => wantedOf(check, inputs, outputs, size, constants),
  };
}

function wantedOf(
  { reference, bound }: KernelCheck,
  inputs: Readonly<Record<string, Drawn>>,
  outputs: Readonly<Record<string, { readonly shape: Shape }>>,
  size: number,
  constants: Readonly<Record<string, number>>,
): Wanted[] {
  const numbers = Object.entries(inputs).map(([name, { data }]) => {
    const whole = data instanceof Int32Array || data instanceof Uint32Array;
    return [name, whole ? data : Float64Array.from(data)] as const;
  });
  const given = reference(Object.fromEntries(numbers), size, constants);
  return Object.entries(outputs).map(([name, { shape }]): Wanted => {
    const values = given[name];
    if (values === undefined) throw new Error(`the reference gives no "${name}"`);
    const bounds = Float64Array.from(
      values,
      (value, i) => boundOf(typeof bound === "number" ? bound * ulpOf(value) : bound(value, name, i, size)),
    );
    return { name: `"${name}"`, shape, values, bounds };
  });
}
