/** `checkFunction`: one WGSL function alone against a float64 reference, on many arguments. */
import { ArgumentError } from "../base/errors.ts";
import { described, expectFunction, expectOptions, expectSize, type NamesOf } from "../base/given.ts";
import type { TypedArray } from "../dtype.ts";
import { allKernels, type ShaderText } from "../gpu/kernel.ts";
import { kernel } from "../kernel.ts";
import { type KernelCheck, kernelSubject, ulpOf } from "./checks/kernel_subject.ts";
import type { CheckName } from "./checks/names.ts";
import { CheckError, type CheckReport } from "./checks/report.ts";
import { textsOf } from "./kernel.ts";
import { checkOn, expectOwn, OWN, type OwnOptions } from "./on_device.ts";
import { type Random, randomStream } from "./random.ts";
import { type Alone, aloneKernel, ARGUMENT, COUNT, ENTRY, type Numbers, RESULT, stored } from "./wgsl/alone.ts";

/** An argument or a result: a number, or those of a vector; of bools 0 and 1. */
export type FunctionValue = number | readonly number[];

/** Options of {@link checkFunction}. */
export interface CheckFunctionOptions extends OwnOptions {
  /** Smallest and largest value of each parameter, of each component of a vector; ends included. */
  readonly ranges: readonly (readonly [low: number, high: number])[];
  /** The function in float64. */
  readonly reference: (...values: never[]) => FunctionValue;
  /** Units in the last place of what it should be that it may be off by. */
  readonly ulps: number;
  /** Distance that it may be off by anyhow, as near a zero of the function; default none. */
  readonly absolute?: number;
  /** Overridable constants by name. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Fields of the text's `Params`, where the function reads them. */
  readonly params?: Readonly<Record<string, number | readonly number[]>>;
  /** Arguments that it is run on; default 4096. */
  readonly count?: number;
}

const NAMES: NamesOf<CheckFunctionOptions> = {
  ...OWN,
  ranges: true,
  reference: true,
  ulps: true,
  absolute: true,
  constants: true,
  params: true,
  count: true,
};

const CHECKS: readonly CheckName[] = ["runs", "values", "repeats", "poison", "indices"];

/**
 * Checks one WGSL function alone, by a kernel that is made around it: at the ends of its ranges, at 0 and ±1 where they lie inside,
 * at random, and at numbers of random size. `text` is the text it stands in, or several that it needs, library texts first; or the
 * name of a shader of the engine, which then has the library texts of one of its kernels.
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { checkFunction } from "@itera/itera/testing";
 *
 * const text = `
 *   override GAIN: f32 = 1.0;
 *   fn softplus(x: f32) -> f32 { return GAIN * (max(x, 0.0) + log(1.0 + exp(-abs(x)))); }`;
 * const report = await checkFunction({ file: "softplus.wgsl", text }, "softplus", {
 *   ranges: [[-1, 80]],
 *   reference: (x: number) => 2 * (Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
 *   constants: { GAIN: 2 },
 *   ulps: 8,
 * });
 * strictEqual(report.faults.length, 0);
 * ```
 *
 * @throws {CheckError} with the arguments at which it is furthest off.
 * @throws {KernelError} where there is no such function, or it uses memory of a kernel.
 */
export async function checkFunction(
  text: string | ShaderText | readonly ShaderText[],
  name: string,
  options: CheckFunctionOptions,
): Promise<CheckReport> {
  const parts = typeof text === "string" ? ownTexts(text) : textsOf("checkFunction", text);
  expectOptions("checkFunction", options, NAMES);
  expectOwn("checkFunction", options);
  expectFunction("checkFunction", "reference", options.reference);
  const { ranges, ulps, absolute = 0, constants, params, count = 4096, seed = 1, device, checks = CHECKS } = options;
  expectSize("checkFunction", "count", count);
  if (typeof ulps !== "number" || !(ulps >= 0)) {
    throw new ArgumentError(`checkFunction: ulps is a number, 0 or more, not ${described(ulps)}`);
  }
  const { file } = parts.at(-1)!, alone = aloneKernel(parts.map((part) => part.text).join("\n"), name, file);
  const { parameters, result } = alone;
  if (!Array.isArray(ranges) || ranges.length !== parameters.length) {
    const wanted = parameters.map((parameter) => parameter.name).join(", ");
    throw new ArgumentError(`checkFunction: "${name}" takes ${wanted || "nothing"}; give a range for each`);
  }
  const random = randomStream(`${file}:${name}`, seed);
  const values = parameters.map((parameter, k) => argumentsOf(parameter, ranges[k], count, random));
  const wanted = Array.from({ length: count }, (_, i) => [referenceAt(options, alone, values, i)].flat()).flat();
  const check: KernelCheck = {
    inputs: {
      ...Object.fromEntries(values.map((data, k) => [`${ARGUMENT}${k}`, { shape: [data.length], data }])),
      [COUNT]: { shape: [1], data: Uint32Array.of(count) },
    },
    outputs: { [RESULT]: { shape: [count * result.count], dtype: stored(result) } },
    grid: (_, device) => device.grid(count, 64),
    reference: () => ({ [RESULT]: wanted }),
    bound: (expected) => ulps * ulpOf(expected) + absolute,
    ...constants ? { constants: [constants] } : {},
    ...params ? { params } : {},
  };
  const declared = kernel(ENTRY, ...parts, { file, text: alone.text });
  const subject = { ...kernelSubject(declared, check, seed), name: `${file}:${name}` };
  try {
    const [report] = await checkOn(device ? [device] : null, 1, checks, () => subject);
    return report;
  } catch (error) {
    throw error instanceof CheckError
      ? new CheckError(error.reports.map((report) => named(report, name, alone, values)))
      : error;
  }
}

/** A report whose wrong values are named by their arguments. */
function named(
  report: CheckReport,
  name: string,
  { parameters, result }: Alone,
  values: readonly TypedArray[],
): CheckReport {
  const worst = report.samples.find(({ compared }) => compared.off > 0)?.compared;
  if (!worst?.worst) return report;
  const { index: [at], got, expected, error } = worst.worst, i = Math.floor(at / result.count);
  const given = parameters.map((parameter, k) => wordsOf(valueAt(values[k], parameter, i))).join(", ");
  const component = result.count > 1 ? `[${at % result.count}]` : "";
  const text = `${name}(${given})${component} is ${got}, expected ${expected}, ${error.toPrecision(3)} of its bound; ` +
    `${worst.off} of ${worst.numbers} numbers are off, the others within ${worst.others.toPrecision(2)} of theirs`;
  const ofValues = (check: CheckName): boolean => ["values", "odd sizes"].includes(check);
  return {
    ...report,
    faults: report.faults.map((fault) =>
      ofValues(fault.check) ? { ...fault, check: "values", sample: null, text } : fault
    ),
  };
}

function wordsOf(value: FunctionValue): string {
  return typeof value === "number" ? String(value) : `[${value.join(", ")}]`;
}

function valueAt(values: TypedArray, { count }: Numbers, i: number): FunctionValue {
  return count === 1 ? values[i] : Array.from(values.subarray(i * count, (i + 1) * count));
}

function referenceAt(
  { reference }: CheckFunctionOptions,
  { parameters, result }: Alone,
  values: readonly TypedArray[],
  i: number,
): FunctionValue {
  const given = parameters.map((parameter, k) => valueAt(values[k], parameter, i));
  const wanted = (reference as (...values: FunctionValue[]) => FunctionValue)(...given);
  const { length } = [wanted].flat();
  if (length === result.count) return typeof wanted === "boolean" ? Number(wanted) : wanted;
  throw new ArgumentError(`checkFunction: the reference gives ${length} numbers, the function ${result.count}`);
}

/** Numbers for a parameter: ends, 0 and ±1 first, then some spread evenly and some of all sizes in turns. */
function argumentsOf(
  parameter: Numbers,
  [low, high]: readonly [number, number],
  count: number,
  random: Random,
): TypedArray {
  const { scalar } = parameter, length = count * parameter.count;
  if (!(low <= high)) {
    throw new ArgumentError(`checkFunction: a range goes from low to high, not from ${low} to ${high}`);
  }
  if (scalar === "bool") return Uint32Array.from({ length }, () => Number(random() < 0.5));
  const marks = [low, high, 0, 1, -1].filter((v) => v >= low && v <= high);
  if (scalar !== "f32") {
    const numbers = Array.from(
      { length },
      (_, i) => i < marks.length ? marks[i] : Math.min(high, low + Math.floor(random() * (high - low + 1))),
    );
    return scalar === "i32" ? Int32Array.from(numbers) : Uint32Array.from(numbers);
  }
  const largest = Math.max(Math.abs(low), Math.abs(high)), span = Math.log2(largest) + 30;
  const ofAnySize = (): number => (random() < 0.5 ? -1 : 1) * largest * 2 ** (-span * random());
  return Float32Array.from({ length }, (_, i) => {
    if (i < marks.length) return marks[i];
    const even = low + random() * (high - low);
    if (i % 2 === 0) return even;
    const sized = ofAnySize();
    return sized >= low && sized <= high ? sized : -sized >= low && -sized <= high ? -sized : even;
  });
}

/** Texts of an engine's shader, with the library texts that one of its kernels has. */
function ownTexts(file: string): [ShaderText, ...ShaderText[]] {
  const found = allKernels().find(({ parts, traits }) => !traits.users && parts.some((part) => part.file === file));
  if (found) return [...found.parts] as [ShaderText, ...ShaderText[]];
  throw new ArgumentError(`checkFunction: no kernel of the engine has the shader "${file}"`);
}
